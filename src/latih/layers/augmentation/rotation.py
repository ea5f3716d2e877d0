"""Images turned about their centre."""

import math
from collections.abc import Sequence
from typing import Any

import torch

from latih.layers.augmentation.factors import factor_bounds
from latih.layers.augmentation.warp import Warp


class RandomRotation(Warp):
    """In training, turn each image by an angle of its own; outside training, leave it.

    The pixel p is read at ``c + R(360° · u) (p - c)``, u drawn evenly from the factor, c the
    centre: positive ones turn the picture anti-clockwise.

    Args:
        factor: parts of a full turn, -1 to 1: two bounds, or one number for both sides.
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
        >>> layer = RandomRotation((0.25, 0.25), interpolation="nearest")
        >>> image = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
        >>> layer(image, training=True).reshape(2, 2)
        tensor([[2., 4.],
                [1., 3.]])
    """

    def __init__(
        self,
        factor: float | Sequence[float],
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
        self.factor = factor_bounds(factor, "factor", "RandomRotation")

    def draw(self, images: torch.Tensor) -> torch.Tensor:
        """Draw the angle of each image, in degrees: ``(n,)``."""
        lower, upper = self.factor
        return self.uniform(len(images), (360 * lower, 360 * upper), images)

    def matrices(self, transformation: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """Return, for each image, where its pixels are read: ``(n, 6)``."""
        angles = transformation * (math.pi / 180)
        cosine, sine = angles.cos(), angles.sin()
        x, y = (width - 1) / 2, (height - 1) / 2
        offsets = (x - x * cosine + y * sine, y - x * sine - y * cosine)
        return torch.stack([cosine, -sine, offsets[0], sine, cosine, offsets[1]], dim=1)
