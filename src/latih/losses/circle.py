"""The loss of embeddings: likes near each other, unlikes apart."""

import math
from typing import Any

import torch
import torch.nn.functional as F

from latih.arguments import number
from latih.losses.base import Loss, Reduction, as_floats
from latih.tensors import as_tensor


class Circle(Loss):
    """Pull embeddings of one class together and push those of others off, the worst the hardest.

    ``log(1 + Σₚ exp(-γ aₚ(sₚ - 1 + m)) · Σₙ exp(γ aₙ(sₙ - m)))`` for each example, over its
    similarities s to those of its class and to the others; ``aₚ = max(1 + m - sₚ, 0)`` and
    ``aₙ = max(sₙ + m, 0)`` weigh each by how far it is from where it should be. An example that is
    the only one of its class, or has none of another, does not count.

    Args:
        gamma: γ, the scale, > 0.
        margin: m, between likes and unlikes.
        remove_diagonal: an example is not compared with itself.
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true: class numbers, ``(n,)`` or ``(n, 1)``; y_pred: embeddings of length 1, ``(n, d)``;
        returns: a number.

    Raises:
        InputError: γ is not positive, or the margin no number.

    Example:
        >>> embeddings = [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]
        >>> Circle(gamma=1.0)([0, 0, 1], embeddings)
        tensor(0.7890)

    Reference:
        Sun et al. 2020, "Circle Loss: A Unified Perspective of Pair Similarity Optimization",
        equations 4 and 8.
    """

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.remove_diagonal = remove_diagonal
        owner = type(self).__name__
        self.gamma = number(gamma, "gamma", owner, above=0)
        self.margin = number(margin, "margin", owner)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return circle(
            y_true,
            y_pred,
            remove_diagonal=self.remove_diagonal,
            gamma=self.gamma,
            margin=self.margin,
        )

    def counted(self, y_true: torch.Tensor, values: torch.Tensor) -> torch.Tensor | None:
        """Return which of the values count: those of examples that have likes and unlikes."""
        del y_true
        return values > 0


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> torch.Tensor:
    """The circle loss of each example; see :class:`Circle`.

    Args:
        y_true: class numbers.
        y_pred: embeddings of length 1.
        ref_labels: the class numbers of those to compare with; None for ``y_true``.
        ref_embeddings: those to compare with; None for ``y_pred``.
        remove_diagonal: the i-th is not compared with the i-th.
        gamma: γ, the scale.
        margin: m, between likes and unlikes.

    Example:
        >>> circle([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]], gamma=1.0)
        tensor([0.6163, 0.9617, 0.0000])
    """
    y_pred = as_floats(y_pred)
    labels = as_tensor(y_true).long().reshape(-1, 1)
    others = y_pred if ref_embeddings is None else as_floats(ref_embeddings)
    other_labels = labels if ref_labels is None else as_tensor(ref_labels).long().reshape(-1, 1)
    distances = torch.maximum(1.0 - y_pred @ others.T, y_pred.new_zeros(()))
    likes = labels == other_labels.T
    unlikes = ~likes
    if remove_diagonal:
        likes = likes & ~torch.eye(*likes.shape, dtype=torch.bool, device=likes.device)
    pulls = -gamma * _above_zero((margin + distances) * likes) * (margin - distances)
    pushes = gamma * _above_zero((1.0 + margin - distances) * unlikes) * (1.0 - margin - distances)
    pull = pulls.masked_fill(~likes, -math.inf).logsumexp(dim=1)
    push = pushes.masked_fill(~unlikes, -math.inf).logsumexp(dim=1)
    return F.softplus(pull + push)


def _above_zero(weights: torch.Tensor) -> torch.Tensor:
    return torch.maximum(weights, weights.new_zeros(()))
