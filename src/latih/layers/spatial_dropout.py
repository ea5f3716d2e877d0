"""Noise in training that takes whole channels of an image."""

from typing import Any

import torch

from latih import random
from latih.arguments import number, whole
from latih.layers.spatial import SpatialLayer
from latih.tensors import Shape


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
        key = self.seed_generator.next_key(inputs.device)
        like, kept = inputs.new_empty(sizes), 1.0 / (1.0 - self.rate)
        return inputs * random.keep_mask(like, self.rate, key, kept)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        self.space_of(input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as data that JSON can hold."""
        # Keras's layer of this name would refuse `trainable`.
        return {name: value for name, value in super().get_config().items() if name != "trainable"}
