"""The same numbers in another shape, or in another place.

Example:
    >>> concatenate([[1, 2], [3]])
    tensor([1, 2, 3], dtype=torch.int32)
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from latih.arguments import one_of
from latih.errors import InputError
from latih.ops.conversion import alike, axes, convert_to_tensor


def reshape(x: Any, newshape: int | Sequence[int]) -> torch.Tensor:
    """Return ``x`` in another shape; -1 stands for the length that is left.

    Example:
        >>> reshape([1, 2, 3, 4], (2, -1)).shape
        torch.Size([2, 2])
    """
    shape = (newshape,) if isinstance(newshape, int) else tuple(int(size) for size in newshape)
    return torch.reshape(convert_to_tensor(x), shape)


def ravel(x: Any) -> torch.Tensor:
    """Return ``x`` with one axis."""
    return convert_to_tensor(x).reshape(-1)


def transpose(x: Any, axes: Sequence[int] | None = None) -> torch.Tensor:
    """Return ``x`` with its axes in another order, reversed by default."""
    x = convert_to_tensor(x)
    return x.permute(*(reversed(range(x.ndim)) if axes is None else axes))


def expand_dims(x: Any, axis: int | Sequence[int]) -> torch.Tensor:
    """Return ``x`` with new axes of length one, at these places of the result."""
    x = convert_to_tensor(x)
    places = (axis,) if isinstance(axis, int) else tuple(axis)
    ndim = x.ndim + len(places)
    for place in sorted(place % ndim if -ndim <= place < ndim else place for place in places):
        x = x.unsqueeze(place)
    return x


def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> torch.Tensor:
    """Return ``x`` without axes of length one.

    Raises:
        InputError: an axis that was named has another length.
    """
    x = convert_to_tensor(x)
    if axis is None:
        return torch.squeeze(x)
    places = (axis,) if isinstance(axis, int) else tuple(axis)
    for place in places:
        if x.shape[place] != 1:
            raise InputError(
                "`axis` of squeeze cannot be taken away",
                expected="an axis of length one",
                got=f"axis {place} of shape {tuple(x.shape)}",
            )
    return torch.squeeze(x, places)


def concatenate(xs: Sequence[Any], axis: int | None = 0) -> torch.Tensor:
    """Return tensors one behind the other along an axis; None for that of all numbers."""
    parts = alike(*(convert_to_tensor(x) for x in xs))
    if axis is None:
        return torch.cat([part.reshape(-1) for part in parts])
    return torch.cat(parts, dim=axis)


def stack(x: Sequence[Any], axis: int = 0) -> torch.Tensor:
    """Return tensors of one shape side by side along a new axis."""
    return torch.stack(alike(*(convert_to_tensor(part) for part in x)), dim=axis)


def hstack(xs: Sequence[Any]) -> torch.Tensor:
    """Return tensors one behind the other along the second axis, or the only one."""
    return torch.hstack(alike(*(convert_to_tensor(x) for x in xs)))


def vstack(xs: Sequence[Any]) -> torch.Tensor:
    """Return tensors one below the other."""
    return torch.vstack(alike(*(convert_to_tensor(x) for x in xs)))


def append(x1: Any, x2: Any, axis: int | None = None) -> torch.Tensor:
    """Return ``x2`` behind ``x1``."""
    return concatenate([x1, x2], axis)


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[torch.Tensor]:
    """Return the parts along an axis, without it."""
    del num  # the axis is as long as it is
    return list(torch.unbind(convert_to_tensor(x), dim=axis))


def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[torch.Tensor]:
    """Return the parts of ``x``.

    Args:
        x: the tensor.
        indices_or_sections: how many equal parts, or where each part after the first begins.
        axis: the axis that is cut.

    Raises:
        InputError: the parts would not be equal.
    """
    x = convert_to_tensor(x)
    if not isinstance(indices_or_sections, int):
        places = [int(place) for place in indices_or_sections]
        return list(torch.tensor_split(x, places, dim=axis))
    if x.shape[axis] % indices_or_sections:
        raise InputError(
            "a tensor cannot be cut into equal parts",
            expected=f"a length that {indices_or_sections} divides",
            got=str(x.shape[axis]),
        )
    return list(torch.tensor_split(x, indices_or_sections, dim=axis))


def tile(x: Any, repeats: int | Sequence[int]) -> torch.Tensor:
    """Return ``x`` repeated as a whole, so many times along each axis."""
    times = (repeats,) if isinstance(repeats, int) else tuple(int(one) for one in repeats)
    return torch.tile(convert_to_tensor(x), times)


def repeat(x: Any, repeats: int | Any, axis: int | None = None) -> torch.Tensor:
    """Return each number of ``x`` repeated."""
    x = convert_to_tensor(x)
    times = repeats if isinstance(repeats, int) else convert_to_tensor(repeats).to(torch.int64)
    return torch.repeat_interleave(x, times, dim=axis)


def flip(x: Any, axis: int | Sequence[int] | None = None) -> torch.Tensor:
    """Return ``x`` with the order along axes reversed; along all by default."""
    x = convert_to_tensor(x)
    places = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return torch.flip(x, tuple(places))


def roll(
    x: Any, shift: int | Sequence[int], axis: int | Sequence[int] | None = None
) -> torch.Tensor:
    """Return ``x`` moved along axes; what leaves at one end comes back at the other."""
    return torch.roll(convert_to_tensor(x), shift, axes(axis))


def rot90(array: Any, k: int = 1, axes: Sequence[int] = (0, 1)) -> torch.Tensor:
    """Return ``x`` turned by ``k`` right angles, from the first of two axes to the second."""
    return torch.rot90(convert_to_tensor(array), k, list(axes))


def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> torch.Tensor:
    """Return ``x`` with axes moved elsewhere, the others staying in order."""
    return torch.moveaxis(convert_to_tensor(x), axes(source), axes(destination))


def swapaxes(x: Any, axis1: int, axis2: int) -> torch.Tensor:
    """Return ``x`` with two axes exchanged."""
    return torch.swapaxes(convert_to_tensor(x), axis1, axis2)


def broadcast_to(x: Any, shape: Sequence[int]) -> torch.Tensor:
    """Return ``x`` repeated along axes of length one, and new ones before, to fill a shape."""
    return torch.broadcast_to(convert_to_tensor(x), tuple(shape))


def pad(
    x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None
) -> torch.Tensor:
    """Return ``x`` with something around it.

    Args:
        x: the tensor.
        pad_width: how much before and behind, for each axis; or one pair, or one number, for all.
        mode: ``"constant"``, ``"reflect"``, ``"symmetric"`` or ``"edge"``.
        constant_values: what is put there in the first mode; 0 by default.

    Example:
        >>> pad([1.0, 2.0], 1)
        tensor([0., 1., 2., 0.])
    """
    one_of(mode, "mode", "pad", ("constant", "reflect", "symmetric", "edge"))
    x = convert_to_tensor(x)
    widths = np.broadcast_to(np.asarray(pad_width, dtype=int), (x.ndim, 2)).tolist()
    if mode == "constant":
        flat = [width for pair in reversed(widths) for width in pair]
        return F.pad(x, flat, value=0 if constant_values is None else constant_values)
    if constant_values is not None:
        raise InputError(
            "`constant_values` of pad belongs to the mode 'constant'", got=f"mode={mode!r}"
        )
    kind: Any = mode
    for axis, pair in enumerate(widths):
        # Where each place of the result comes from, as NumPy has it, for each axis apart.
        places = np.pad(np.arange(x.shape[axis]), pair, mode=kind)
        x = x.index_select(axis, torch.as_tensor(places, device=x.device))
    return x


def meshgrid(*x: Any, indexing: str = "xy") -> list[torch.Tensor]:
    """Return the coordinates of all points of a grid, a tensor for each axis."""
    return list(torch.meshgrid([convert_to_tensor(one) for one in x], indexing=indexing))


# Picking and putting


def get_item(x: Any, key: Any) -> torch.Tensor:
    """Return ``x[key]``.

    Example:
        >>> get_item([[1, 2], [3, 4]], (1, 0))
        tensor(3, dtype=torch.int32)
    """
    # As a list a file has what was a tuple.
    return convert_to_tensor(x)[tuple(key) if isinstance(key, list) else key]


def take(x: Any, indices: Any, axis: int | None = None) -> torch.Tensor:
    """Return the parts of ``x`` at these places of an axis; negative ones count from the end.

    Example:
        >>> take([[1, 2], [3, 4]], [1, 0], axis=0)
        tensor([[3, 4],
                [1, 2]], dtype=torch.int32)
    """
    x, places = convert_to_tensor(x), convert_to_tensor(indices).to(torch.int64)
    if axis is None:
        return take(x.reshape(-1), places, 0)
    own = axis % x.ndim
    places = torch.where(places < 0, places + x.shape[own], places)
    picked = x.index_select(own, places.reshape(-1))
    return picked.reshape((*x.shape[:own], *places.shape, *x.shape[own + 1 :]))


def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> torch.Tensor:
    """Return the numbers of ``x`` at places that differ along the other axes."""
    x, places = convert_to_tensor(x), convert_to_tensor(indices).to(torch.int64)
    length = x.numel() if axis is None else x.shape[axis]
    places = torch.where(places < 0, places + length, places)
    return torch.take_along_dim(x, places, dim=axis)


def slice(inputs: Any, start_indices: Any, shape: Sequence[int]) -> torch.Tensor:
    """Return the block of this shape that starts at these places."""
    inputs = convert_to_tensor(inputs)
    return inputs[_block(start_indices, shape)]


def slice_update(inputs: Any, start_indices: Any, updates: Any) -> torch.Tensor:
    """Return ``inputs`` with a block put in at these places."""
    inputs, updates = convert_to_tensor(inputs).clone(), convert_to_tensor(updates)
    inputs[_block(start_indices, updates.shape)] = updates.to(inputs.dtype)
    return inputs


def _block(starts: Any, shape: Sequence[int]) -> tuple[Any, ...]:
    places = [int(start) for start in starts]
    pairs = zip(places, shape, strict=True)
    return tuple(np.s_[start : start + size] for start, size in pairs)


def scatter(indices: Any, values: Any, shape: Sequence[int]) -> torch.Tensor:
    """Return zeros of a shape with values added at these places.

    Args:
        indices: the places, the last axis naming the axes of the result.
        values: what is put there; what comes to one place is added up.
        shape: the result's shape.

    Example:
        >>> scatter([[0], [2]], [1.0, 3.0], (4,))
        tensor([1., 0., 3., 0.])
    """
    values = convert_to_tensor(values)
    zeros = torch.zeros(tuple(shape), dtype=values.dtype, device=values.device)
    return zeros.index_put(_places(indices), values, accumulate=True)


def scatter_update(inputs: Any, indices: Any, updates: Any) -> torch.Tensor:
    """Return ``inputs`` with other numbers at these places."""
    inputs = convert_to_tensor(inputs)
    return inputs.index_put(_places(indices), convert_to_tensor(updates).to(inputs.dtype))


def _places(indices: Any) -> tuple[torch.Tensor, ...]:
    return torch.unbind(convert_to_tensor(indices).to(torch.int64), dim=-1)
