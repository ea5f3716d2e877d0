"""Many places as one: the largest or the mean of what a window sees."""

from collections.abc import Sequence
from operator import lt
from typing import Any

import torch
import torch.nn.functional as F

from latih.layers.spatial import SpatialLayer
from latih.layers.window import Window, padding_word, sizes
from latih.tensors import Shape


class Pooling(SpatialLayer):
    """The base of poolings; a subclass says what :meth:`pool` does with a window."""

    def __init__(
        self,
        pool_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, **kwargs)
        owner = type(self).__name__
        self.pool_size = sizes(pool_size, "pool_size", owner, self.rank)
        given = self.pool_size if strides is None else strides
        self.strides = sizes(given, "strides", owner, self.rank)
        self.padding = padding_word(padding, owner)
        self.window = Window(
            self.as_image_sizes(self.pool_size),
            self.as_image_sizes(self.strides),
            self.as_image_sizes((1,) * self.rank),
            self.padding,
        )

    def pool(self, images: torch.Tensor, padding: list[int], beyond: bool) -> torch.Tensor:
        """Pool with so much around the images, beyond their end too if a window reaches there."""
        raise NotImplementedError(f"{type(self).__name__} must define pool()")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        images = self.as_images(inputs)
        if any(map(lt, images.shape[2:], self.window.least)):
            self.refuse_small(inputs.shape, self.window.least)
        return self.from_images(self.pool_padded(images))

    def pool_padded(self, images: torch.Tensor) -> torch.Tensor:
        """Pool with what the padding lays around the images."""
        padding, around = self.window.split_pads(images.shape[2:])
        if around is None:
            return self.pool(images, padding, False)
        return self._pool_unevenly(images, self.window.pads(images.shape[2:]))

    def _pool_unevenly(self, images: torch.Tensor, pads: Sequence[tuple[int, int]]) -> torch.Tensor:
        # PyTorch pads both ends alike. Where a window moves by two or more, it may reach beyond
        # the end by one place instead; where it moves by one, one position too many is taken at
        # the beginning, and left out. So nothing is copied, and no mean counts what is not there.
        steps_of_one = [stride == 1 for stride in self.window.strides]
        padding = [
            after if one else before
            for (before, after), one in zip(pads, steps_of_one, strict=True)
        ]
        outputs = self.pool(images, padding, True)
        for axis, ((before, after), one) in enumerate(zip(pads, steps_of_one, strict=True), 2):
            if one and before != after:
                outputs = outputs.narrow(axis, 1, outputs.shape[axis] - 1)
        return outputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        self.space_of(input_shape)
        return self.slid_shape(input_shape, self.window, input_shape[self._channel_axis])


class MaxPooling(Pooling):
    """The base of poolings that keep the largest."""

    def pool(self, images: torch.Tensor, padding: list[int], beyond: bool) -> torch.Tensor:
        """Return the largest of each window."""
        pool = torch.max_pool3d if self.rank == 3 else torch.max_pool2d
        window = self.window
        return pool(images, window.reach, window.strides, padding, 1, beyond)


class AveragePooling(Pooling):
    """The base of poolings that keep the mean; what lies around the inputs is not counted."""

    def pool(self, images: torch.Tensor, padding: list[int], beyond: bool) -> torch.Tensor:
        """Return the mean of each window."""
        pool = F.avg_pool3d if self.rank == 3 else F.avg_pool2d
        window = self.window
        if self.rank == 3 and images.dtype is torch.bfloat16:  # PyTorch has no such kernel on CPUs
            wide = pool(images.float(), window.reach, window.strides, padding, beyond, False)
            return wide.to(images.dtype)
        return pool(images, window.reach, window.strides, padding, beyond, False)


class MaxPooling1D(MaxPooling):
    """The largest of each window over a sequence, for each channel.

    What is passed on no longer says exactly where it was found: small shifts do not matter.

    Args:
        pool_size: the window's size, a whole number.
        strides: how far the window moves, likewise; None for the window's size.
        padding: ``"valid"`` for whole windows only, ``"same"`` for ``ceil(size / stride)`` places.
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, steps, c)``; out: ``(n, steps', c)``.

    Raises:
        InputError: an argument outside these, or inputs smaller than the window.

    Example:
        >>> MaxPooling1D()(torch.tensor([[[1.0], [3.0], [2.0], [0.0]]])).flatten()
        tensor([3., 2.])
    """

    rank = 1

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, **kwargs)


