"""How targets and predictions go together, and how much of the targets is explained."""

import warnings
from typing import Any, Literal

import torch

from latih.arguments import whole
from latih.errors import InputError, LatihWarning
from latih.losses.base import alike
from latih.metrics.base import Metric
from latih.metrics.functions import concordance_correlation, pearson_correlation
from latih.metrics.wrapper import MeanMetricWrapper
from latih.tensors import as_tensor

Aggregation = Literal["uniform_average", "variance_weighted_average"]


class PearsonCorrelation(MeanMetricWrapper):
    """``Σ(y - ȳ)(ŷ - m) / √(Σ(y - ȳ)² Σ(ŷ - m)²)`` with m the mean of ŷ: 1 on a rising line.

    It is reckoned along the axis within each example, and the mean of these is taken.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.
        axis: the axis along which the numbers are compared.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``.

    Raises:
        InputError: the axis is no whole number.

    Example:
        >>> PearsonCorrelation()([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]])
        tensor(1.0000)

    Reference:
        Pearson 1895, "Notes on Regression and Inheritance in the Case of Two Parents".
    """

    def __init__(
        self, name: str | None = "pearson_correlation", dtype: str | None = None, axis: int = -1
    ) -> None:
        self.axis = whole(axis, "axis", type(self).__name__)
        super().__init__(pearson_correlation, name, dtype, axis=self.axis)


class ConcordanceCorrelation(MeanMetricWrapper):
    """``2 cov(y, ŷ) / (var y + var ŷ + (ȳ - m)²)`` with m the mean of ŷ: 1 on the line ŷ = y only.

    It is reckoned along the axis within each example, and the mean of these is taken.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.
        axis: the axis along which the numbers are compared.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``.

    Raises:
        InputError: the axis is no whole number.

    Example:
        >>> ConcordanceCorrelation()([[0.0, 1.0, 2.0]], [[1.0, 2.0, 3.0]])
        tensor(0.5714)

    Reference:
        Lin 1989, "A Concordance Correlation Coefficient to Evaluate Reproducibility".
    """

    def __init__(
        self, name: str | None = "concordance_correlation", dtype: str | None = None, axis: int = -1
    ) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)
        self.axis = whole(axis, "axis", type(self).__name__)


class R2Score(Metric):
    """``1 - Σ(y - ŷ)² / Σ(y - ȳ)²``: the part of the targets' variance that is explained.

    1 is perfect, 0 what the mean of the targets would reach, below zero worse than that. With
    ``num_regressors`` it is adjusted: ``1 - (1 - R²)(n - 1) / (n - p - 1)``.

    Args:
        class_aggregation: ``"uniform_average"`` for the mean over the outputs,
            ``"variance_weighted_average"`` for one weighted by the variances of the targets, None
            for a score an output.
        num_regressors: p, how many inputs the score is adjusted for; 0 for no adjustment.
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, d)``.

    Raises:
        InputError: the aggregation is none of these, p is negative, or the data have not two axes.

    Example:
        >>> R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])
        tensor(0.5714)
    """

    def __init__(
        self,
        class_aggregation: Aggregation | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        aggregations = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in aggregations:
            raise InputError(
                "unknown `class_aggregation` of R2Score",
                expected=f"one of {aggregations}",
                got=repr(class_aggregation),
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = whole(num_regressors, "num_regressors", type(self).__name__, least=0)
        self.num_samples = torch.zeros(())
        self.squared_sum = self.sum = self.total_mse = self.count = torch.zeros(0)

    def make_sums(self, outputs: tuple[int, ...]) -> None:
        """Make the sums of each output."""
        self.num_samples = self.add_variable((), name="num_samples")
        self.squared_sum = self.add_variable(outputs, name="squared_sum")
        self.sum = self.add_variable(outputs, name="sum")
        self.total_mse = self.add_variable(outputs, name="residual")
        self.count = self.add_variable(outputs, name="count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in."""
        y_true, y_pred = alike(y_true, as_tensor(y_pred).detach().to(torch.float32))
        require_rows("R2Score", y_true, y_pred)
        self.get_ready(tuple(y_pred.shape[1:]))
        self.move_to(y_pred.device)
        weights = torch.ones(()) if sample_weight is None else as_tensor(sample_weight)
        weights = weights.to(y_true)
        weights = (weights.unsqueeze(1) if weights.ndim == 1 else weights).broadcast_to(
            y_true.shape
        )
        weighted = y_true * weights
        self.sum += weighted.sum(dim=0)
        self.squared_sum += (y_true * weighted).sum(dim=0)
        self.total_mse += ((y_true - y_pred).square() * weights).sum(dim=0)
        self.count += weights.sum(dim=0)
        self.num_samples += y_true.numel()

    def result(self) -> torch.Tensor:
        """Return the metric of all that was taken in since the last reset; of nothing, no number.

        Where the targets do not vary, an output's score is zero, or no number if it is exact.
        """
        total = self.squared_sum - self.sum * (self.sum / self.count)
        scores = 1.0 - self.total_mse / total
        scores = torch.where(scores.isinf(), torch.zeros_like(scores), scores)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation == "variance_weighted_average":
            scores = (total * scores).sum() / total.sum()
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, scores: torch.Tensor) -> torch.Tensor:
        freedom = float(self.num_samples) - self.num_regressors - 1
        if freedom <= 0:
            warnings.warn(
                "the adjusted R² needs more examples than `num_regressors` + 1; this is the R² "
                "without adjustment",
                LatihWarning,
                stacklevel=3,
            )
            return scores
        return 1.0 - (1.0 - scores) * (self.num_samples - 1.0) / freedom


def require_rows(owner: str, y_true: torch.Tensor, y_pred: torch.Tensor) -> None:
    """Refuse targets and predictions that are not ``(n, d)`` both.

    Args:
        owner: the metric.
        y_true: the targets.
        y_pred: the predictions.

    Raises:
        InputError: they are not.
    """
    if y_true.ndim != 2 or y_pred.ndim != 2 or y_true.shape != y_pred.shape:
        raise InputError(
            f"{owner} takes a row an example",
            expected="targets and predictions of one shape (n, d)",
            got=f"{tuple(y_true.shape)} and {tuple(y_pred.shape)}",
        )
