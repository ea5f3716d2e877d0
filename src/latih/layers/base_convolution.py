"""What all convolutions share: the window and its arguments, the bias, the call of the kernel."""

from collections.abc import Callable
from operator import lt
from typing import Any

import torch
import torch.nn.functional as F

from latih import activations, constraints, initializers, regularizers
from latih.errors import InputError
from latih.layers.spatial import SpatialLayer
from latih.layers.window import Window, padding_word, sizes
from latih.tensors import Shape


class BaseConvolution(SpatialLayer):
    """The base of plain, transposed, depthwise and separable convolutions.

    Kernels are kept in Keras's layout, their places first: so files and optimizers see them. A call
    copies a kernel once into the layout of PyTorch's, which would else do so in the forward pass
    and again in the backward one.
    """

    may_be_causal = False

    neutral_config = {"lora_rank": None, "lora_alpha": None, "quantization_config": None}

    def __init__(
        self,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        bias_initializer: Any,
        bias_regularizer: Any,
        activity_regularizer: Any,
        bias_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, activity_regularizer=activity_regularizer, **kwargs)
        owner = type(self).__name__
        self.kernel_size = sizes(kernel_size, "kernel_size", owner, self.rank)
        self.strides = sizes(strides, "strides", owner, self.rank)
        self.padding = padding_word(padding, owner, causal=self.may_be_causal)
        self.dilation_rate = sizes(dilation_rate, "dilation_rate", owner, self.rank)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.bias_initializer = initializers.get(bias_initializer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.bias_constraint = constraints.get(bias_constraint)
        self.bias: torch.Tensor | None = None
        self.window = Window(
            self.as_image_sizes(self.kernel_size),
            self.as_image_sizes(self.strides),
            self.as_image_sizes(self.dilation_rate),
            self.padding,
        )
        self._looks_at_points = max(self.kernel_size) == 1
        places = range(max(self.rank, 2))
        self._kernel_order = (len(places) + 1, len(places), *places)
        self._convolve: Callable[..., torch.Tensor] = F.conv3d if self.rank == 3 else F.conv2d

    def refuse_strides_with_dilation(self) -> None:
        """Refuse a window that both steps and spreads, as Keras does.

        Raises:
            InputError: strides and dilation_rate both have a number above one.
        """
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise InputError(
                f"`strides` and `dilation_rate` of {type(self).__name__} exclude each other",
                expected="one of them to be 1",
                got=f"strides={self.strides}, dilation_rate={self.dilation_rate}",
            )

    def channels_to_build(self, input_shape: Shape) -> int:
        """Return how many channels there are, and remember it; refuse what cannot be built."""
        self.compute_output_shape(input_shape)
        channels = input_shape[self._channel_axis]
        if channels is None:
            raise InputError(
                f"{self.name!r} cannot be built",
                expected="a known number of channels",
                got=f"shape {input_shape}",
                fix="Give the size in Input().",
            )
        self._channels = channels
        return channels

    def add_bias_weight(self, filters: int) -> None:
        """Make the bias, if there is to be one."""
        if self.use_bias:
            self.bias = self.add_weight(
                (filters,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )

    def checked_images(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return a batch as PyTorch's kernels want it, if it has the channels built for."""
        images = self.as_images(inputs)
        if images.shape[1] != self._channels:
            raise InputError(
                f"{self.name!r} cannot take its inputs",
                expected=f"{self._channels} channels in axis {self._channel_axis}",
                got=f"shape {tuple(inputs.shape)}",
            )
        return images

    def as_kernel(self, kernel: torch.Tensor) -> torch.Tensor:
        """Return a kernel of Keras's layout in PyTorch's."""
        if self.rank == 1:
            kernel = kernel.unsqueeze(0)
        # A clone, since contiguous() lets a kernel of one filter be, with strides that PyTorch's
        # backward pass takes for another layout and refuses.
        return kernel.permute(self._kernel_order).clone(memory_format=self._memory_format)

    def slide(
        self, images: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None, groups: int
    ) -> torch.Tensor:
        """Convolve images with a kernel, both as PyTorch wants them."""
        if any(map(lt, images.shape[2:], self.window.least)):
            self.refuse_small(self.from_images(images).shape, self.window.least)
        padding, around = self.window.split_pads(images.shape[2:])
        if around is not None:
            images = F.pad(images, around)
        strides = self.window.strides
        if self._looks_at_points and max(strides) > 1:
            # The same numbers; PyTorch 2.13's backward pass ends the process with a segmentation
            # fault where such a kernel steps over 4 or 8 channels, channels last, on AVX-512.
            images = images[(..., *(slice(None, None, step) for step in strides))]
            images = images.contiguous(memory_format=self._memory_format)
            strides = (1,) * len(strides)
        return self._convolve(images, kernel, bias, strides, padding, self.window.dilation, groups)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as data that JSON can hold."""
        # Keras's convolutions write this one even where there is none.
        return {"activity_regularizer": None, **super().get_config()}