class MaxPooling2D(MaxPooling):
    """The largest of each window over an image, for each channel.

    What is passed on no longer says exactly where it was found: small shifts do not matter.

    Args:
        pool_size: the window's size, a whole number or a pair.
        strides: how far the window moves, likewise; None for the window's size.
        padding: ``"valid"`` for whole windows only, ``"same"`` for ``ceil(size / stride)`` places.
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, height, width, c)``; out: ``(n, height', width', c)``.

    Raises:
        InputError: an argument outside these, or inputs smaller than the window.

    Example:
        >>> MaxPooling2D()(torch.arange(16.0).reshape(1, 4, 4, 1)).flatten()
        tensor([ 5.,  7., 13., 15.])
    """

    rank = 2

    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, **kwargs)


class MaxPooling3D(MaxPooling):
    """The largest of each window over a volume, for each channel.

    What is passed on no longer says exactly where it was found: small shifts do not matter.

    Args:
        pool_size: the window's size, a whole number or three.
        strides: how far the window moves, likewise; None for the window's size.
        padding: ``"valid"`` for whole windows only, ``"same"`` for ``ceil(size / stride)`` places.
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, depth, height, width, c)``; out: ``(n, depth', height', width', c)``.

    Raises:
        InputError: an argument outside these, or inputs smaller than the window.

    Example:
        >>> MaxPooling3D()(torch.zeros(1, 4, 6, 8, 3)).shape
        torch.Size([1, 2, 3, 4, 3])
    """

    rank = 3

    def __init__(
        self,
        pool_size: Any = (2, 2, 2),
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, **kwargs)


class AveragePooling1D(AveragePooling):
    """The mean of each window over a sequence, for each channel.

    With ``padding="same"`` a mean is of the places that are there; what lies around is not counted.

    Args:
        pool_size: the window's size, a whole number.
        strides: how far the window moves, likewise; None for the window's size.
        padding: ``"valid"`` for whole windows only, ``"same"`` for ``ceil(size / stride)`` places.
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, steps, c)``; out: ``(n, steps', c)``.

    Raises:
        InputError: an argument outside these, or inputs smaller than the window.

    Example:
        >>> AveragePooling1D(2, padding="same")(torch.tensor([[[1.0], [3.0], [5.0]]])).flatten()
        tensor([2., 5.])
    """

    rank = 1

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, **kwargs)


class AveragePooling2D(AveragePooling):
    """The mean of each window over an image, for each channel.

    With ``padding="same"`` a mean is of the places that are there; what lies around is not counted.

    Args:
        pool_size: the window's size, a whole number or a pair.
        strides: how far the window moves, likewise; None for the window's size.
        padding: ``"valid"`` for whole windows only, ``"same"`` for ``ceil(size / stride)`` places.
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, height, width, c)``; out: ``(n, height', width', c)``.

    Raises:
        InputError: an argument outside these, or inputs smaller than the window.

    Example:
        >>> AveragePooling2D(2)(torch.arange(16.0).reshape(1, 4, 4, 1)).flatten()
        tensor([ 2.5000,  4.5000, 10.5000, 12.5000])
    """

    rank = 2

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, **kwargs)


class AveragePooling3D(AveragePooling):
    """The mean of each window over a volume, for each channel.

    With ``padding="same"`` a mean is of the places that are there; what lies around is not counted.

    Args:
        pool_size: the window's size, a whole number or three.
        strides: how far the window moves, likewise; None for the window's size.
        padding: ``"valid"`` for whole windows only, ``"same"`` for ``ceil(size / stride)`` places.
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, depth, height, width, c)``; out: ``(n, depth', height', width', c)``.

    Raises:
        InputError: an argument outside these, or inputs smaller than the window.

    Example:
        >>> AveragePooling3D(2)(torch.zeros(1, 4, 6, 8, 3)).shape
        torch.Size([1, 2, 3, 4, 3])
    """

    rank = 3

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, **kwargs)

    def pool_padded(self, images: torch.Tensor) -> torch.Tensor:
        """Pool with what the padding lays around the images."""
        if self.padding == "valid":
            return super().pool_padded(images)
        # PyTorch's kernel for volumes refuses a window larger than the inputs, however padded. So
        # what is laid around is taken in, and the mean divided by the share of what was there.
        around = [size for pair in reversed(self.window.pads(images.shape[2:])) for size in pair]
        there = F.pad(images.new_ones(1, 1, *images.shape[2:]), around)
        nothing = [0, 0, 0]
        share = self.pool(there, nothing, False)
        return self.pool(F.pad(images, around), nothing, False) / share


# Keras's other names.
MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
