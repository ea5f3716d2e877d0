"""From what people hold to tensors and back, and from one type to another."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from latih.dtypes import result_type, standardize_dtype, torch_dtype
from latih.errors import InputError
from latih.symbolic import SymbolicTensor


def convert_to_tensor(
    x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None
) -> torch.Tensor:
    """Return ``x`` as a tensor, without a copy where that can be.

    Numbers of Python become 32 bits wide; arrays keep their type, float64 too.

    Args:
        x: a tensor, an array, a number, or nested lists of them.
        dtype: the type to have; by default the value's own.
        sparse: taken for Keras's sake; tensors are dense.
        ragged: taken for Keras's sake; tensors are no ragged ones.

    Raises:
        InputError: a sparse or ragged tensor is asked for.

    Example:
        >>> convert_to_tensor([1, 2]).dtype, convert_to_tensor(0.5).dtype
        (torch.int32, torch.float32)
    """
    if sparse or ragged:
        raise InputError("tensors are dense here", expected="sparse=None, ragged=None", got="True")
    if isinstance(x, torch.Tensor):
        return x if dtype is None else x.to(torch_dtype(dtype))
    if isinstance(x, list | tuple) and any(isinstance(leaf, torch.Tensor) for leaf in _leaves(x)):
        stacked = torch.stack([convert_to_tensor(part) for part in x])
        return stacked if dtype is None else stacked.to(torch_dtype(dtype))
    array = np.asarray(x)
    if dtype is None:
        dtype = array.dtype if not _is_pythons(x) else _type_of_leaves(x)
        if array.dtype == np.uint32:
            dtype = "int64"  # torch calculates little with this type
    if not array.flags.writeable or not array.dtype.isnative:
        # torch would warn that writing through the tensor is undefined.
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype == np.uint32:
        array = array.astype(np.int64)
    return torch.as_tensor(array, dtype=torch_dtype(dtype), device=torch.get_default_device())


def _is_pythons(x: Any) -> bool:
    return isinstance(x, bool | int | float | list | tuple) and not isinstance(x, np.generic)


def _type_of_leaves(x: Any) -> str:
    if isinstance(x, int) and not isinstance(x, bool) and not -(2**31) <= x < 2**31:
        return "int64"
    return result_type(*{getattr(leaf, "dtype", type(leaf)) for leaf in _leaves(x)})


def _leaves(x: Any) -> Iterator[Any]:
    if isinstance(x, list | tuple):
        for part in x:
            yield from _leaves(part)
    else:
        yield x


def convert_to_numpy(x: Any) -> np.ndarray:
    """Return ``x`` as an array, wherever it lies and whether or not gradients are taken of it.

    Example:
        >>> convert_to_numpy(torch.ones(2, requires_grad=True))
        array([1., 1.], dtype=float32)
    """
    if isinstance(x, torch.Tensor):
        values = x.detach().cpu()
        # NumPy has no type of 16 bits with this exponent.
        return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    if isinstance(x, list | tuple) and any(isinstance(leaf, torch.Tensor) for leaf in _leaves(x)):
        return np.array([convert_to_numpy(part) for part in x])
    return np.array(x)


def is_tensor(x: Any) -> bool:
    """Say whether ``x`` is a tensor.

    Example:
        >>> is_tensor(torch.ones(1)), is_tensor([1.0])
        (True, False)
    """
    return isinstance(x, torch.Tensor)


def array(x: Any, dtype: Any = None) -> torch.Tensor:
    """Return ``x`` as a tensor: NumPy's name of :func:`convert_to_tensor`."""
    return convert_to_tensor(x, dtype)


def copy(x: Any) -> torch.Tensor:
    """Return a tensor of the same numbers in other memory."""
    return convert_to_tensor(x).clone()


def cast(x: Any, dtype: Any) -> torch.Tensor:
    """Return ``x`` in another type.

    Example:
        >>> cast([1.7, -1.7], "int32")
        tensor([ 1, -1], dtype=torch.int32)
    """
    return convert_to_tensor(x).to(torch_dtype(dtype))


def saturate_cast(x: Any, dtype: Any) -> torch.Tensor:
    """Return ``x`` in another type; what lies outside its range becomes the nearest it has.

    Example:
        >>> saturate_cast([300.0, -3.0], "uint8")
        tensor([255,   0], dtype=torch.uint8)
    """
    x, kind = convert_to_tensor(x), torch_dtype(dtype)
    if kind == torch.bool:
        return x.clamp(0, 1).to(kind)
    if kind.is_complex:
        return x.to(kind)
    bounds = torch.finfo(kind) if kind.is_floating_point else torch.iinfo(kind)
    least, most = bounds.min, bounds.max
    own = None if x.dtype == torch.bool or x.is_complex() else _range_of(x.dtype)
    if own is not None:
        least, most = max(least, own[0]), min(most, own[1])
    return x.clamp(least, most).to(kind) if own is not None else x.to(kind)


def _range_of(kind: torch.dtype) -> tuple[float, float]:
    bounds = torch.finfo(kind) if kind.is_floating_point else torch.iinfo(kind)
    return bounds.min, bounds.max


def dtype(x: Any) -> str:
    """Return the name of the type of ``x``.

    Example:
        >>> dtype([1.0])
        'float32'
    """
    return standardize_dtype(convert_to_tensor(x).dtype)


def shape(x: Any) -> tuple[Any, ...]:
    """Return the sizes of the axes of ``x``.

    Example:
        >>> shape([[1.0, 2.0, 3.0]])
        (1, 3)
    """
    return x.shape if isinstance(x, SymbolicTensor) else tuple(convert_to_tensor(x).shape)


def ndim(x: Any) -> int:
    """Return how many axes ``x`` has."""
    return convert_to_tensor(x).ndim


def size(x: Any) -> torch.Tensor:
    """Return how many numbers ``x`` holds."""
    return torch.tensor(convert_to_tensor(x).numel())


def stop_gradient(variable: Any) -> torch.Tensor:
    """Return the same numbers, through which no gradient goes."""
    return convert_to_tensor(variable).detach()


def floats(x: Any) -> torch.Tensor:
    """Return ``x`` with a fraction: whole numbers become the type of weights."""
    x = convert_to_tensor(x)
    return x if x.is_floating_point() or x.is_complex() else x.to(torch.float32)


def alike(*values: Any) -> list[torch.Tensor]:
    """Return values as tensors of the one type that an operation on them gives."""
    kind = torch_dtype(result_type(*(v.dtype if hasattr(v, "dtype") else _weak(v) for v in values)))
    return [convert_to_tensor(value).to(kind) for value in values]


def _weak(value: Any) -> Any:
    # A bare number of Python changes the kind of the other, not its width; a list has a type.
    return type(value) if isinstance(value, bool | int | float) else convert_to_tensor(value).dtype


def axes(axis: Any) -> Any:
    """Return axes as torch takes them: one, a tuple of several, or None."""
    return tuple(axis) if isinstance(axis, list | tuple) else axis
