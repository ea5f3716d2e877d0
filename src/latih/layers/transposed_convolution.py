"""Convolutions the other way round: what a window saw, spread over the window again."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from latih import constraints, initializers, regularizers
from latih.arguments import whole
from latih.errors import InputError
from latih.layers.base_convolution import BaseConvolution
from latih.layers.window import sizes, spread_crops
from latih.tensors import Shape


class TransposedConvolution(BaseConvolution):
    """The base of transposed convolutions over one, two and three axes of space."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any,
        padding: str,
        output_padding: Any,
        data_format: str | None,
        dilation_rate: Any,
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
        self.output_padding: tuple[int, ...] | None = None
        if output_padding is not None:
            self.output_padding = sizes(output_padding, "output_padding", owner, self.rank, least=0)
            if any(
                more >= step for more, step in zip(self.output_padding, self.strides, strict=True)
            ):
                raise InputError(
                    f"`output_padding` of {owner} is too large",
                    expected=f"less than strides={self.strides}",
                    got=str(self.output_padding),
                )
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self._work_out_crops()

    def _work_out_crops(self) -> None:
        # PyTorch's kernels crop both ends alike and may add to the end. What Keras crops of the
        # end beyond that is cut off what they give.
        more = self.output_padding or (None,) * self.rank
        axes = zip(self.strides, self.window.reach[-self.rank :], more, strict=True)
        crops = [spread_crops(*axis, self.padding) for axis in axes]
        self._crops = crops
        if self.rank == 1:
            crops = [(0, 0), *crops]
        self._kernel_crop = tuple(before for before, _ in crops)
        self._added = tuple(max(before - after, 0) for before, after in crops)
        self._cut = tuple(max(after - before, 0) for before, after in crops)
        self._spread: Callable[..., torch.Tensor] = (
            F.conv_transpose3d if self.rank == 3 else F.conv_transpose2d
        )

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape."""
        channels = self.channels_to_build(input_shape)
        self.kernel = self.add_weight(
            (*self.kernel_size, self.filters, channels),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.add_bias_weight(self.filters)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        outputs = self._spread(
            self.checked_images(inputs),
            self.as_kernel(self.kernel),
            self.bias,
            self.window.strides,
            self._kernel_crop,
            self._added,
            1,
            self.window.dilation,
        )
        for axis, cut in enumerate(self._cut, start=2):
            if cut:
                outputs = outputs.narrow(axis, 0, outputs.shape[axis] - cut)
        return self.activation(self.from_images(outputs))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        found = tuple(
            None if size is None else (size - 1) * stride + reach - before - after
            for size, stride, reach, (before, after) in zip(
                self.space_of(input_shape),
                self.strides,
                self.window.reach[-self.rank :],
                self._crops,
                strict=True,
            )
        )
        if any(size is not None and size < 1 for size in found):
            raise InputError(
                f"{self.name!r} would give nothing",
                expected="at least one place in each axis of the outputs",
                got=f"{found} from inputs of shape {input_shape}",
                fix="Leave out output_padding, or use larger inputs.",
            )
        return self.shape_with(input_shape[0], found, self.filters)


class Conv1DTranspose(TransposedConvolution):
    """A convolution's transpose along one axis: few places become many.

    What decoders of sequences grow with.

    Args:
        filters: how many outputs each place has, >= 1.
        kernel_size: the window's size, a whole number or ``(k,)``.
        strides: how many places come out for one that goes in, likewise.
        padding: ``"valid"`` for all places that a window reaches, ``"same"`` for
            ``size * stride`` of them.
        output_padding: how many places more than the fewest come out, >= 0 and below the strides;
            None for what the padding says.
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        dilation_rate: how far the window's places lie apart; above 1 only with strides of 1.
        activation: a name or a function; None for none.
        use_bias: whether b is added.
        kernel_initializer: how K starts.
        bias_initializer: how b starts.
        kernel_regularizer: a penalty on K.
        bias_regularizer: a penalty on b.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint: where K is put back after each update.
        bias_constraint: where b is put back after each update.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, steps, c)``; out: ``(n, steps', filters)``; K: ``(k, filters, c)``;
        b: ``(filters,)``.

    Raises:
        InputError: an argument outside these.

    Example:
        >>> Conv1DTranspose(8, 3, strides=2, padding="same")(torch.zeros(2, 10, 4)).shape
        torch.Size([2, 20, 8])


    Reference:
        Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", section 4.
    """

    rank = 1

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
            *(filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate),
            *(activation, use_bias, kernel_initializer, bias_initializer),
            *(kernel_regularizer, bias_regularizer, activity_regularizer),
            *(kernel_constraint, bias_constraint),
            **kwargs,
        )


class Conv2DTranspose(TransposedConvolution):
    """A convolution's transpose over images: a small picture becomes a large one.

    What decoders and generators grow with. A window that the stride does not divide leaves a
    chequered pattern; UpSampling2D and a Conv2D do not.

    Args:
        filters: how many outputs each place has, >= 1.
        kernel_size: the window's size, a whole number or a pair.
        strides: how many places come out for one that goes in, likewise.
        padding: ``"valid"`` for all places that a window reaches, ``"same"`` for
            ``size * stride`` of them.
        output_padding: how many places more than the fewest come out, >= 0 and below the strides;
            None for what the padding says.
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        dilation_rate: how far the window's places lie apart; above 1 only with strides of 1.
        activation: a name or a function; None for none.
        use_bias: whether b is added.
        kernel_initializer: how K starts.
        bias_initializer: how b starts.
        kernel_regularizer: a penalty on K.
        bias_regularizer: a penalty on b.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint: where K is put back after each update.
        bias_constraint: where b is put back after each update.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, height, width, c)``; out: ``(n, height', width', filters)``;
        K: ``(kh, kw, filters, c)``; b: ``(filters,)``.

    Raises:
        InputError: an argument outside these.

    Example:
        >>> Conv2DTranspose(8, 4, strides=2, padding="same")(torch.zeros(2, 7, 7, 16)).shape
        torch.Size([2, 14, 14, 8])


    Reference:
        Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", section 4.
    """

    rank = 2

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
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
            *(filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate),
            *(activation, use_bias, kernel_initializer, bias_initializer),
            *(kernel_regularizer, bias_regularizer, activity_regularizer),
            *(kernel_constraint, bias_constraint),
            **kwargs,
        )


class Conv3DTranspose(TransposedConvolution):
    """A convolution's transpose over volumes: a small one becomes a large one.

    What decoders of volumes grow with.

    Args:
        filters: how many outputs each place has, >= 1.
        kernel_size: the window's size, a whole number or three.
        strides: how many places come out for one that goes in, likewise.
        padding: ``"valid"`` for all places that a window reaches, ``"same"`` for
            ``size * stride`` of them.
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        output_padding: how many places more than the fewest come out, >= 0 and below the strides;
            None for what the padding says.
        dilation_rate: how far the window's places lie apart; above 1 only with strides of 1.
        activation: a name or a function; None for none.
        use_bias: whether b is added.
        kernel_initializer: how K starts.
        bias_initializer: how b starts.
        kernel_regularizer: a penalty on K.
        bias_regularizer: a penalty on b.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint: where K is put back after each update.
        bias_constraint: where b is put back after each update.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, depth, height, width, c)``; out: ``(n, depth', height', width', filters)``;
        K: ``(kd, kh, kw, filters, c)``; b: ``(filters,)``.

    Raises:
        InputError: an argument outside these.

    Example:
        >>> Conv3DTranspose(2, 2, strides=2)(torch.zeros(2, 3, 4, 4, 1)).shape
        torch.Size([2, 6, 8, 8, 2])


    Reference:
        Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning", section 4.
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = (1, 1, 1),
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
            *(filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate),
            *(activation, use_bias, kernel_initializer, bias_initializer),
            *(kernel_regularizer, bias_regularizer, activity_regularizer),
            *(kernel_constraint, bias_constraint),
            **kwargs,
        )


# Keras's other names.
Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
