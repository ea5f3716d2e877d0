"""How well classes are told apart, also where some are rare."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Scores:
    """What came of a judgement.

    Args:
        accuracy: the part of the examples that is named right, 0..1.
        balanced_accuracy: the mean over the classes of the part of each that is named right: a
            rare class counts as much as a frequent one.
        confusion: counts, rows true and columns predicted.
    """

    accuracy: float
    balanced_accuracy: float
    confusion: np.ndarray

    def no_worse_than(self, other: "Scores") -> bool:
        """Say whether neither accuracy is below the other's."""
        return self.accuracy >= other.accuracy and self.balanced_accuracy >= other.balanced_accuracy

    @property
    def standard_errors(self) -> tuple[float, float]:
        """How far chance alone moves the accuracy and the balanced one, of so few examples.

        ``√(p (1 - p) / n)``, for the balanced one added up over the classes; p of a class with k of
        n right is ``(k + 1) / (n + 2)``, so that one example named right is no certainty.
        """
        right, every = np.diag(self.confusion), self.confusion.sum(axis=1)
        if not every.any():
            return 0.0, 0.0
        known = every > 0
        parts = (right[known] + 1) / (every[known] + 2)
        whole = (right.sum() + 1) / (every.sum() + 2)
        return (
            float(np.sqrt(whole * (1 - whole) / every.sum())),
            float(np.sqrt((parts * (1 - parts) / every[known]).sum()) / known.sum()),
        )


def judge(true: np.ndarray, probabilities: Any) -> Scores:
    """Return how often the likeliest class is the true one.

    Args:
        true: class numbers.
        probabilities: one column for each class, or logits.

    Shapes:
        true: ``(n,)``; probabilities: ``(n, classes)``.

    Example:
        >>> scores = judge(np.array([0, 0, 0, 1]), [[1, 0], [1, 0], [1, 0], [1, 0]])
        >>> scores.accuracy, scores.balanced_accuracy
        (0.75, 0.5)
    """
    outputs = np.asarray(probabilities)
    confusion = np.zeros((outputs.shape[1], outputs.shape[1]), np.int64)
    np.add.at(confusion, (true, outputs.argmax(axis=1)), 1)
    return of_confusion(confusion)


def of_confusion(confusion: np.ndarray) -> Scores:
    """Return the scores that counts tell, those of several folds added up for example."""
    right, every = np.diag(confusion), confusion.sum(axis=1)
    known = every > 0
    return Scores(
        accuracy=float(right.sum() / max(1, every.sum())),
        balanced_accuracy=float((right[known] / every[known]).mean()) if known.any() else 0.0,
        confusion=confusion,
    )


def balanced_weights(numbers: np.ndarray, classes: int) -> np.ndarray:
    """Return a weight for each class such that all count alike, their mean over examples 1.

    Args:
        numbers: the class of each example.
        classes: how many there are.

    Example:
        >>> balanced_weights(np.array([0, 0, 0, 1]), 2)
        array([0.66666667, 2.        ])
    """
    counts = np.bincount(numbers, minlength=classes).astype(float)
    weights = np.where(counts > 0, 1 / np.maximum(counts, 1.0), 0.0)
    return weights * counts.sum() / (weights * counts).sum()
