"""Weighted sums of what a window sees, the same weights at every place."""

from typing import Any

import torch

from latih import constraints, initializers, regularizers
from latih.arguments import whole
from latih.errors import InputError
from latih.layers.base_convolution import BaseConvolution
from latih.tensors import Shape


class Convolution(BaseConvolution):
    """The base of convolutions over one, two and three axes of space."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        groups: int,
        activation: Any,
        use_bias: bool,
        kernel_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        bias_regularizer: Any,
        activity_regularizer: Any,
        kernel_constraint: Any,
        bias_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            *(kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias),
            *(bias_initializer, bias_regularizer, activity_regularizer, bias_constraint),
            **kwargs,
        )
        owner = type(self).__name__
        self.refuse_strides_with_dilation()
        self.filters = whole(filters, "filters", owner, least=1)
        self.groups = whole(groups, "groups", owner, least=1)
        if self.filters % self.groups:
            raise InputError(
                f"`groups` of {owner} does not divide `filters`",
                expected=f"a divisor of {self.filters}",
                got=str(self.groups),
            )
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape."""
        channels = self.channels_to_build(input_shape)
        if channels % self.groups:
            raise InputError(
                f"{self.name!r} cannot be built",
                expected=f"a number of channels that groups={self.groups} divides",
                got=f"{channels} in shape {input_shape}",
            )
        self.kernel = self.add_weight(
            (*self.kernel_size, channels // self.groups, self.filters),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.add_bias_weight(self.filters)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        images = self.checked_images(inputs)
        outputs = self.slide(images, self.as_kernel(self.kernel), self.bias, self.groups)
        return self.activation(self.from_images(outputs))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return self.slid_shape(input_shape, self.window, self.filters)


class Conv1D(Convolution):
    """``activation(K * x + b)`` along one axis: patterns in a sequence, wherever they are.

    With ``padding="causal"`` an output sees nothing that comes after it.

    Args:
        filters: how many outputs each place has, >= 1.
        kernel_size: the window's size, a whole number or ``(k,)``.
        strides: how far the window moves, likewise.
        padding: ``"valid"`` for none, or ``"same"``: zeros around, so that ``ceil(size / stride)``
            places come out, the odd zero at the end;
            ``"causal"`` lays all of them before.
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        dilation_rate: how far the window's places lie apart; above 1 only with strides of 1.
        groups: into how many parts the channels are split, each with its own filters; divides both
            numbers.
        activation: a name or a function; None for none.
        use_bias: whether b is added.
        kernel_initializer: how K starts; ``"he_normal"`` for ReLU and its kin.
        bias_initializer: how b starts.
        kernel_regularizer: a penalty on K.
        bias_regularizer: a penalty on b.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint: where K is put back after each update.
        bias_constraint: where b is put back after each update.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, steps, c)``; out: ``(n, steps', filters)``; K: ``(k, c / groups, filters)``;
        b: ``(filters,)``.

    Raises:
        InputError: an argument outside these, or inputs smaller than the window.

    Example:
        >>> Conv1D(8, 3, padding="causal")(torch.zeros(2, 10, 4)).shape
        torch.Size([2, 10, 8])


    Reference:
        van den Oord et al. 2016, "WaveNet", section 2.1 (causal, dilated).
    """

    rank = 1
    may_be_causal = True

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            *(filters, kernel_size, strides, padding, data_format, dilation_rate, groups),
            *(activation, use_bias, kernel_initializer, bias_initializer),
            *(kernel_regularizer, bias_regularizer, activity_regularizer),
            *(kernel_constraint, bias_constraint),
            **kwargs,
        )


class Conv2D(Convolution):
    """``activation(K * x + b)`` over images: patterns, wherever in the picture they are.

    A place's outputs depend on its window only, and all places share the weights: far fewer than a
    Dense layer's, and what was learned in one corner holds in the others.

    Args:
        filters: how many outputs each place has, >= 1.
        kernel_size: the window's size, a whole number or a pair.
        strides: how far the window moves, likewise.
        padding: ``"valid"`` for none, or ``"same"``: zeros around, so that ``ceil(size / stride)``
            places come out, the odd zero at the end.
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        dilation_rate: how far the window's places lie apart; above 1 only with strides of 1.
        groups: into how many parts the channels are split, each with its own filters; divides both
            numbers.
        activation: a name or a function; None for none.
        use_bias: whether b is added.
        kernel_initializer: how K starts; ``"he_normal"`` for ReLU and its kin.
        bias_initializer: how b starts.
        kernel_regularizer: a penalty on K.
        bias_regularizer: a penalty on b.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint: where K is put back after each update.
        bias_constraint: where b is put back after each update.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, height, width, c)``; out: ``(n, height', width', filters)``;
        K: ``(kh, kw, c / groups, filters)``; b: ``(filters,)``.

    Raises:
        InputError: an argument outside these, or inputs smaller than the window.

    Example:
        >>> Conv2D(32, 3, padding="same", activation="relu")(torch.zeros(2, 28, 28, 1)).shape
        torch.Size([2, 28, 28, 32])


    Reference:
        LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition", section II.
    """

    rank = 2

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            *(filters, kernel_size, strides, padding, data_format, dilation_rate, groups),
            *(activation, use_bias, kernel_initializer, bias_initializer),
            *(kernel_regularizer, bias_regularizer, activity_regularizer),
            *(kernel_constraint, bias_constraint),
            **kwargs,
        )


class Conv3D(Convolution):
    """``activation(K * x + b)`` over volumes or films: patterns in three axes of space.

    Its cost grows with the third power of the window's size.

    Args:
        filters: how many outputs each place has, >= 1.
        kernel_size: the window's size, a whole number or three.
        strides: how far the window moves, likewise.
        padding: ``"valid"`` for none, or ``"same"``: zeros around, so that ``ceil(size / stride)``
            places come out, the odd zero at the end.
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        dilation_rate: how far the window's places lie apart; above 1 only with strides of 1.
        groups: into how many parts the channels are split, each with its own filters; divides both
            numbers.
        activation: a name or a function; None for none.
        use_bias: whether b is added.
        kernel_initializer: how K starts; ``"he_normal"`` for ReLU and its kin.
        bias_initializer: how b starts.
        kernel_regularizer: a penalty on K.
        bias_regularizer: a penalty on b.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint: where K is put back after each update.
        bias_constraint: where b is put back after each update.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, depth, height, width, c)``; out: ``(n, depth', height', width', filters)``;
        K: ``(kd, kh, kw, c / groups, filters)``; b: ``(filters,)``.

    Raises:
        InputError: an argument outside these, or inputs smaller than the window.

    Example:
        >>> Conv3D(4, (1, 3, 3))(torch.zeros(2, 5, 8, 8, 1)).shape
        torch.Size([2, 5, 6, 6, 4])


    Reference:
        Ji et al. 2013, "3D Convolutional Neural Networks for Human Action Recognition", eq. 2.
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1, 1),
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            *(filters, kernel_size, strides, padding, data_format, dilation_rate, groups),
            *(activation, use_bias, kernel_initializer, bias_initializer),
            *(kernel_regularizer, bias_regularizer, activity_regularizer),
            *(kernel_constraint, bias_constraint),
            **kwargs,
        )


# Keras's other names.
Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
