"""Batches of pairs of examples, mixed with their labels."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from latih import random
from latih.data.batches import order
from latih.data.file_datasets import FileDataset
from latih.data.fingerprint import fingerprint


class MixedBatches(FileDataset):
    """Batches in which each example is mixed with another one: ``λ x + (1 - λ) x'``, labels too.

    ``λ ~ Beta(α, α)``. What is drawn is a pure function of the seed, the pass and the step.

    Args:
        x: the examples.
        targets: rows of probabilities.
        weights: how much each example counts; None for alike.
        alpha: α, > 0; the larger the more is mixed.
        batch_size: how many examples a step takes.

    Example:
        >>> x, targets = np.zeros((4, 2), np.uint8), np.eye(4, dtype=np.float32)
        >>> batch, mixed, _ = next(MixedBatches(x, targets, None, 1.0, 4).items(1, 0, 0))
        >>> mixed.sum(1)
        tensor([1., 1., 1., 1.])

    Reference:
        Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization", equation 1.
    """

    def __init__(
        self,
        x: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray | None,
        alpha: float,
        batch_size: int,
    ) -> None:
        super().__init__(len(x), batch_size, True, None)
        self.x, self.targets, self.alpha = x, targets, alpha
        self.weights = np.ones(len(x), np.float32) if weights is None else weights

    def fingerprint(self) -> dict[str, Any]:
        """Return what tells the examples and their labels from others, and how they are mixed."""
        told = {"x": self.x, "targets": self.targets, "weights": self.weights}
        return {
            **{name: fingerprint(torch.from_numpy(part)) for name, part in told.items()},
            "alpha": self.alpha,
        }

    def _read(self, seed: int, epoch: int, first: int) -> Iterator[Any]:
        size = self.batch_size or len(self.x)
        batches = order(len(self.x), True, seed, epoch).split(size)
        for step, rows in enumerate(batches[first:], first):
            dice = np.random.default_rng(random.mix(seed, epoch, step))
            kept = dice.beta(self.alpha, self.alpha, len(rows)).astype(np.float32)
            kept = np.maximum(kept, 1 - kept)  # the first of a pair is the one that weighs more
            one = rows.numpy()
            other = dice.permutation(one)
            yield tuple(
                torch.from_numpy(_mixed(part[one], part[other], kept))
                for part in (self.x, self.targets, self.weights)
            )


def _mixed(one: np.ndarray, other: np.ndarray, kept: np.ndarray) -> np.ndarray:
    shares = kept.reshape(-1, *[1] * (one.ndim - 1))
    return (shares * one + (1 - shares) * other).astype(np.float32)
