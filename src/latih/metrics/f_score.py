"""Precision and recall in one number."""

from typing import Any, Literal

import torch

from latih import config
from latih.arguments import number
from latih.errors import InputError
from latih.losses.base import alike
from latih.metrics.base import Metric
from latih.metrics.correlation import require_rows
from latih.tensors import as_tensor

Average = Literal["micro", "macro", "weighted"]


class FBetaScore(Metric):
    """``(1 + β²) P R / (β² P + R)``: precision P and recall R in one number, R β times as dear.

    Args:
        average: ``"micro"`` counts all classes as one, ``"macro"`` takes the mean over the classes,
            ``"weighted"`` the mean weighted by how often each class is right; None for a score a
            class.
        beta: β > 0; 1 for the harmonic mean.
        threshold: above it, strictly, the answer is yes, 0 < threshold <= 1; None for yes to the
            highest of a row only.
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true: one-hot or several yes a row, ``(n, K)``; y_pred: ``(n, K)``.

    Raises:
        InputError: an argument is out of its range, or the data have not two axes.

    Example:
        >>> metric = FBetaScore(beta=2.0, threshold=0.5)
        >>> metric([[1, 1, 1], [1, 0, 0], [1, 1, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6],
        ...        [0.6, 0.8, 0.0]])
        tensor([0.3846, 0.9091, 0.8333])
    """

    def __init__(
        self,
        average: Average | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise InputError(
                f"unknown `average` of {type(self).__name__}",
                expected="'micro', 'macro', 'weighted' or None",
                got=repr(average),
            )
        self.average = average
        owner = type(self).__name__
        self.beta = number(beta, "beta", owner, above=0)
        self.threshold = (
            None if threshold is None else number(threshold, "threshold", owner, above=0, most=1)
        )

    def make_sums(self, outputs: tuple[int, ...]) -> None:
        """Make a sum for each class, or for all of them."""
        shape = () if self.average == "micro" else outputs
        self.true_positives = self.add_variable(shape, name="true_positives")
        self.false_positives = self.add_variable(shape, name="false_positives")
        self.false_negatives = self.add_variable(shape, name="false_negatives")
        self.intermediate_weights = self.add_variable(shape, name="intermediate_weights")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in."""
        y_true, y_pred = alike(y_true, as_tensor(y_pred).detach().to(torch.float32))
        require_rows(type(self).__name__, y_true, y_pred)
        self.get_ready(tuple(y_pred.shape[1:]))
        self.move_to(y_pred.device)
        if self.threshold is None:
            # A row of zeros has no highest.
            yes = (y_pred >= y_pred.amax(dim=-1, keepdim=True)) & (y_pred.abs() > 1e-9)
        else:
            yes = y_pred > self.threshold
        yes = yes.to(y_true.dtype)
        weights = 1.0 if sample_weight is None else as_tensor(sample_weight).to(y_true)
        if isinstance(weights, torch.Tensor) and weights.ndim == 1:
            weights = weights.unsqueeze(1)
        axes = (0, 1) if self.average == "micro" else (0,)
        self.true_positives += (yes * y_true * weights).sum(dim=axes)
        self.false_positives += (yes * (1.0 - y_true) * weights).sum(dim=axes)
        self.false_negatives += ((1.0 - yes) * y_true * weights).sum(dim=axes)
        self.intermediate_weights += (y_true * weights).sum(dim=axes)

    def result(self) -> torch.Tensor:
        """Return the metric of all that was taken in since the last reset."""
        if not self.variables:
            return torch.zeros(())
        epsilon, square = config.epsilon(), self.beta**2
        precision = self.true_positives / (self.true_positives + self.false_positives + epsilon)
        recall = self.true_positives / (self.true_positives + self.false_negatives + epsilon)
        scores = precision * recall / (square * precision + recall + epsilon) * (1.0 + square)
        if self.average == "weighted":
            weights = self.intermediate_weights / (self.intermediate_weights.sum() + epsilon)
            return (scores * weights).sum()
        return scores if self.average is None else scores.mean()


class F1Score(FBetaScore):
    """``2 P R / (P + R)``: the harmonic mean of precision P and recall R.

    Args:
        average: ``"micro"`` counts all classes as one, ``"macro"`` takes the mean over the classes,
            ``"weighted"`` the mean weighted by how often each class is right; None for a score a
            class.
        threshold: above it, strictly, the answer is yes, 0 < threshold <= 1; None for yes to the
            highest of a row only.
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true: one-hot or several yes a row, ``(n, K)``; y_pred: ``(n, K)``.

    Raises:
        InputError: an argument is out of its range, or the data have not two axes.

    Example:
        >>> metric = F1Score(threshold=0.5)
        >>> metric([[1, 1, 1], [1, 0, 0], [1, 1, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6],
        ...        [0.6, 0.8, 0.0]])
        tensor([0.5000, 0.8000, 0.6667])
    """

    def __init__(
        self,
        average: Average | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)
