"""Many numbers made few: sums, means, extremes, orders.

``axis`` is one axis, several, or None for all; with ``keepdims`` the axes stay, of length one.

Example:
    >>> mean([[1.0, 3.0], [5.0, 7.0]], axis=-1)
    tensor([2., 6.])
"""

from collections.abc import Sequence
from typing import Any

import torch

from latih.dtypes import torch_dtype
from latih.errors import InputError
from latih.ops.conversion import alike, convert_to_tensor, floats

Axis = int | Sequence[int] | None

# Keras adds up small whole numbers in 32 bits, and leaves 64 as they are; torch has 64 for all.
SUMMED_IN_32_BITS = (torch.bool, torch.int8, torch.int16, torch.uint8)


def _sum_type(x: torch.Tensor, dtype: Any = None) -> torch.dtype:
    if dtype is not None:
        return torch_dtype(dtype)
    return torch.int32 if x.dtype in SUMMED_IN_32_BITS else x.dtype


def _ordered(x: Any) -> torch.Tensor:
    x = convert_to_tensor(x)
    return x.to(torch.uint8) if x.dtype == torch.bool else x  # truths have no order to torch


def _all_axes(x: torch.Tensor, axis: Axis) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(x.ndim))
    return tuple(axis) if isinstance(axis, Sequence) else (axis,)


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> torch.Tensor:
    """Return ``Σx``."""
    x = convert_to_tensor(x)
    kind = _sum_type(x)
    if isinstance(axis, Sequence) and not axis:
        return x.to(kind)
    return torch.sum(x, dim=_all_axes(x, axis), keepdim=keepdims, dtype=kind)


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> torch.Tensor:
    """Return ``Σx / n``; of whole numbers too, it has a fraction."""
    x = floats(x)
    if isinstance(axis, Sequence) and not axis:
        return x
    return torch.mean(x, dim=_all_axes(x, axis), keepdim=keepdims)


def average(x: Any, axis: Axis = None, weights: Any = None) -> torch.Tensor:
    """Return ``Σwx / Σw``; the mean without weights.

    Args:
        x: the numbers.
        axis: where the mean is taken.
        weights: a weight each, or along one axis.
    """
    if weights is None:
        return mean(x, axis)
    x, weights = (
        floats(value) for value in alike(convert_to_tensor(x), convert_to_tensor(weights))
    )
    if weights.ndim == 1 and x.ndim > 1 and isinstance(axis, int):
        weights = weights.reshape([-1 if place == axis % x.ndim else 1 for place in range(x.ndim)])
    weights = weights.broadcast_to(x.shape)
    return sum(x * weights, axis) / sum(weights, axis)


