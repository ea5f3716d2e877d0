"""How many answers are right and wrong at each of many thresholds, counted in one pass.

Each prediction falls into the bin between two thresholds; what lies above a threshold is then the
sum of the bins above it. Memory goes with the number of predictions plus that of thresholds, not
with their product.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from latih import config
from latih.errors import InputError
from latih.losses import squeeze_or_expand_to_same_rank
from latih.tensors import as_tensor

LOWEST = -1e10
"""What a prediction that is not among the k highest counts as; below every threshold."""


class Counts(NamedTuple):
    """Sums of weights at each threshold: ``(thresholds,)``, or ``(thresholds, labels)``."""

    true_positives: torch.Tensor
    false_positives: torch.Tensor
    true_negatives: torch.Tensor
    false_negatives: torch.Tensor


class Thresholds:
    """Numbers above which, strictly, an answer is yes.

    Args:
        values: the thresholds, in any order.

    Example:
        >>> counts = Thresholds([0.5, 0.2]).count([1, 0, 1], [0.6, 0.3, 0.1])
        >>> counts.true_positives, counts.false_positives
        (tensor([1., 1.]), tensor([0., 1.]))
    """

    def __init__(self, values: Sequence[float]) -> None:
        self.values = list(values)
        self.evenly = len(self.values) >= 3 and np.allclose(
            self.values, np.linspace(0, 1, len(self.values)), atol=config.epsilon()
        )
        self._sorted, order = torch.tensor(self.values, dtype=torch.float32).sort()
        self._places = order.argsort()

    def __len__(self) -> int:
        return len(self.values)

    def count(
        self,
        y_true: Any,
        y_pred: Any,
        sample_weight: Any = None,
        *,
        label_weights: torch.Tensor | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        by_label: bool = False,
    ) -> Counts:
        """Count a batch.

        Args:
            y_true: the targets; yes where they are not zero.
            y_pred: the predictions.
            sample_weight: a weight for each example or each answer; None for ones.
            label_weights: a weight for each column; None for ones.
            top_k: only the k highest of a row can be yes; None for all.
            class_id: only this column counts; None for all.
            by_label: a column of counts for each column of the predictions.

        Returns:
            The counts, on the device of the predictions.
        """
        y_pred = as_tensor(y_pred).detach().to(torch.float32)
        y_true = as_tensor(y_true).to(y_pred.device)
        y_pred, y_true = squeeze_or_expand_to_same_rank(y_pred, y_true)
        if y_true.shape != y_pred.shape:
            raise InputError(
                "targets and predictions cannot be counted against each other",
                expected=f"targets of shape {tuple(y_pred.shape)}",
                got=str(tuple(y_true.shape)),
            )
        weights = torch.ones_like(y_pred) if sample_weight is None else as_tensor(sample_weight)
        weights = _spread(weights.to(y_pred), y_pred)
        if label_weights is not None:
            weights = weights * label_weights.to(y_pred)
        if top_k is not None:
            highest = torch.zeros_like(y_pred, dtype=torch.bool)
            highest.scatter_(-1, y_pred.topk(top_k, dim=-1).indices, True)
            y_pred = y_pred.masked_fill(~highest, LOWEST)
        if class_id is not None:
            if y_pred.ndim == 1:
                raise InputError(
                    "`class_id` asks for a column, and the predictions have none",
                    expected="predictions of shape (n, ..., K)",
                    got=str(tuple(y_pred.shape)),
                )
            y_true, y_pred, weights = (t[..., class_id, None] for t in (y_true, y_pred, weights))
        return self._count(y_true != 0, y_pred, weights, y_pred.shape[-1] if by_label else None)

    def _count(
        self, yes: torch.Tensor, y_pred: torch.Tensor, weights: torch.Tensor, labels: int | None
    ) -> Counts:
        bins = len(self) + 1
        places = yes * bins + self._bins(y_pred)
        if labels is not None:
            places = places * labels + torch.arange(labels, device=places.device)
        sums = torch.zeros(2 * bins * (labels or 1), device=y_pred.device)
        sums.index_add_(0, places.reshape(-1), weights.reshape(-1))
        sums = sums.view(2, bins) if labels is None else sums.view(2, bins, labels)
        above = sums.flip(1).cumsum(1).flip(1)[:, 1:]
        below = sums.cumsum(1)[:, :-1]
        if not self.evenly:
            self._places = self._places.to(above.device)
            above, below = above[:, self._places], below[:, self._places]
        return Counts(above[1], above[0], below[0], below[1])

    def _bins(self, y_pred: torch.Tensor) -> torch.Tensor:
        """Return how many thresholds each prediction is above; of one that is no number, none."""
        if self.evenly:
            # Keras's arithmetic, which decides on which side of a threshold its equals fall.
            bins = (y_pred.clamp(0.0, 1.0) * (len(self) - 1)).ceil()
            if self.values[0] < 0:
                bins = bins.clamp(min=1)
        else:
            self._sorted = self._sorted.to(y_pred.device)
            bins = torch.searchsorted(self._sorted, y_pred.contiguous())
        return bins.masked_fill(y_pred.isnan(), 0).long()


def evenly_spaced(number: int, margin: float = 0.0) -> list[float]:
    """Return thresholds from 0 to 1, the ends ``margin`` further out.

    Example:
        >>> evenly_spaced(3)
        [0.0, 0.5, 1.0]
    """
    between = [(i + 1) / (number - 1) for i in range(number - 2)]
    return [0.0 - margin, *between, 1.0 + margin]


def parsed(owner: str, given: Any, default: float) -> list[float]:
    """Return the thresholds that a metric was given: one, several, or None for the default.

    Args:
        owner: the metric.
        given: what it was given.
        default: the threshold where it was given None.

    Raises:
        InputError: one is not in 0..1.
    """
    if given is None:
        return [default]
    values: list[Any] = list(given) if isinstance(given, list | tuple) else [given]
    for value in values:
        if not isinstance(value, int | float) or not 0 <= value <= 1:
            raise InputError(
                f"`thresholds` of {owner} is out of range", expected="0..1", got=repr(value)
            )
    return values


def _spread(weights: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Give each value its weight, where weights are one an example or one a value."""
    if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
        weights = weights.squeeze(-1)
    missing = values.ndim - weights.ndim
    return weights.reshape(*weights.shape, *[1] * missing).broadcast_to(values.shape)
