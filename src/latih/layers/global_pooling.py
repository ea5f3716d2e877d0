"""All places as one: what of a whole sequence or image goes to the layers that decide."""

from typing import Any

import torch

from latih.layers.spatial import SpatialLayer
from latih.tensors import Shape


class GlobalPooling(SpatialLayer):
    """The base of poolings over all of space.

    Args:
        data_format: ``"channels_last"`` (None, too) or ``"channels_first"``.
        keepdims: whether the axes of space stay, with size 1.
        kwargs: arguments of :class:`~latih.layers.Layer`.
    """

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.keepdims = keepdims

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        self.space_of(input_shape)
        batch, channels = input_shape[0], input_shape[self._channel_axis]
        if not self.keepdims:
            return (batch, channels)
        return self.shape_with(batch, (1,) * self.rank, channels)


class GlobalMaxPooling(GlobalPooling):
    """The base of poolings that keep the largest of all places."""

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        if inputs.ndim != self.rank + 2:
            self.refuse(inputs.shape)
        return inputs.amax(self._space_axes, self.keepdims)


class GlobalAveragePooling(GlobalPooling):
    """The base of poolings that keep the mean of all places."""

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        if inputs.ndim != self.rank + 2:
            self.refuse(inputs.shape)
        return inputs.mean(self._space_axes, self.keepdims)


class GlobalMaxPooling1D(GlobalMaxPooling):
    """The largest of each channel over a whole sequence.

    Whether a pattern is there, wherever it is.

    Args:
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        keepdims: whether the axes of space stay, with size 1.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, steps, c)``; out: ``(n, c)``, or ``(n, 1, c)``.

    Example:
        >>> GlobalMaxPooling1D()(torch.zeros(2, 5, 3)).shape
        torch.Size([2, 3])
    """

    rank = 1


class GlobalMaxPooling2D(GlobalMaxPooling):
    """The largest of each channel over a whole image.

    Whether a pattern is there, wherever it is.

    Args:
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        keepdims: whether the axes of space stay, with size 1.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, height, width, c)``; out: ``(n, c)``, or ``(n, 1, 1, c)``.

    Example:
        >>> GlobalMaxPooling2D()(torch.zeros(2, 7, 7, 3)).shape
        torch.Size([2, 3])
    """

    rank = 2


class GlobalMaxPooling3D(GlobalMaxPooling):
    """The largest of each channel over a whole volume.

    Whether a pattern is there, wherever it is.

    Args:
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        keepdims: whether the axes of space stay, with size 1.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, depth, height, width, c)``; out: ``(n, c)``, or ``(n, 1, 1, 1, c)``.

    Example:
        >>> GlobalMaxPooling3D()(torch.zeros(2, 4, 7, 7, 3)).shape
        torch.Size([2, 3])
    """

    rank = 3


class GlobalAveragePooling1D(GlobalAveragePooling):
    """The mean of each channel over a whole sequence.

    It takes the place of Flatten and a Dense layer that would have to learn every place anew, and
    inputs of any size will do.

    Args:
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        keepdims: whether the axes of space stay, with size 1.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, steps, c)``; out: ``(n, c)``, or ``(n, 1, c)``.

    Example:
        >>> GlobalAveragePooling1D()(torch.zeros(2, 5, 3)).shape
        torch.Size([2, 3])

    Reference:
        Lin, Chen & Yan 2014, "Network in Network", section 3.2.
    """

    rank = 1


class GlobalAveragePooling2D(GlobalAveragePooling):
    """The mean of each channel over a whole image.

    It takes the place of Flatten and a Dense layer that would have to learn every place anew, and
    inputs of any size will do.

    Args:
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        keepdims: whether the axes of space stay, with size 1.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, height, width, c)``; out: ``(n, c)``, or ``(n, 1, 1, c)``.

    Example:
        >>> GlobalAveragePooling2D()(torch.zeros(2, 7, 7, 3)).shape
        torch.Size([2, 3])

    Reference:
        Lin, Chen & Yan 2014, "Network in Network", section 3.2.
    """

    rank = 2


class GlobalAveragePooling3D(GlobalAveragePooling):
    """The mean of each channel over a whole volume.

    It takes the place of Flatten and a Dense layer that would have to learn every place anew, and
    inputs of any size will do.

    Args:
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        keepdims: whether the axes of space stay, with size 1.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, depth, height, width, c)``; out: ``(n, c)``, or ``(n, 1, 1, 1, c)``.

    Example:
        >>> GlobalAveragePooling3D()(torch.zeros(2, 4, 7, 7, 3)).shape
        torch.Size([2, 3])

    Reference:
        Lin, Chen & Yan 2014, "Network in Network", section 3.2.
    """

    rank = 3


# Keras's other names.
GlobalMaxPool1D, GlobalAvgPool1D = GlobalMaxPooling1D, GlobalAveragePooling1D
GlobalMaxPool2D, GlobalAvgPool2D = GlobalMaxPooling2D, GlobalAveragePooling2D
GlobalMaxPool3D, GlobalAvgPool3D = GlobalMaxPooling3D, GlobalAveragePooling3D
