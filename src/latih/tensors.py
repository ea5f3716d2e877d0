"""What people hand over as numbers, made a tensor; shapes as tuples."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

Shape = tuple[int | None, ...]


def as_tensor(value: Any, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Return ``value`` as a tensor, without a copy where that can be.

    Python floats and float64 arrays become float32, as Keras takes them: weights are float32, and
    a mixed product would be refused by torch.

    Args:
        value: a tensor, an array, a number, or nested lists of numbers.
        dtype: the type to have; by default the value's own, less float64.

    Returns:
        A tensor that may share memory with ``value``.

    Example:
        >>> as_tensor([1.0, 2.0]).dtype
        torch.float32
    """
    if isinstance(value, torch.Tensor):
        return value if dtype is None or value.dtype == dtype else value.to(dtype)
    array = np.asarray(value)
    if not array.dtype.isnative:  # written by another kind of machine
        array = array.astype(array.dtype.newbyteorder("="))
    if dtype is None and array.dtype == np.float64:
        dtype = torch.float32
    array = np.ascontiguousarray(array).reshape(array.shape)
    if array.flags.writeable:
        tensor = torch.from_numpy(array)
    else:
        with warnings.catch_warnings():
            # torch warns that writing through the tensor is undefined. Nothing here writes to what
            # was given, and a copy of a memory map would be the whole file in memory.
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            tensor = torch.from_numpy(array)
    return tensor if dtype is None else tensor.to(dtype)


HALVES = (torch.bfloat16, torch.float16)
"""Types in which sums and comparisons are too coarse to be told."""


def unhalved(tensor: torch.Tensor) -> torch.Tensor:
    """Return numbers of a half precision in float32, all others as they are.

    Example:
        >>> unhalved(torch.ones(2, dtype=torch.bfloat16)), unhalved(torch.tensor([1]))
        (tensor([1., 1.]), tensor([1]))
    """
    return tensor.float() if tensor.dtype in HALVES else tensor


def shape_of(tensor: torch.Tensor) -> Shape:
    """Return a batch's shape with its length left open: ``(None, 28, 28)``.

    Example:
        >>> shape_of(torch.zeros(32, 28, 28))
        (None, 28, 28)
    """
    return (None, *tuple(tensor.shape)[1:])


def is_shape(value: Any) -> bool:
    """Say whether something is one shape, and no list or dict of shapes.

    Example:
        >>> is_shape((None, 28, 28)), is_shape([(None, 2), (None, 3)])
        (True, False)
    """
    return isinstance(value, list | tuple) and all(
        size is None or isinstance(size, int) for size in value
    )


def map_shapes(function: Callable[[Shape], Any], shapes: Any) -> Any:
    """Return what a function makes of a shape, or of each in a list or dict of them.

    Example:
        >>> map_shapes(len, {"a": (None, 2), "b": [(None,), (1, 2, 3)]})
        {'a': 2, 'b': [1, 3]}
    """
    if is_shape(shapes):
        return function(tuple(shapes))
    if isinstance(shapes, Mapping):
        return {key: map_shapes(function, shape) for key, shape in shapes.items()}
    return [map_shapes(function, shape) for shape in shapes]


def set_keras_mask(x: torch.Tensor, mask: torch.Tensor | None) -> None:
    """Say which entries of a tensor count, for the losses and metrics that will see it.

    Args:
        x: the tensor; what is calculated from it does not carry the mask on.
        mask: a truth for each entry, or for each of the first axes; None for all.
    """
    x._keras_mask = mask  # type: ignore[attr-defined]


def get_keras_mask(x: Any) -> torch.Tensor | None:
    """Return what :func:`set_keras_mask` said, or None.

    Example:
        >>> x = torch.zeros(2)
        >>> set_keras_mask(x, torch.tensor([True, False]))
        >>> get_keras_mask(x), get_keras_mask(x + 1)
        (tensor([ True, False]), None)
    """
    return getattr(x, "_keras_mask", None)
