"""Right and wrong answers to yes-or-no questions, counted at a threshold."""

from typing import Any

import torch

from latih.arguments import whole
from latih.metrics.base import Metric, safe_divide
from latih.metrics.thresholds import LOWEST, Counts, Thresholds, parsed


class _Count(Metric):
    def __init__(self, kind: str, thresholds: Any, name: str | None, dtype: str | None) -> None:
        super().__init__(name=name, dtype=dtype)
        self._kind = kind
        self.init_thresholds = thresholds
        self.thresholds = parsed(type(self).__name__, thresholds, 0.5)
        self._counter = Thresholds(self.thresholds)
        self.accumulator = self.add_variable((len(self.thresholds),), name="accumulator")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in."""
        counts: torch.Tensor = getattr(
            self._counter.count(y_true, y_pred, sample_weight), self._kind
        )
        self.move_to(counts.device)
        self.accumulator += counts

    def result(self) -> torch.Tensor:
        """Return the metric of all that was taken in since the last reset."""
        counts = self.accumulator.clone()
        return counts[0] if len(counts) == 1 else counts

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as data that JSON can hold."""
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_Count):
    """How many answers are rightly yes, or the sum of their weights.

    Args:
        thresholds: above it, strictly, the answer is yes; 0..1. Several give a count each. None for
            0.5.
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ...)``.

    Raises:
        InputError: a threshold is not in 0..1.

    Example:
        >>> TruePositives()([0, 1, 1, 1], [1, 0, 1, 1])
        tensor(2.)
    """

    def __init__(
        self, thresholds: Any = None, name: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__("true_positives", thresholds, name, dtype)


class TrueNegatives(_Count):
    """How many answers are rightly no, or the sum of their weights.

    Args:
        thresholds: above it, strictly, the answer is yes; 0..1. Several give a count each. None for
            0.5.
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ...)``.

    Raises:
        InputError: a threshold is not in 0..1.

    Example:
        >>> TrueNegatives()([0, 1, 0, 0], [1, 1, 0, 0])
        tensor(2.)
    """

    def __init__(
        self, thresholds: Any = None, name: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__("true_negatives", thresholds, name, dtype)


class FalsePositives(_Count):
    """How many answers are yes and should be no, or the sum of their weights.

    Args:
        thresholds: above it, strictly, the answer is yes; 0..1. Several give a count each. None for
            0.5.
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ...)``.

    Raises:
        InputError: a threshold is not in 0..1.

    Example:
        >>> FalsePositives()([0, 1, 0, 0], [0, 0, 1, 1])
        tensor(2.)
    """

    def __init__(
        self, thresholds: Any = None, name: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__("false_positives", thresholds, name, dtype)


class FalseNegatives(_Count):
    """How many answers are no and should be yes, or the sum of their weights.

    Args:
        thresholds: above it, strictly, the answer is yes; 0..1. Several give a count each. None for
            0.5.
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ...)``.

    Raises:
        InputError: a threshold is not in 0..1.

    Example:
        >>> FalseNegatives()([0, 1, 1, 1], [0, 1, 0, 0])
        tensor(2.)
    """

    def __init__(
        self, thresholds: Any = None, name: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__("false_negatives", thresholds, name, dtype)


class _OfTruePositives(Metric):
    def __init__(
        self,
        thresholds: Any,
        top_k: int | None,
        class_id: int | None,
        name: str | None,
        dtype: str | None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        owner = type(self).__name__
        self.top_k = None if top_k is None else whole(top_k, "top_k", owner, least=1)
        self.class_id = None if class_id is None else whole(class_id, "class_id", owner)
        default = 0.5 if top_k is None else LOWEST
        self.thresholds = parsed(type(self).__name__, thresholds, default)
        self._counter = Thresholds(self.thresholds)
        self.true_positives = self.add_variable((len(self.thresholds),), name="true_positives")

    def _counts(self, y_true: Any, y_pred: Any, sample_weight: Any) -> Counts:
        counts = self._counter.count(
            y_true, y_pred, sample_weight, top_k=self.top_k, class_id=self.class_id
        )
        self.move_to(counts.true_positives.device)
        return counts

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as data that JSON can hold."""
        return {**super().get_config(), "thresholds": self.init_thresholds}


class Precision(_OfTruePositives):
    """``TP / (TP + FP)``: of the answers yes, how many are right.

    Where there was no answer yes, it is zero.

    Args:
        thresholds: above it, strictly, the answer is yes; 0..1. Several give a value each. None for
            0.5, or for no threshold where there is ``top_k``.
        top_k: only the k highest of a row can be yes; None for all.
        class_id: only this class, 0..K-1, counts; None for all.
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ...)``; with ``top_k`` or ``class_id`` ``(n, ..., K)``.

    Raises:
        InputError: a threshold is not in 0..1, or k or the class is no whole number.

    Example:
        >>> Precision()([0, 1, 1, 1], [1, 0, 1, 1])
        tensor(0.6667)
    """

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(thresholds, top_k, class_id, name, dtype)
        self.false_positives = self.add_variable((len(self.thresholds),), name="false_positives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in."""
        counts = self._counts(y_true, y_pred, sample_weight)
        self.true_positives += counts.true_positives
        self.false_positives += counts.false_positives

    def result(self) -> torch.Tensor:
        """Return the metric of all that was taken in since the last reset."""
        values = safe_divide(self.true_positives, self.true_positives + self.false_positives)
        return values[0] if len(values) == 1 else values


class Recall(_OfTruePositives):
    """``TP / (TP + FN)``: of what should be yes, how much was found.

    Where nothing should be yes, it is zero.

    Args:
        thresholds: above it, strictly, the answer is yes; 0..1. Several give a value each. None for
            0.5, or for no threshold where there is ``top_k``.
        top_k: only the k highest of a row can be yes; None for all.
        class_id: only this class, 0..K-1, counts; None for all.
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ...)``; with ``top_k`` or ``class_id`` ``(n, ..., K)``.

    Raises:
        InputError: a threshold is not in 0..1, or k or the class is no whole number.

    Example:
        >>> Recall()([0, 1, 1, 1], [1, 0, 1, 1])
        tensor(0.6667)
    """

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(thresholds, top_k, class_id, name, dtype)
        self.false_negatives = self.add_variable((len(self.thresholds),), name="false_negatives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in."""
        counts = self._counts(y_true, y_pred, sample_weight)
        self.true_positives += counts.true_positives
        self.false_negatives += counts.false_negatives

    def result(self) -> torch.Tensor:
        """Return the metric of all that was taken in since the last reset."""
        values = safe_divide(self.true_positives, self.true_positives + self.false_negatives)
        return values[0] if len(values) == 1 else values
