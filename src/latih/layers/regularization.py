"""Noise in training, so that no unit can lean on another."""

from collections.abc import Sequence
from typing import Any

import torch

from latih import random
from latih.arguments import number, whole
from latih.errors import InputError
from latih.layers.base import Layer
from latih.layers.spatial import SpatialLayer
from latih.tensors import Shape


class Dropout(Layer):
    """In training, switch each input off with probability ``rate``; scale the rest up to match.

    ``x · m / (1 - rate)`` with m one or zero; outside training, ``x``.

    Args:
        rate: the fraction to drop, 0 <= rate <= 1.
        noise_shape: the mask's shape where it differs from the inputs': a 1 shares the mask along
            that axis, None takes the inputs' size.
        seed: a whole number; None takes the next of the process's one seed.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, ...)``.

    Raises:
        InputError: the rate is outside 0..1.

    Example:
        >>> Dropout(0.5, seed=1)(torch.ones(4))
        tensor([1., 1., 1., 1.])

    Reference:
        Srivastava et al. 2014, section 4 (with the scaling moved into training).
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rate = number(rate, "rate", "Dropout", least=0, most=1)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = None if seed is None else whole(seed, "seed", "Dropout")
        self.seed_generator = random.SeedGenerator(self.seed)

    def call(self, inputs: torch.Tensor, training: bool = False) -> torch.Tensor:
        """Return the outputs of a batch."""
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            return torch.zeros_like(inputs)
        like = inputs
        if self.noise_shape is not None:
            if len(self.noise_shape) != inputs.ndim:
                raise InputError(
                    f"{self.name!r} cannot take its inputs",
                    expected=f"as many axes as noise_shape={self.noise_shape} has",
                    got=f"shape {tuple(inputs.shape)}",
                )
            sizes = [
                own if size is None else size
                for size, own in zip(self.noise_shape, inputs.shape, strict=True)
            ]
            like = inputs.new_empty(sizes)
        mask = random.keep_mask(like, self.rate, self.seed_generator.next())
        return inputs * mask.mul_(1.0 / (1.0 - self.rate))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return input_shape


class SpatialDropout2D(SpatialLayer):
    """In training, switch whole channels of an example off; scale the rest up to match.

    Neighbouring pixels say nearly the same, so that Dropout of single ones hides little.

    ``x · m / (1 - rate)`` with one m, one or zero, for each channel of each example.

    Args:
        rate: the fraction of channels to drop, 0 <= rate <= 1.
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        seed: a whole number; None takes the next of the process's one seed.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, height, width, c)``.

    Raises:
        InputError: the rate is outside 0..1.

    Example:
        >>> SpatialDropout2D(0.5, seed=1)(torch.ones(1, 1, 1, 2)).flatten()
        tensor([1., 1.])

    Reference:
        Tompson et al. 2015, "Efficient Object Localization Using Convolutional Networks", section
        3.2.
    """

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.rate = number(rate, "rate", "SpatialDropout2D", least=0, most=1)
        self.seed = None if seed is None else whole(seed, "seed", "SpatialDropout2D")
        self.seed_generator = random.SeedGenerator(self.seed)

    def call(self, inputs: torch.Tensor, training: bool = False) -> torch.Tensor:
        """Return the outputs of a batch."""
        if inputs.ndim != 4:
            self.refuse(inputs.shape)
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            return torch.zeros_like(inputs)
        sizes = (len(inputs), 1, 1, inputs.shape[-1])
        if not self._channels_are_last:
            sizes = (*inputs.shape[:2], 1, 1)
        mask = random.keep_mask(inputs.new_empty(sizes), self.rate, self.seed_generator.next())
        return inputs * mask.mul_(1.0 / (1.0 - self.rate))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        self.space_of(input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as data that JSON can hold."""
        # Keras's layer of this name would refuse `trainable`.
        return {name: value for name, value in super().get_config().items() if name != "trainable"}
