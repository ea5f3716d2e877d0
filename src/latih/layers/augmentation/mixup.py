"""Each image blended with another."""

from typing import Any

import torch

from latih import random
from latih.arguments import number
from latih.layers.augmentation.base import Augmentation
from latih.layers.augmentation.mixing import mixed_labels


class MixUp(Augmentation):
    """In training, blend each image and its label with those of another of the batch.

    ``w · x + (1 - w) · x'`` and ``w · y + (1 - w) · y'``, w drawn from ``Beta(α, α)`` for each
    image: between the examples the net learns to change its mind evenly.

    Args:
        alpha: above 0: small blends little, 1 evenly, large half and half.
        data_format: ``"channels_last"``, which None means, or ``"channels_first"``.
        seed: a whole number; None takes the next of the process's one seed.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: a mapping with ``images`` ``(n, height, width, channels)`` and one-hot
        ``labels`` ``(n, classes)``; or images alone.

    Raises:
        InputError: alpha is not above 0; labels that are class numbers.

    Example:
        >>> batch = {"images": torch.rand(8, 4, 4, 3), "labels": torch.eye(8)}
        >>> mixed = MixUp(alpha=0.2, seed=1)(batch, training=True)
        >>> torch.allclose(mixed["labels"].sum(dim=1), torch.ones(8))
        True

    Reference:
        Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization", section 2.
    """

    def __init__(
        self,
        alpha: float = 0.2,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.alpha = number(alpha, "alpha", "MixUp", above=0)

    def draw(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw the other of each image and how much of itself it keeps: ``(n,)`` both."""
        order = random.permutation(len(images), self.seed_generator.next_key(images.device))
        weight_bits = self.seed_generator.next()
        return order, random.beta(self.alpha, len(images), weight_bits, images.device)

    def transform_images(
        self, images: torch.Tensor, transformation: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        """Do what was drawn to a batch of images."""
        order, weights = transformation
        kept = weights.view(-1, 1, 1, 1)
        return kept * images + (1 - kept) * images.index_select(0, order)

    def transform_labels(
        self, labels: torch.Tensor, transformation: tuple[torch.Tensor, torch.Tensor]
    ) -> torch.Tensor:
        """Do what was drawn to the labels."""
        order, weights = transformation
        return mixed_labels(labels, order, weights, self.name)
