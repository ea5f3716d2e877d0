"""What the layers that move pixels share: how pixels are read, and what lies outside."""

from typing import Any

import torch

from latih.arguments import number, one_of
from latih.layers.augmentation.affine import FILL_MODES, INTERPOLATIONS, affine_transform
from latih.layers.augmentation.base import Augmentation


class Warp(Augmentation):
    """The base of layers that send each image through an affine map.

    Args:
        fill_mode: what lies outside, see :func:`affine_transform`.
        interpolation: how a point between pixels is read.
        fill_value: the value outside when ``fill_mode="constant"``.
        kwargs: arguments of :class:`Augmentation`.
    """

    def __init__(
        self, *, fill_mode: str, interpolation: str, fill_value: float, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        owner = type(self).__name__
        self.fill_mode = one_of(fill_mode, "fill_mode", owner, FILL_MODES)
        self.interpolation = one_of(interpolation, "interpolation", owner, INTERPOLATIONS)
        self.fill_value = number(fill_value, "fill_value", owner)

    def matrices(self, transformation: Any, height: int, width: int) -> torch.Tensor:
        """Return, for each image, where its pixels are read: ``(n, 6)``."""
        raise NotImplementedError

    def transform_images(self, images: torch.Tensor, transformation: Any) -> torch.Tensor:
        """Do what was drawn to a batch of images."""
        if self.data_format == "channels_first":
            images = images.movedim(1, -1)
        moved = affine_transform(
            images,
            self.matrices(transformation, images.shape[1], images.shape[2]),
            self.interpolation,
            self.fill_mode,
            self.fill_value,
        )
        return moved.movedim(-1, 1) if self.data_format == "channels_first" else moved
