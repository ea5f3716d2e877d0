"""The area under a curve over all thresholds."""

from collections.abc import Sequence
from typing import Any

import torch

from latih import config
from latih.arguments import whole
from latih.errors import InputError
from latih.metrics.base import Metric, safe_divide
from latih.metrics.metrics_utils import AUCCurve, AUCSummationMethod
from latih.metrics.thresholds import Thresholds, evenly_spaced, parsed
from latih.tensors import as_tensor

CURVES = tuple(AUCCurve)
SUMMATIONS = tuple(AUCSummationMethod)


class AUC(Metric):
    """The area under the ROC or the precision-recall curve: how well yes and no are told apart.

    Under the ROC curve it is the chance that a yes is given more than a no; 0.5 is guessing. The
    curve is drawn through a fixed number of thresholds, so that the batches need not be kept.

    Args:
        num_thresholds: how many thresholds, > 1; more are closer to the true area.
        curve: ``"ROC"``, ``"PR"`` or ``"PRGAIN"``.
        summation_method: the heights of the strips, ``"interpolation"`` for the mean of their ends
            (for PR the curve between two thresholds is that of Davis and Goadrich), ``"majoring"``
            for the greater end, ``"minoring"`` for the lesser.
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.
        thresholds: the thresholds between the ends, 0..1; None for evenly spread ones.
        multi_label: reckon an area a column and take their mean; else all answers are one heap.
        num_labels: how many columns with ``multi_label``; None to see at the first batch.
        label_weights: a weight for each column; None for ones.
        from_logits: the predictions are before the sigmoid.

    Shapes:
        y_true, y_pred: ``(n, ...)``, the predictions in 0..1; with ``multi_label`` ``(n, labels)``.

    Raises:
        InputError: an argument is out of its range, or ``num_labels`` comes without
            ``multi_label``.

    Example:
        >>> AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
        tensor(0.7500)

    Reference:
        Davis & Goadrich 2006, "The Relationship Between Precision-Recall and ROC Curves"; Flach &
        Kull 2015, "Precision-Recall-Gain Curves".
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: str | None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.curve = _one_of("curve", curve, CURVES)
        self.summation_method = _one_of("summation_method", summation_method, SUMMATIONS)
        owner = type(self).__name__
        count = num_thresholds if thresholds is None else len(thresholds) + 2
        self.num_thresholds = whole(count, "num_thresholds", owner, least=2)
        self.init_thresholds = thresholds
        if thresholds is None:
            self.thresholds = evenly_spaced(self.num_thresholds, config.epsilon())
        else:
            between = sorted(parsed("AUC", list(thresholds), 0.5))
            self.thresholds = [0.0 - config.epsilon(), *between, 1.0 + config.epsilon()]
        self._counter = Thresholds(self.thresholds)
        self.multi_label = multi_label
        self.num_labels = (
            None if num_labels is None else whole(num_labels, "num_labels", owner, least=1)
        )
        if num_labels and not multi_label:
            raise InputError(
                "`num_labels` of AUC is for several labels",
                expected="multi_label=True",
                got="multi_label=False",
                fix="Leave num_labels out.",
            )
        self.label_weights = None if label_weights is None else as_tensor(label_weights).float()
        self.from_logits = from_logits
        if num_labels or not multi_label:
            self.make_sums(() if num_labels is None else (num_labels,))

    def make_sums(self, outputs: tuple[int, ...]) -> None:
        """Make the counts at each threshold, of each label if they are told apart."""
        shape = (self.num_thresholds, *outputs)
        self.true_positives = self.add_variable(shape, name="true_positives")
        self.false_positives = self.add_variable(shape, name="false_positives")
        self.true_negatives = self.add_variable(shape, name="true_negatives")
        self.false_negatives = self.add_variable(shape, name="false_negatives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in."""
        y_pred = as_tensor(y_pred).detach().to(torch.float32)
        if self.multi_label and y_pred.ndim != 2:
            raise InputError(
                "AUC with multi_label takes a row of labels an example",
                expected="predictions of shape (n, labels)",
                got=str(tuple(y_pred.shape)),
            )
        self.get_ready((y_pred.shape[-1],))
        self.move_to(y_pred.device)
        counts = self._counter.count(
            y_true,
            y_pred.sigmoid() if self.from_logits else y_pred,
            sample_weight,
            label_weights=None if self.multi_label else self.label_weights,
            by_label=self.multi_label,
        )
        for total, more in zip(self.variables, counts, strict=True):
            total += more

    def result(self) -> torch.Tensor:
        """Return the metric of all that was taken in since the last reset."""
        if not self.variables:
            return torch.zeros(())
        if (self.curve, self.summation_method) == ("PR", "interpolation"):
            strips = self._interpolated_pr()
        else:
            x, y = {"ROC": self._roc, "PR": self._pr, "PRGAIN": self._pr_gain}[self.curve]()
            left, right = y[:-1], y[1:]
            heights = {
                "interpolation": (left + right) / 2.0,
                "minoring": torch.minimum(left, right),
                "majoring": torch.maximum(left, right),
            }[self.summation_method]
            strips = (x[:-1] - x[1:]) * heights
        areas = strips.sum(dim=0)
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return areas.mean()
        weights = self.label_weights.to(areas)
        return safe_divide((areas * weights).sum(), weights.sum())

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as data that JSON can hold."""
        between = None if self.init_thresholds is None else self.thresholds[1:-1]
        return {**super().get_config(), "thresholds": between}

    def _recall(self) -> torch.Tensor:
        return safe_divide(self.true_positives, self.true_positives + self.false_negatives)

    def _roc(self) -> tuple[torch.Tensor, torch.Tensor]:
        all_no = self.false_positives + self.true_negatives
        return safe_divide(self.false_positives, all_no), self._recall()

    def _pr(self) -> tuple[torch.Tensor, torch.Tensor]:
        all_answers = self.true_positives + self.false_positives
        return self._recall(), safe_divide(self.true_positives, all_answers)

    def _pr_gain(self) -> tuple[torch.Tensor, torch.Tensor]:
        tp, fp, tn, fn = self.variables
        odds = safe_divide(tp + fn, tn + fp)
        none_found = tp == 0
        recall_gain = (1.0 - odds * safe_divide(fn, tp)).masked_fill(none_found, 0.0)
        precision_gain = (1.0 - odds * safe_divide(fp, tp)).masked_fill(none_found, 1.0)
        return recall_gain.clamp(min=0.0), precision_gain

    def _interpolated_pr(self) -> torch.Tensor:
        """Return the area of each strip, TP and FP going linearly between two thresholds."""
        tp = self.true_positives
        found = tp[:-1] - tp[1:]
        positives = tp + self.false_positives
        left, right = positives[:-1], positives[1:]
        slope = safe_divide(found, (left - right).clamp(min=0))
        intercept = tp[1:] - slope * right
        ratio = torch.where((left > 0) & (right > 0), safe_divide(left, right), 1.0)
        all_yes = (tp[1:] + self.false_negatives[1:]).clamp(min=0)
        return safe_divide(slope * (found + intercept * ratio.log()), all_yes)


def _one_of(argument: str, given: Any, known: tuple[str, ...]) -> str:
    for name in known:
        if isinstance(given, str) and given.lower() == name.lower():
            return str(name)
    choices = ", ".join(repr(str(name)) for name in known)
    raise InputError(f"unknown `{argument}` of AUC", expected=f"one of {choices}", got=repr(given))