def prod(x: Any, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> torch.Tensor:
    """Return the product ``Πx``."""
    x = convert_to_tensor(x)
    x = x.to(_sum_type(x, dtype))
    for one in sorted((place % x.ndim for place in _all_axes(x, axis)), reverse=True):
        x = torch.prod(x, dim=one, keepdim=keepdims, dtype=x.dtype)
    return x


def _not_empty(x: torch.Tensor, initial: Any) -> None:
    if not x.numel() and initial is None:
        raise InputError(
            "nothing has no largest and no smallest number",
            expected="at least one number, or `initial`",
            got=f"shape {tuple(x.shape)}",
        )


def max(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> torch.Tensor:
    """Return the largest number; ``initial`` is the least that it can be."""
    x = convert_to_tensor(x)
    _not_empty(x, initial)
    if not x.numel():
        return torch.full((1,) * x.ndim if keepdims else (), initial)
    found = torch.amax(x, dim=_all_axes(x, axis), keepdim=keepdims)
    return found if initial is None else torch.clamp(found, min=initial)


def min(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> torch.Tensor:
    """Return the smallest number; ``initial`` is the most that it can be."""
    x = convert_to_tensor(x)
    _not_empty(x, initial)
    if not x.numel():
        return torch.full((1,) * x.ndim if keepdims else (), initial)
    found = torch.amin(x, dim=_all_axes(x, axis), keepdim=keepdims)
    return found if initial is None else torch.clamp(found, max=initial)


def amax(x: Any, axis: Axis = None, keepdims: bool = False) -> torch.Tensor:
    """Return the largest number."""
    return max(x, axis, keepdims)


def amin(x: Any, axis: Axis = None, keepdims: bool = False) -> torch.Tensor:
    """Return the smallest number."""
    return min(x, axis, keepdims)


def ptp(x: Any, axis: Axis = None, keepdims: bool = False) -> torch.Tensor:
    """Return the largest number less the smallest."""
    return max(x, axis, keepdims) - min(x, axis, keepdims)


def var(x: Any, axis: Axis = None, keepdims: bool = False) -> torch.Tensor:
    """Return ``Σ(x - x̄)² / n``: the variance, divided by n and not by n - 1."""
    x = floats(x)
    if isinstance(axis, Sequence) and not axis:
        return torch.zeros_like(x)
    return torch.var(x, dim=_all_axes(x, axis), correction=0, keepdim=keepdims)


def std(x: Any, axis: Axis = None, keepdims: bool = False) -> torch.Tensor:
    """Return the root of :func:`var`."""
    return torch.sqrt(var(x, axis, keepdims))


def quantile(
    x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> torch.Tensor:
    """Return the number below which a part ``q`` of the others lies.

    Args:
        x: the numbers.
        q: one part or several, 0..1.
        axis: where they are ordered.
        method: what is taken between two numbers: ``"linear"``, ``"lower"``, ``"higher"``,
            ``"nearest"`` or ``"midpoint"``.
        keepdims: whether the axes stay.

    Example:
        >>> quantile([1.0, 2.0, 3.0, 10.0], 0.5)
        tensor(2.5000)
    """
    x = floats(x)
    where = sorted(place % x.ndim for place in _all_axes(x, axis))
    rest = [place for place in range(x.ndim) if place not in where]
    merged = x.permute(*rest, *where).reshape([x.shape[place] for place in rest] + [-1])
    found = torch.quantile(merged, convert_to_tensor(q).to(x.dtype), dim=-1, interpolation=method)
    if keepdims:
        kept = [1 if place in where else size for place, size in enumerate(x.shape)]
        found = found.reshape([*convert_to_tensor(q).shape, *kept])
    return found


def median(x: Any, axis: Axis = None, keepdims: bool = False) -> torch.Tensor:
    """Return the number in the middle; the mean of the two that are there."""
    return quantile(x, 0.5, axis, keepdims=keepdims)


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> torch.Tensor:
    """Return ``log Σ exp x``, without overflow."""
    x = floats(x)
    return torch.logsumexp(x, dim=_all_axes(x, axis), keepdim=keepdims)


def count_nonzero(x: Any, axis: Axis = None) -> torch.Tensor:
    """Return how many numbers are not 0."""
    return sum(convert_to_tensor(x) != 0, axis)


def all(x: Any, axis: Axis = None, keepdims: bool = False) -> torch.Tensor:
    """Say whether every one holds."""
    x = convert_to_tensor(x).to(torch.bool)
    return torch.all(x, dim=_all_axes(x, axis), keepdim=keepdims)


def any(x: Any, axis: Axis = None, keepdims: bool = False) -> torch.Tensor:
    """Say whether some one holds."""
    x = convert_to_tensor(x).to(torch.bool)
    return torch.any(x, dim=_all_axes(x, axis), keepdim=keepdims)


# Places


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> torch.Tensor:
    """Return the place of the largest number, the first of several.

    Example:
        >>> argmax([[1.0, 3.0], [7.0, 5.0]], axis=-1)
        tensor([1, 0], dtype=torch.int32)
    """
    return torch.argmax(_ordered(x), dim=axis, keepdim=keepdims).to(torch.int32)


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> torch.Tensor:
    """Return the place of the smallest number, the first of several."""
    return torch.argmin(_ordered(x), dim=axis, keepdim=keepdims).to(torch.int32)


def argsort(x: Any, axis: int | None = -1) -> torch.Tensor:
    """Return the places of the numbers in rising order."""
    x = _ordered(x)
    x, axis = (x.reshape(-1), -1) if axis is None else (x, axis)
    return torch.argsort(x, dim=axis, stable=True).to(torch.int32)


def sort(x: Any, axis: int | None = -1) -> torch.Tensor:
    """Return the numbers in rising order."""
    x = convert_to_tensor(x)
    x, axis = (x.reshape(-1), 0) if axis is None else (x, axis)
    return torch.sort(x, dim=axis).values


def top_k(x: Any, k: int, sorted: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the ``k`` largest numbers of the last axis, and their places."""
    values, places = torch.topk(convert_to_tensor(x), k, sorted=sorted)
    return values, places


def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> torch.Tensor:
    """Return where each value would stand in a sequence in rising order.

    Args:
        sorted_sequence: the sequence, with one axis.
        values: the values.
        side: on which side of its equals a value stands, ``"left"`` or ``"right"``.
    """
    sequence, values = alike(convert_to_tensor(sorted_sequence), convert_to_tensor(values))
    return torch.searchsorted(sequence, values.contiguous(), side=side, out_int32=True)


def digitize(x: Any, bins: Any) -> torch.Tensor:
    """Return for each number how many bounds, in rising order, are not above it."""
    return torch.bucketize(_ordered(x), convert_to_tensor(bins), right=True).to(torch.int32)


# Running


def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> torch.Tensor:
    """Return the sums of all up to each place."""
    x = convert_to_tensor(x)
    x, axis = (x.reshape(-1), 0) if axis is None else (x, axis)
    return torch.cumsum(x, dim=axis, dtype=_running_type(x, dtype))


def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> torch.Tensor:
    """Return the products of all up to each place."""
    x = convert_to_tensor(x)
    x, axis = (x.reshape(-1), 0) if axis is None else (x, axis)
    return torch.cumprod(x, dim=axis, dtype=_running_type(x, dtype))


def _running_type(x: torch.Tensor, dtype: Any) -> torch.dtype:
    kind = x.dtype if dtype is None else torch_dtype(dtype)
    return torch.int32 if kind == torch.bool else kind


def diff(a: Any, n: int = 1, axis: int = -1) -> torch.Tensor:
    """Return the differences of neighbours, ``n`` times over."""
    return torch.diff(convert_to_tensor(a), n=n, dim=axis)


# Groups


def bincount(
    x: Any, weights: Any = None, minlength: int = 0, sparse: bool | None = False
) -> torch.Tensor:
    """Return how often each whole number from 0 occurs.

    Args:
        x: whole numbers >= 0, with one axis, or two of which each row is counted apart.
        weights: what each occurrence counts; None for 1.
        minlength: how many numbers are counted at least.
        sparse: taken for Keras's sake; tensors are dense.
    """
    x = convert_to_tensor(x, sparse=sparse).to(torch.int64)
    given = None if weights is None else convert_to_tensor(weights)
    if x.ndim == 2:
        length = int(x.max()) + 1 if x.numel() else 0
        length = length if length > minlength else minlength
        rows = [
            bincount(row, None if given is None else given[place], length)
            for place, row in enumerate(x)
        ]
        return torch.stack(rows)
    counts = torch.bincount(x, weights=given, minlength=minlength)
    return counts.to(torch.int32 if given is None else given.dtype)


def segment_sum(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> torch.Tensor:
    """Return the sum of the rows that carry the same number.

    Args:
        data: the rows.
        segment_ids: the number of each row, from 0.
        num_segments: how many sums there are; by default the largest number and one.
        sorted: taken for Keras's sake.

    Example:
        >>> segment_sum([1.0, 2.0, 4.0], [0, 1, 0])
        tensor([5., 2.])
    """
    del sorted
    data, places = convert_to_tensor(data), convert_to_tensor(segment_ids).to(torch.int64)
    length = int(places.max()) + 1 if num_segments is None else num_segments
    sums = torch.zeros((length, *data.shape[1:]), dtype=data.dtype, device=data.device)
    return sums.index_add(0, places, data)


def segment_max(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> torch.Tensor:
    """Return the largest of the rows that carry the same number.

    Args:
        data: the rows.
        segment_ids: the number of each row, from 0.
        num_segments: how many there are; by default the largest number and one.
        sorted: taken for Keras's sake.
    """
    del sorted
    data, places = convert_to_tensor(data), convert_to_tensor(segment_ids).to(torch.int64)
    length = int(places.max()) + 1 if num_segments is None else num_segments
    kind = torch.finfo(data.dtype) if data.is_floating_point() else torch.iinfo(data.dtype)
    least = -torch.inf if data.is_floating_point() else kind.min
    largest = torch.full((length, *data.shape[1:]), least, dtype=data.dtype, device=data.device)
    spread = places.reshape([-1] + [1] * (data.ndim - 1)).expand_as(data)
    return largest.scatter_reduce(0, spread, data, "amax")
