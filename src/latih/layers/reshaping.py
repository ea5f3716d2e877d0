"""The same numbers in another shape."""

import math
from collections.abc import Sequence
from typing import Any

import torch

from latih.arguments import whole
from latih.errors import InputError
from latih.layers.base import Layer
from latih.tensors import Shape


class Flatten(Layer):
    """All axes of an example as one: what stands between an image and a Dense layer.

    Args:
        data_format: ``"channels_last"``, the one there is.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, a, b, ...)``; out: ``(n, a·b·...)``; ``(n,)`` becomes ``(n, 1)``.

    Example:
        >>> Flatten()(torch.zeros(2, 28, 28)).shape
        torch.Size([2, 784])
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if data_format not in (None, "channels_last"):
            raise InputError(
                "`data_format` of Flatten cannot be used",
                expected="'channels_last'",
                got=repr(data_format),
            )
        self.data_format = "channels_last"

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        return inputs.flatten(1) if inputs.ndim > 1 else inputs.unsqueeze(1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        sizes = input_shape[1:]
        known = [size for size in sizes if size is not None]
        return (input_shape[0], math.prod(known) if len(known) == len(sizes) else None)


class Reshape(Layer):
    """An example in another shape of as many numbers.

    Args:
        target_shape: the shape of one example; one -1 in it is worked out.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, ...)``; out: ``(n, *target_shape)``.

    Raises:
        InputError: the numbers do not fill the shape.

    Example:
        >>> Reshape((28, -1))(torch.zeros(2, 784)).shape
        torch.Size([2, 28, 28])
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_shape = tuple(
            whole(size, "target_shape", "Reshape", least=-1) for size in target_shape
        )
        if self.target_shape.count(-1) > 1:
            raise InputError(
                "`target_shape` of Reshape cannot be used",
                expected="at most one -1",
                got=repr(self.target_shape),
            )

    def build(self, input_shape: Shape) -> None:
        """Work out the shape that examples of this one get."""
        self._taken, self._given = input_shape[1:], self.compute_output_shape(input_shape)[1:]

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        if inputs.shape[1:] == self._taken:
            given = self._given
        else:  # a size was open, or is not what it was
            given = self.compute_output_shape(tuple(inputs.shape))[1:]
        return inputs.reshape(inputs.shape[0], *given)  # type: ignore[arg-type]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        sizes = input_shape[1:]
        if None in sizes:
            return (input_shape[0], *(None if size == -1 else size for size in self.target_shape))
        numbers = math.prod(size for size in sizes if size is not None)
        rest = math.prod(size for size in self.target_shape if size != -1)
        if (-1 in self.target_shape and (rest == 0 or numbers % rest)) or (
            -1 not in self.target_shape and numbers != rest
        ):
            raise InputError(
                f"{self.name!r} cannot reshape its inputs",
                expected=f"as many numbers as {self.target_shape} holds",
                got=f"{numbers} numbers in shape {sizes}",
                fix="Change target_shape, or write -1 for one of its sizes.",
            )
        return (
            input_shape[0],
            *(numbers // rest if size == -1 else size for size in self.target_shape),
        )


class Permute(Layer):
    """The axes of an example in another order.

    Args:
        dims: the old place of each new axis, counted from 1: the batch's axis stays first.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, d1, d2, ...)``; out: the same sizes, as ``dims`` orders them.

    Raises:
        InputError: ``dims`` is not every number from 1 on once, or the inputs have other axes.

    Example:
        >>> Permute((2, 1))(torch.zeros(5, 10, 64)).shape
        torch.Size([5, 64, 10])
    """

    def __init__(self, dims: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given = dims if isinstance(dims, list | tuple) else [dims]
        self.dims = tuple(whole(axis, "dims", "Permute") for axis in given)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise InputError(
                "`dims` of Permute cannot be used",
                expected="each whole number from 1 on once",
                got=repr(dims),
                fix="Write (2, 1) to swap the two axes of an example.",
            )
        self._order = (0, *self.dims)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        self._check(tuple(inputs.shape))
        return inputs.permute(self._order)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        self._check(input_shape)
        return tuple(input_shape[axis] for axis in self._order)

    def _check(self, shape: Shape) -> None:
        if len(shape) != len(self._order):
            raise InputError(
                f"{self.name!r} cannot take its inputs",
                expected=f"examples of {len(self.dims)} axes",
                got=f"shape {shape}",
            )
