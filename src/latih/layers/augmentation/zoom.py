"""Images made larger or smaller in their frame."""

from collections.abc import Sequence
from typing import Any

import torch

from latih.errors import InputError
from latih.layers.augmentation.factors import factor_bounds
from latih.layers.augmentation.warp import Warp


class RandomZoom(Warp):
    """In training, zoom into or out of each image; outside training, leave it.

    The pixel p is read at ``c + (1 + u) (p - c)`` along each axis, u drawn evenly from the factor,
    c the centre: positive ones zoom out, negative ones in.

    Args:
        height_factor: above -1, at most 1: two bounds, or one number for both sides.
        width_factor: the same for the width; None zooms both alike.
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
        >>> layer = RandomZoom((1.0, 1.0), fill_mode="constant", interpolation="nearest")
        >>> image = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]).reshape(1, 1, 5, 1)
        >>> layer(image, training=True).flatten()
        tensor([0., 1., 3., 5., 0.])
    """

    def __init__(
        self,
        height_factor: float | Sequence[float],
        width_factor: float | Sequence[float] | None = None,
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
        self._heights = _zooms(height_factor, "height_factor")
        self._widths = None if width_factor is None else _zooms(width_factor, "width_factor")

    def draw(self, images: torch.Tensor) -> torch.Tensor:
        """Draw the zooms of each image along its width and height, 1 for none: ``(n, 2)``."""
        heights = self.uniform(len(images), self._heights, images)
        if self._widths is None:
            return torch.stack([heights, heights], dim=1)
        return torch.stack([self.uniform(len(images), self._widths, images), heights], dim=1)

    def matrices(self, transformation: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """Return, for each image, where its pixels are read: ``(n, 6)``."""
        across, down = transformation.unbind(1)
        zero = torch.zeros_like(across)
        offsets = (1 - across) * ((width - 1) / 2), (1 - down) * ((height - 1) / 2)
        return torch.stack([across, zero, offsets[0], zero, down, offsets[1]], dim=1)


def _zooms(factor: Any, argument: str) -> tuple[float, float]:
    lower, upper = factor_bounds(factor, argument, "RandomZoom")
    given = min(factor) if isinstance(factor, list | tuple) else factor
    if given <= -1:
        raise InputError(
            f"`{argument}` of RandomZoom cannot be used", expected="> -1", got=repr(factor)
        )
    return 1 + lower, 1 + upper
