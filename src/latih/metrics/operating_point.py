"""How good one thing can be while another is kept good enough, over all thresholds."""

from typing import Any

import torch

from latih.arguments import number, whole
from latih.metrics.base import Metric, safe_divide
from latih.metrics.thresholds import Thresholds, evenly_spaced


class _AtOperatingPoint(Metric):
    def __init__(
        self, num_thresholds: int, class_id: int | None, name: str | None, dtype: str | None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        owner = type(self).__name__
        self.num_thresholds = whole(num_thresholds, "num_thresholds", owner, least=1)
        self.class_id = None if class_id is None else whole(class_id, "class_id", owner)
        self.thresholds = [0.5] if self.num_thresholds == 1 else evenly_spaced(self.num_thresholds)
        self._counter = Thresholds(self.thresholds)
        shape = (len(self.thresholds),)
        self.true_positives = self.add_variable(shape, name="true_positives")
        self.false_positives = self.add_variable(shape, name="false_positives")
        self.true_negatives = self.add_variable(shape, name="true_negatives")
        self.false_negatives = self.add_variable(shape, name="false_negatives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in."""
        counts = self._counter.count(y_true, y_pred, sample_weight, class_id=self.class_id)
        self.move_to(counts.true_positives.device)
        for total, more in zip(self.variables, counts, strict=True):
            total += more

    def _recall(self) -> torch.Tensor:
        return safe_divide(self.true_positives, self.true_positives + self.false_negatives)

    def _specificity(self) -> torch.Tensor:
        return safe_divide(self.true_negatives, self.true_negatives + self.false_positives)

    def _precision(self) -> torch.Tensor:
        return safe_divide(self.true_positives, self.true_positives + self.false_positives)


class SensitivityAtSpecificity(_AtOperatingPoint):
    """The most of the yes that is found while a given part of the no is called no.

    The thresholds tried are spread evenly over 0..1; where none reaches it, the metric is zero.

    Args:
        specificity: the specificity, ``TN / (TN + FP)``, to keep, 0..1.
        num_thresholds: how many thresholds are tried, >= 1; 1 is 0.5.
        class_id: only this class, 0..K-1, counts; None for all.
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ...)``, the predictions in 0..1; with ``class_id`` ``(n, ..., K)``.

    Raises:
        InputError: an argument is out of its range.

    Example:
        >>> SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
        tensor(0.5000)
    """

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(num_thresholds, class_id, name, dtype)
        self.specificity = number(specificity, "specificity", type(self).__name__, least=0, most=1)

    def result(self) -> torch.Tensor:
        """Return the metric of all that was taken in since the last reset."""
        return _best(self._recall(), self._specificity() >= self.specificity)


class SpecificityAtSensitivity(_AtOperatingPoint):
    """The most of the no that is called no while a given part of the yes is found.

    The thresholds tried are spread evenly over 0..1; where none reaches it, the metric is zero.

    Args:
        sensitivity: the sensitivity, ``TP / (TP + FN)``, to keep, 0..1.
        num_thresholds: how many thresholds are tried, >= 1; 1 is 0.5.
        class_id: only this class, 0..K-1, counts; None for all.
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ...)``, the predictions in 0..1; with ``class_id`` ``(n, ..., K)``.

    Raises:
        InputError: an argument is out of its range.

    Example:
        >>> SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
        tensor(0.6667)
    """

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(num_thresholds, class_id, name, dtype)
        self.sensitivity = number(sensitivity, "sensitivity", type(self).__name__, least=0, most=1)

    def result(self) -> torch.Tensor:
        """Return the metric of all that was taken in since the last reset."""
        return _best(self._specificity(), self._recall() >= self.sensitivity)


class PrecisionAtRecall(_AtOperatingPoint):
    """The best precision at which a given part of the yes is found.

    The thresholds tried are spread evenly over 0..1; where none reaches it, the metric is zero.

    Args:
        recall: the recall, ``TP / (TP + FN)``, to keep, 0..1.
        num_thresholds: how many thresholds are tried, >= 1; 1 is 0.5.
        class_id: only this class, 0..K-1, counts; None for all.
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ...)``, the predictions in 0..1; with ``class_id`` ``(n, ..., K)``.

    Raises:
        InputError: an argument is out of its range.

    Example:
        >>> PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
        tensor(0.5000)
    """

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(num_thresholds, class_id, name, dtype)
        self.recall = number(recall, "recall", type(self).__name__, least=0, most=1)

    def result(self) -> torch.Tensor:
        """Return the metric of all that was taken in since the last reset."""
        return _best(self._precision(), self._recall() >= self.recall)


class RecallAtPrecision(_AtOperatingPoint):
    """The most of the yes that is found while a given part of the answers yes is right.

    The thresholds tried are spread evenly over 0..1; where none reaches it, the metric is zero.

    Args:
        precision: the precision, ``TP / (TP + FP)``, to keep, 0..1.
        num_thresholds: how many thresholds are tried, >= 1; 1 is 0.5.
        class_id: only this class, 0..K-1, counts; None for all.
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ...)``, the predictions in 0..1; with ``class_id`` ``(n, ..., K)``.

    Raises:
        InputError: an argument is out of its range.

    Example:
        >>> RecallAtPrecision(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
        tensor(1.)
    """

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(num_thresholds, class_id, name, dtype)
        self.precision = number(precision, "precision", type(self).__name__, least=0, most=1)

    def result(self) -> torch.Tensor:
        """Return the metric of all that was taken in since the last reset."""
        return _best(self._recall(), self._precision() >= self.precision)


def _best(values: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    return values.masked_fill(~allowed, 0).max()
