"""Images made brighter or darker."""

from collections.abc import Sequence
from typing import Any

import torch

from latih.layers.augmentation.base import Augmentation
from latih.layers.augmentation.factors import factor_bounds, value_range_of


class RandomBrightness(Augmentation):
    """In training, add one number to all of an image; outside training, leave it.

    ``x + u · (most - least)`` clipped into the range, u drawn evenly from the factor.

    Args:
        factor: parts of the range, -1 to 1: two bounds, or one number for both sides.
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
        >>> layer = RandomBrightness((0.5, 0.5), value_range=(0, 1))
        >>> layer(torch.tensor([0.25, 0.75]).reshape(1, 1, 2, 1), training=True).flatten()
        tensor([0.7500, 1.0000])
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
        self.factor = factor_bounds(factor, "factor", "RandomBrightness")
        # Keras takes them in either order.
        ordered = sorted(value_range) if isinstance(value_range, list | tuple) else value_range
        self.value_range = value_range_of(ordered, "RandomBrightness")

    def draw(self, images: torch.Tensor) -> torch.Tensor:
        """Draw what is added to each image: ``(n, 1, 1, 1)``."""
        least, most = self.value_range
        return self.uniform(len(images), self.factor, images).view(-1, 1, 1, 1) * (most - least)

    def transform_images(self, images: torch.Tensor, transformation: torch.Tensor) -> torch.Tensor:
        """Do what was drawn to a batch of images."""
        return (images + transformation).clamp(*self.value_range)
