"""Tensors made of nothing but a shape.

Example:
    >>> zeros((2,)), arange(3)
    (tensor([0., 0.]), tensor([0, 1, 2], dtype=torch.int32))
"""

from collections.abc import Sequence
from typing import Any

import torch

from latih.dtypes import result_type, torch_dtype
from latih.ops.conversion import alike, convert_to_tensor, floats

Sizes = int | Sequence[int]


def _sizes(shape: Sizes) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(int(size) for size in shape)


def _own(x: torch.Tensor, dtype: Any) -> torch.dtype:
    return x.dtype if dtype is None else torch_dtype(dtype)


def zeros(shape: Sizes, dtype: Any = None) -> torch.Tensor:
    """Return zeros."""
    return torch.zeros(_sizes(shape), dtype=torch_dtype(dtype))


def ones(shape: Sizes, dtype: Any = None) -> torch.Tensor:
    """Return ones."""
    return torch.ones(_sizes(shape), dtype=torch_dtype(dtype))


def empty(shape: Sizes, dtype: Any = None) -> torch.Tensor:
    """Return whatever stands in memory."""
    return torch.empty(_sizes(shape), dtype=torch_dtype(dtype))


def full(shape: Sizes, fill_value: Any, dtype: Any = None) -> torch.Tensor:
    """Return a number, or a row of them, again and again."""
    values = convert_to_tensor(fill_value).to(torch_dtype(dtype))
    return torch.broadcast_to(values, _sizes(shape)).clone()


def zeros_like(x: Any, dtype: Any = None) -> torch.Tensor:
    """Return zeros, as many as ``x`` has."""
    x = convert_to_tensor(x)
    return torch.zeros_like(x, dtype=_own(x, dtype))


def ones_like(x: Any, dtype: Any = None) -> torch.Tensor:
    """Return ones, as many as ``x`` has."""
    x = convert_to_tensor(x)
    return torch.ones_like(x, dtype=_own(x, dtype))


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> torch.Tensor:
    """Return a number again and again, as often as ``x`` has numbers."""
    x = convert_to_tensor(x)
    return full(tuple(x.shape), fill_value, _own(x, dtype)).to(x.device)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> torch.Tensor:
    """Return the numbers from ``start`` to before ``stop``; from 0 if one bound is given."""
    given = [one for one in (start, stop, step) if one is not None]
    if dtype is None:
        dtype = result_type(*(getattr(one, "dtype", type(one)) for one in given))
    first, last = (0, start) if stop is None else (start, stop)
    return torch.arange(first, last, 1 if step is None else step, dtype=torch_dtype(dtype))


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """Return ``num`` numbers at even distances.

    Args:
        start: the first.
        stop: the last; with ``endpoint=False``, the one that would follow it.
        num: how many.
        endpoint: whether ``stop`` is the last.
        retstep: whether to return the distance, too.
        dtype: their type.
        axis: where the axis of the numbers lies, when ``start`` and ``stop`` have axes.
    """
    first, last = (floats(one) for one in alike(start, stop))
    distance = (last - first) / max(num - 1 if endpoint else num, 1)
    steps = torch.arange(num, dtype=first.dtype).reshape([-1] + [1] * distance.ndim)
    found = torch.moveaxis(first + steps * distance, 0, axis)
    found = found if dtype is None else found.to(torch_dtype(dtype))
    return (found, distance) if retstep else found


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> torch.Tensor:
    """Return a matrix with ones on a diagonal, ``k`` places to the right of the main one."""
    return torch.diag_embed(ones((N + (M or N),), dtype), offset=k)[:N, : M or N].contiguous()


def identity(n: int, dtype: Any = None) -> torch.Tensor:
    """Return a square matrix with ones on its diagonal."""
    return torch.eye(n, dtype=torch_dtype(dtype))


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> torch.Tensor:
    """Return a matrix with ones on a diagonal and below it."""
    return torch.tril(ones((N, M or N), dtype), diagonal=k)


def tril(x: Any, k: int = 0) -> torch.Tensor:
    """Return ``x`` with zeros above a diagonal."""
    return torch.tril(convert_to_tensor(x), diagonal=k)


def triu(x: Any, k: int = 0) -> torch.Tensor:
    """Return ``x`` with zeros below a diagonal."""
    return torch.triu(convert_to_tensor(x), diagonal=k)


def diag(x: Any, k: int = 0) -> torch.Tensor:
    """Return a matrix with ``x`` on a diagonal; of a matrix, that diagonal."""
    return torch.diag(convert_to_tensor(x), diagonal=k)


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> torch.Tensor:
    """Return a diagonal of two axes, as the last axis."""
    return torch.diagonal(convert_to_tensor(x), offset=offset, dim1=axis1, dim2=axis2)


def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> torch.Tensor:
    """Return for each class a row of zeros with a one at its place; all zeros below class 0.

    Args:
        x: the classes.
        num_classes: how many there are.
        axis: where the row lies in the result.
        dtype: the type of the result; that of weights by default.
        sparse: taken for Keras's sake; tensors are dense.

    Example:
        >>> one_hot([1, -1], 3)
        tensor([[0., 1., 0.],
                [0., 0., 0.]])
    """
    classes = convert_to_tensor(x, sparse=sparse).to(torch.int64)
    places = torch.arange(num_classes, device=classes.device)
    row = (classes[..., None] == places).to(torch_dtype(dtype))
    return row if axis == -1 else torch.moveaxis(row, -1, axis)


def multi_hot(
    inputs: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> torch.Tensor:
    """Return a row of zeros with a one for each class that occurs.

    Args:
        inputs: the classes; of two axes or more, each entry of the first has a row of its own.
        num_classes: how many there are.
        axis: where the row lies in the result.
        dtype: the type of the result; that of weights by default.
        sparse: taken for Keras's sake; tensors are dense.

    Example:
        >>> multi_hot([0, 2], 3)
        tensor([1., 0., 1.])
    """
    rows = one_hot(inputs, num_classes, axis, dtype, sparse)
    return torch.amax(rows, dim=1 if rows.ndim > 2 else 0)
