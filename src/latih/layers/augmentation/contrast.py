"""Images with their differences stretched."""

from collections.abc import Sequence
from typing import Any

import torch

from latih.layers.augmentation.base import Augmentation
from latih.layers.augmentation.factors import factor_bounds, value_range_of


class RandomContrast(Augmentation):
    """In training, stretch each image about its mean; outside training, leave it.

    ``(x - mean) · u + mean`` clipped into the range, the mean that of each channel, u drawn evenly
    from ``1 - lower`` to ``1 + upper``. One number f means the bounds (0, f), as Keras computes
    (its documentation says (f, f)): contrast then only grows.

    Args:
        factor: 0 to 1: two bounds, or one number.
        value_range: the darkest and the brightest value an image can hold.
        seed: a whole number; None takes the next of the process's one seed.
        data_format: ``"channels_last"``, which None means, or ``"channels_first"``.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, height, width, channels)``, or one image without n; or a mapping with
        them as ``images``.

    Raises:
        InputError: an argument is outside its range.

    Example:
        >>> layer = RandomContrast((0.0, 1.0), value_range=(0, 1), seed=1)
        >>> images = torch.tensor([0.4, 0.6]).reshape(1, 1, 2, 1)
        >>> darker, brighter = layer(images, training=True).flatten().tolist()
        >>> darker < 0.4, brighter > 0.6
        (True, True)
    """

    def __init__(
        self,
        factor: float | Sequence[float],
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        *,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_bounds(factor, "factor", "RandomContrast", least=0)
        self.value_range = value_range_of(value_range, "RandomContrast")

    def draw(self, images: torch.Tensor) -> torch.Tensor:
        """Draw how much each image is stretched: ``(n, 1, 1, 1)``."""
        lower, upper = self.factor
        return self.uniform(len(images), (1 - lower, 1 + upper), images).view(-1, 1, 1, 1)

    def transform_images(self, images: torch.Tensor, transformation: torch.Tensor) -> torch.Tensor:
        """Do what was drawn to a batch of images."""
        mean = images.mean(dim=(self.height_axis, self.width_axis), keepdim=True)
        return ((images - mean) * transformation + mean).clamp(*self.value_range)
