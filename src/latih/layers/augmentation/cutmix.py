"""A box of each image pasted from another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from latih import random
from latih.layers.augmentation.base import Augmentation
from latih.layers.augmentation.factors import factor_bounds
from latih.layers.augmentation.mixing import mixed_labels


@dataclass(frozen=True)
class Boxes:
    """What was drawn for a batch: the other of each image, and the box that comes from it."""

    order: torch.Tensor
    """Which image the box comes from: ``(n,)``."""
    starts: torch.Tensor
    """Left and top of the box, in pixels and parts of them: ``(2, n)``."""
    ends: torch.Tensor
    """Right and bottom, which lie outside: ``(2, n)``."""

    weights: torch.Tensor
    """The part of each image outside its box: ``(n,)``."""

    def inside(self, height: int, width: int) -> torch.Tensor:
        """Return whether a pixel lies in its image's box: ``(n, height, width)``."""
        x = torch.arange(width, device=self.starts.device)
        y = torch.arange(height, device=self.starts.device).unsqueeze(1)
        left, top = self.starts.unsqueeze(-1).unsqueeze(-1)
        right, bottom = self.ends.unsqueeze(-1).unsqueeze(-1)
        return (x >= left) & (x < right) & (y >= top) & (y < bottom)


class CutMix(Augmentation):
    """In training, paste a box of another image of the batch, and its share of that label.

    ``x'`` inside the box and ``x`` outside; ``w · y + (1 - w) · y'`` with w the part outside. The
    box has the image's proportions and the area ``1 - Beta(α, α)``, α drawn evenly from the factor
    once a batch.

    Args:
        factor: 0 to 1: two bounds of α, or one number for the upper.
        seed: a whole number; None takes the next of the process's one seed.
        data_format: ``"channels_last"``, which None means, or ``"channels_first"``.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: a mapping with ``images`` ``(n, height, width, channels)`` and one-hot
        ``labels`` ``(n, classes)``; or images alone. One image without n is left as it is.

    Raises:
        InputError: the factor is outside 0..1; labels that are class numbers.

    Example:
        >>> batch = {"images": torch.rand(8, 4, 4, 3), "labels": torch.eye(8)}
        >>> mixed = CutMix(seed=1)(batch, training=True)
        >>> torch.allclose(mixed["labels"].sum(dim=1), torch.ones(8))
        True

    Reference:
        Yun et al. 2019, "CutMix", equations 1 and 2.
    """

    def __init__(
        self,
        factor: float | Sequence[float] = 1.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_bounds(factor, "factor", "CutMix", least=0)

    def draw(self, images: torch.Tensor) -> Boxes:
        """Draw the box of each image and where it comes from."""
        count, device = len(images), images.device
        order_key = self.seed_generator.next_key(device)
        alpha_bits, beta_bits = (self.seed_generator.next() for _ in range(2))
        lower, upper = self.factor
        alpha = lower + (upper - lower) * (alpha_bits / 2**64) + 1e-6
        weights = random.beta(alpha, count, beta_bits, device)
        side = (1 - weights).sqrt()
        sizes = [images.shape[self.width_axis], images.shape[self.height_axis]]
        lengths = torch.stack([side * size for size in sizes])
        free = torch.stack([size - length for size, length in zip(sizes, lengths, strict=True)])
        starts = self.uniform(2 * count, (0.0, 1.0), images).view(2, count) * free
        order = random.permutation(count, order_key)
        return Boxes(order, starts, starts + lengths, weights)

    def transform_images(self, images: torch.Tensor, transformation: Boxes) -> torch.Tensor:
        """Do what was drawn to a batch of images."""
        height, width = images.shape[self.height_axis], images.shape[self.width_axis]
        channels = -1 if self.data_format == "channels_last" else -3
        inside = transformation.inside(height, width).unsqueeze(channels)
        return torch.where(inside, images.index_select(0, transformation.order), images)

    def transform_labels(self, labels: torch.Tensor, transformation: Boxes) -> torch.Tensor:
        """Do what was drawn to the labels."""
        return mixed_labels(labels, transformation.order, transformation.weights, self.name)
