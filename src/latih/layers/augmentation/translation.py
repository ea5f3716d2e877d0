"""Images shifted."""

from collections.abc import Sequence
from typing import Any

import torch

from latih.layers.augmentation.factors import factor_bounds
from latih.layers.augmentation.warp import Warp


class RandomTranslation(Warp):
    """In training, shift each image by an offset of its own; outside training, leave it.

    The pixel (x, y) is read at ``(x - width · u, y - height · v)``, u and v drawn evenly from the
    factors: positive ones shift right and down.

    Args:
        height_factor: parts of the height, -1 to 1: two bounds, or one number for both sides.
        width_factor: the same of the width.
        fill_mode: what lies outside: ``"constant"``, ``"nearest"``, ``"reflect"`` or ``"wrap"``.
        interpolation: ``"bilinear"`` or ``"nearest"``.
        seed: a whole number; None takes the next of the process's one seed.
        fill_value: the value outside when ``fill_mode="constant"``.
        data_format: ``"channels_last"``, which None means, or ``"channels_first"``.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, height, width, channels)``, or one image without n; or a mapping with
        them as ``images``.

    Raises:
        InputError: an argument is outside its range.

    Example:
        >>> layer = RandomTranslation(0.0, (0.5, 0.5), fill_mode="constant")
        >>> image = torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(1, 1, 4, 1)
        >>> layer(image, training=True).flatten()
        tensor([0., 0., 1., 2.])
    """

    def __init__(
        self,
        height_factor: float | Sequence[float],
        width_factor: float | Sequence[float],
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode=fill_mode,
            interpolation=interpolation,
            fill_value=fill_value,
            seed=seed,
            data_format=data_format,
            **kwargs,
        )
        self.height_factor, self.width_factor = height_factor, width_factor
        self._heights = factor_bounds(height_factor, "height_factor", "RandomTranslation")
        self._widths = factor_bounds(width_factor, "width_factor", "RandomTranslation")

    def draw(self, images: torch.Tensor) -> torch.Tensor:
        """Draw the offsets of each image to the right and down, in pixels: ``(n, 2)``."""
        down = self.uniform(len(images), self._heights, images) * images.shape[self.height_axis]
        right = self.uniform(len(images), self._widths, images) * images.shape[self.width_axis]
        return torch.stack([right, down], dim=1)

    def matrices(self, transformation: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """Return, for each image, where its pixels are read: ``(n, 6)``."""
        right, down = transformation.unbind(1)
        one, zero = torch.ones_like(right), torch.zeros_like(right)
        return torch.stack([one, zero, -right, zero, one, -down], dim=1)
