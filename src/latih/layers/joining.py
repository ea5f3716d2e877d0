"""Two or more tensors joined along an axis, or contracted over it."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from latih import config
from latih.arguments import whole
from latih.errors import InputError
from latih.layers.merging import Merge, told
from latih.tensors import Shape


class Concatenate(Merge):
    """Tensors one after another along an axis: the wide and the deep part side by side.

    Args:
        axis: along which; the others must have equal sizes.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: a list of ``(n, ..., d_i)``; out: ``(n, ..., Σ d_i)`` for the axis -1.

    Raises:
        InputError: fewer than two tensors, or shapes that differ beside the axis.

    Example:
        >>> Concatenate()([torch.ones(1, 2), torch.zeros(1, 1)])
        tensor([[1., 1., 0.]])
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = whole(axis, "axis", "Concatenate")

    def merged(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the one tensor that several give."""
        return torch.cat(list(inputs), self.axis)

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of the outputs for two or more shapes, or refuse them."""
        axes = len(shapes[0])
        fits = all(len(shape) == axes for shape in shapes) and -axes <= self.axis < axes
        sizes: list[int | None] = []
        for axis, column in enumerate(zip(*shapes, strict=fits)):
            known = [size for size in column if size is not None]
            if fits and axis == self.axis % axes:
                sizes.append(sum(known) if len(known) == len(column) else None)
            else:
                fits = fits and len(set(known)) <= 1
                sizes.append(known[0] if known else None)
        if not fits:
            raise self.unfit(f"shapes that differ at axis {self.axis} only", told(shapes))
        return tuple(sizes)


class Dot(Merge):
    """``Σ_k x₁[..., k, ...] · x₂[..., k, ...]`` of each example: how alike two vectors are.

    Args:
        axes: the axis k, or one for each of the two tensors; not the batch's.
        normalize: whether the vectors along it are brought to length 1 first, so that the outputs
            are cosines.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, a..., k, b...)`` and ``(n, c..., k, d...)``; out: ``(n, a..., b..., c..., d...)``,
        ``(n, 1)`` where nothing but the batch is left.

    Raises:
        InputError: not two tensors, or sizes that differ at the axes.

    Example:
        >>> Dot(axes=1)([torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]])])
        tensor([[11.]])
    """

    inputs_taken = 2

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given = list(axes) if isinstance(axes, list | tuple) else [axes, axes]
        pair = [whole(axis, "axes", "Dot") for axis in given]
        if len(pair) != 2 or 0 in pair:
            raise InputError(
                "`axes` of Dot cannot be used",
                expected="one axis or two, none of them the batch's axis 0",
                got=repr(axes),
            )
        # As given: Keras writes a number or a list.
        self.axes = pair if isinstance(axes, list | tuple) else pair[0]
        self.normalize = normalize
        self._axes = pair

    def merged(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the one tensor that several give."""
        rows, columns = (
            one.movedim(axis, -1) for one, axis in zip(inputs, self._axes, strict=True)
        )
        if self.normalize:
            rows, columns = (
                functional.normalize(one, dim=-1, eps=config.epsilon()) for one in (rows, columns)
            )
        kept = (*rows.shape[1:-1], *columns.shape[1:-1])
        products = torch.bmm(_matrices(rows), _matrices(columns).transpose(1, 2))
        sizes = [rows.shape[0], *kept] if kept else [rows.shape[0], 1]
        return products.reshape(sizes)

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of the outputs for two or more shapes, or refuse them."""
        kept: list[int | None] = []
        contracted: set[int | None] = set()
        for shape, axis in zip(shapes, self._axes, strict=True):
            if not -len(shape) < axis < len(shape):
                raise self.unfit(f"an axis {axis} beside the batch's", told(shapes))
            contracted.add(shape[axis])
            kept += [size for i, size in enumerate(shape) if i not in (0, axis % len(shape))]
        if len(contracted - {None}) > 1:
            first, second = self._axes
            raise self.unfit(
                f"one size at axis {first} of the first and axis {second} of the second",
                told(shapes),
            )
        return (self.batch_length(shapes), *(kept or [1]))


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Any:
    """Return :class:`Concatenate` of a list of tensors."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Sequence[Any], axes: int | Sequence[int] = -1, **kwargs: Any) -> Any:
    """Return :class:`Dot` of a list of two tensors."""
    return Dot(axes=axes, **kwargs)(inputs)


def _matrices(tensor: torch.Tensor) -> torch.Tensor:
    # (n, a, b, ..., k) as (n, a·b·..., k); the sizes are spelled out since a batch may be empty.
    return tensor.reshape(tensor.shape[0], math.prod(tensor.shape[1:-1]), tensor.shape[-1])
