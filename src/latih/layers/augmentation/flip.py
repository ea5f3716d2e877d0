"""Images mirrored."""

from typing import Any

import torch

from latih.arguments import one_of
from latih.layers.augmentation.base import Augmentation

MODES = ("horizontal", "vertical", "horizontal_and_vertical")


class RandomFlip(Augmentation):
    """In training, mirror each image with probability 1/2; outside training, leave it.

    ``x[i, height-1-j, width-1-k]`` for ``x[i, j, k]``, or one of the two axes alone. As in Keras,
    one coin an image decides on both axes: it is turned by 180 degrees, or left.

    Args:
        mode: ``"horizontal"`` swaps left and right, ``"vertical"`` top and bottom,
            ``"horizontal_and_vertical"`` both.
        seed: a whole number; None takes the next of the process's one seed.
        data_format: ``"channels_last"``, which None means, or ``"channels_first"``.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, height, width, channels)``, or one image without n; or a mapping with
        them as ``images``.

    Raises:
        InputError: the mode is none of the three.

    Example:
        >>> images = torch.tensor([1.0, 2.0]).reshape(1, 1, 2, 1).repeat(100, 1, 1, 1)
        >>> flipped = RandomFlip("horizontal", seed=1)(images, training=True)
        >>> 30 < (flipped[:, 0, 0, 0] == 2).sum().item() < 70
        True
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.mode = one_of(mode, "mode", "RandomFlip", MODES)
        axes = {"horizontal": self.width_axis, "vertical": self.height_axis}
        self._axes = [axis for name, axis in axes.items() if name in mode]

    def draw(self, images: torch.Tensor) -> torch.Tensor:
        """Draw whether each image is mirrored: ``(n, 1, 1, 1)``."""
        return (self.uniform(len(images), (0.0, 1.0), images) < 0.5).view(-1, 1, 1, 1)

    def transform_images(self, images: torch.Tensor, transformation: torch.Tensor) -> torch.Tensor:
        """Do what was drawn to a batch of images."""
        return torch.where(transformation, images.flip(self._axes), images)
