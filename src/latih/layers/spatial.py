"""Layers over inputs with axes of space: which axis holds the channels, and what is refused."""

from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn

import torch

from latih.arguments import one_of
from latih.errors import InputError
from latih.layers.base import Layer
from latih.layers.window import Window
from latih.tensors import Shape

AXES = {1: "steps", 2: "height, width", 3: "depth, height, width"}


class SpatialLayer(Layer):
    """The base of convolutions, poolings and their kin.

    PyTorch's kernels want the channels in axis 1. A batch whose channels are last, seen with them
    in axis 1, is what PyTorch calls ``channels_last`` memory, in which its kernels compute without
    a copy, and answer. One axis of space is handed to them as an image one pixel high: their own
    kernels for sequences would copy.

    Args:
        data_format: ``"channels_last"`` (None, too) or ``"channels_first"``.
        kwargs: arguments of :class:`~latih.layers.Layer`.
    """

    rank: ClassVar[int] = 2
    """How many axes of space there are."""

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        word = data_format.lower() if isinstance(data_format, str) else data_format
        self.data_format: str = one_of(
            "channels_last" if word is None else word,
            "data_format",
            type(self).__name__,
            ("channels_last", "channels_first"),
        )
        self._channels_are_last = self.data_format == "channels_last"
        axes = tuple(range(self.rank + 2))
        self._channel_axis = axes[-1] if self._channels_are_last else 1
        self._space_axes = axes[1:-1] if self._channels_are_last else axes[2:]
        inner = range(1, max(self.rank, 2) + 1)
        self._forth = (0, inner[-1] + 1, *inner)
        self._back = (0, *(axis + 1 for axis in inner), 1)
        self._memory_format = torch.contiguous_format
        if self._channels_are_last:
            self._memory_format = torch.channels_last_3d if self.rank == 3 else torch.channels_last

    def as_images(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return a batch as PyTorch's kernels want it, ``(n, channels, *space)``: a view."""
        if inputs.ndim != self.rank + 2:
            self.refuse(tuple(inputs.shape))
        if self.rank == 1:
            inputs = inputs.unsqueeze(self._space_axes[0])
        return inputs.permute(self._forth) if self._channels_are_last else inputs

    def from_images(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return what a kernel gave with its axes in the layer's order: a view."""
        if self._channels_are_last:
            outputs = outputs.permute(self._back)
        return outputs.squeeze(self._space_axes[0]) if self.rank == 1 else outputs

    def as_image_sizes(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """Return sizes for the axes of an image: a sequence is one pixel high."""
        return (1, *sizes) if self.rank == 1 else sizes

    def space_of(self, shape: Shape) -> Shape:
        """Return the sizes of the axes of space.

        Raises:
            InputError: the shape has another number of axes.
        """
        if len(shape) != self.rank + 2:
            self.refuse(shape)
        return tuple(shape[axis] for axis in self._space_axes)

    def shape_with(self, batch: int | None, space: Shape, channels: int | None) -> Shape:
        """Return a shape with its axes in the layer's order."""
        if self._channels_are_last:
            return (batch, *space, channels)
        return (batch, channels, *space)

    def slid_shape(self, shape: Shape, window: Window, channels: int | None) -> Shape:
        """Return the shape after a window slid over inputs of this one.

        Raises:
            InputError: the inputs have another number of axes, or are smaller than the window.
        """
        space = self.space_of(shape)
        given = (1, *space) if self.rank == 1 else space
        found = window.output_sizes(given)[-self.rank :]
        if any(size is not None and size < 1 for size in found):
            self.refuse_small(shape, window.least)
        return self.shape_with(shape[0], found, channels)

    def refuse(self, shape: Sequence[int | None]) -> NoReturn:
        """Refuse inputs with another number of axes."""
        axes = AXES[self.rank]
        wanted = f"(n, {axes}, channels)" if self._channels_are_last else f"(n, channels, {axes})"
        fix = f"Bring the inputs into the shape {wanted}."
        if len(shape) == self.rank + 1:
            new = "x[..., None]" if self._channels_are_last else "x[:, None]"
            fix = f"Add an axis for the channels: {new}."
        raise InputError(
            f"{self.name!r} cannot take its inputs",
            expected=f"{self.rank + 2} axes, {wanted}",
            got=f"{len(shape)} axes, shape {tuple(shape)}",
            fix=fix,
        )

    def refuse_small(self, shape: Sequence[int | None], least: Sequence[int]) -> NoReturn:
        """Refuse inputs that are smaller than the window that slides over them."""
        least = least[-self.rank :]
        raise InputError(
            f"{self.name!r} cannot take its inputs",
            expected=f"at least {' x '.join(map(str, least))} in ({AXES[self.rank]})",
            got=f"shape {tuple(shape)}",
            fix='Use a smaller window, fewer poolings before it, or padding="same".',
        )
