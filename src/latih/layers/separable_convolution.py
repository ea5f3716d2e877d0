"""Convolutions in which each channel has a window of its own: far fewer weights and products."""

from typing import Any

import torch
import torch.nn.functional as F

from latih import constraints, initializers, regularizers
from latih.arguments import whole
from latih.layers.base_convolution import BaseConvolution
from latih.tensors import Shape


class DepthwiseConv2D(BaseConvolution):
    """``activation(K * x + b)`` with each channel convolved by itself, ``depth_multiplier`` times.

    Args:
        kernel_size: the window's size, a whole number or a pair.
        strides: how far the window moves, likewise.
        padding: ``"valid"`` for none, or ``"same"``: zeros around, so that ``ceil(size / stride)``
            places come out, the odd zero at the end.
        depth_multiplier: how many outputs a channel has, >= 1.
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        dilation_rate: how far the window's places lie apart.
        activation: a name or a function; None for none.
        use_bias: whether b is added.
        depthwise_initializer: how K starts.
        bias_initializer: how b starts.
        depthwise_regularizer: a penalty on K.
        bias_regularizer: a penalty on b.
        activity_regularizer: a penalty on the outputs.
        depthwise_constraint: where K is put back after each update.
        bias_constraint: where b is put back after each update.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, height, width, c)``; out: ``(n, height', width', c * depth_multiplier)``;
        K: ``(kh, kw, c, depth_multiplier)``; b: ``(c * depth_multiplier,)``.

    Raises:
        InputError: an argument outside these, or inputs smaller than the window.

    Example:
        >>> DepthwiseConv2D(3, depth_multiplier=2)(torch.zeros(2, 8, 8, 4)).shape
        torch.Size([2, 6, 6, 8])

    Reference:
        Howard et al. 2017, "MobileNets", equation 3.
    """

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            *(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias),
            *(bias_initializer, bias_regularizer, activity_regularizer, bias_constraint),
            **kwargs,
        )
        self.depth_multiplier = whole(
            depth_multiplier, "depth_multiplier", "DepthwiseConv2D", least=1
        )
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape."""
        channels = self.channels_to_build(input_shape)
        self.kernel = self.add_weight(
            (*self.kernel_size, channels, self.depth_multiplier),
            self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
            name="kernel",
        )
        self.add_bias_weight(channels * self.depth_multiplier)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        images = self.checked_images(inputs)
        kernel = self.as_kernel(self.kernel.flatten(-2).unsqueeze(-2))
        outputs = self.slide(images, kernel, self.bias, self._channels)
        return self.activation(self.from_images(outputs))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        self.space_of(input_shape)
        channels = input_shape[self._channel_axis]
        filters = None if channels is None else channels * self.depth_multiplier
        return self.slid_shape(input_shape, self.window, filters)


class SeparableConv2D(BaseConvolution):
    """``activation(P * (D * x) + b)``: each channel convolved by itself, then all channels mixed.

    Space and channels are looked at one after the other, for ``1/filters + 1/window`` of the
    products that a Conv2D takes.

    Args:
        filters: how many outputs each place has, >= 1.
        kernel_size: the window's size, a whole number or a pair.
        strides: how far the window moves, likewise.
        padding: ``"valid"`` for none, or ``"same"``: zeros around, so that ``ceil(size / stride)``
            places come out, the odd zero at the end.
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        dilation_rate: how far the window's places lie apart.
        depth_multiplier: how many outputs a channel has before the mixing, >= 1.
        activation: a name or a function; None for none.
        use_bias: whether b is added.
        depthwise_initializer: how D starts.
        pointwise_initializer: how P starts.
        bias_initializer: how b starts.
        depthwise_regularizer: a penalty on D.
        pointwise_regularizer: a penalty on P.
        bias_regularizer: a penalty on b.
        activity_regularizer: a penalty on the outputs.
        depthwise_constraint: where D is put back after each update.
        pointwise_constraint: where P is put back after each update.
        bias_constraint: where b is put back after each update.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, height, width, c)``; out: ``(n, height', width', filters)``;
        D: ``(kh, kw, c, depth_multiplier)``; P: ``(1, 1, c * depth_multiplier, filters)``;
        b: ``(filters,)``.

    Raises:
        InputError: an argument outside these, or inputs smaller than the window.

    Example:
        >>> SeparableConv2D(16, 3, padding="same")(torch.zeros(2, 8, 8, 4)).shape
        torch.Size([2, 8, 8, 16])

    Reference:
        Chollet 2017, "Xception", section 3.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            *(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias),
            *(bias_initializer, bias_regularizer, activity_regularizer, bias_constraint),
            **kwargs,
        )
        owner = "SeparableConv2D"
        self.filters = whole(filters, "filters", owner, least=1)
        self.depth_multiplier = whole(depth_multiplier, "depth_multiplier", owner, least=1)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.pointwise_constraint = constraints.get(pointwise_constraint)

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape."""
        channels = self.channels_to_build(input_shape)
        self.depthwise_kernel = self.add_weight(
            (*self.kernel_size, channels, self.depth_multiplier),
            self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
            name="depthwise_kernel",
        )
        self.pointwise_kernel = self.add_weight(
            (1, 1, channels * self.depth_multiplier, self.filters),
            self.pointwise_initializer,
            regularizer=self.pointwise_regularizer,
            constraint=self.pointwise_constraint,
            name="pointwise_kernel",
        )
        self.add_bias_weight(self.filters)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        images = self.checked_images(inputs)
        depthwise = self.as_kernel(self.depthwise_kernel.flatten(-2).unsqueeze(-2))
        each = self.slide(images, depthwise, None, self._channels)
        mixed = F.conv2d(each, self.as_kernel(self.pointwise_kernel), self.bias)
        return self.activation(self.from_images(mixed))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return self.slid_shape(input_shape, self.window, self.filters)


# Keras's other name.
SeparableConvolution2D = SeparableConv2D
