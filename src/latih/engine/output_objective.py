"""The loss and the metrics of one output of a model."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from latih import losses, metrics
from latih.losses import Loss
from latih.metrics import Mean, MeanMetricWrapper, Metric
from latih.tensors import Shape

Kinds = tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]
"""What a name means for one output, for class numbers and for one-hot rows."""


class OutputObjective:
    """The loss and the metrics of one output, with their running sums.

    Args:
        name: what the output is called, where there are several.
        targets: the shape of what it is compared with; None for nothing.
        predictions: its shape.
        loss: a name, a :class:`~latih.losses.Loss`, a function, or None.
        loss_weight: how much the loss counts; None for 1.
        metrics: names, metrics or functions; they do not see sample weights.
        weighted_metrics: the same, with sample weights.
        tracks_loss: whether the logs have a loss of its own for it.
    """

    def __init__(
        self,
        name: str | None,
        targets: Sequence[int] | None,
        predictions: Shape,
        *,
        loss: Any,
        loss_weight: float | None,
        metrics: Sequence[Any],
        weighted_metrics: Sequence[Any],
        tracks_loss: bool,
    ) -> None:
        self.name = name
        self.loss: Loss | None = as_loss(_of_kind(loss, LOSS_KINDS, targets, predictions))
        self.loss_weight = loss_weight
        self.loss_mean = Mean(name=f"{name}_loss") if tracks_loss else None

        def made(identifier: Any) -> Metric:
            kind = _of_kind(identifier, METRIC_KINDS, targets, predictions)
            metric = as_metric(kind, identifier)
            outputs = tuple(size for size in predictions[1:] if size is not None)
            if len(outputs) == len(predictions) - 1:
                metric.get_ready(outputs)
            return metric

        self.metrics = [made(one) for one in metrics]
        self.weighted_metrics = [made(one) for one in weighted_metrics]

    def update(self, targets: Any, predictions: torch.Tensor, weights: Any) -> None:
        """Take a batch into the running sums."""
        for metric in self.metrics:
            metric.update_state(targets, predictions)
        for metric in self.weighted_metrics:
            metric.update_state(targets, predictions, sample_weight=weights)


_ACCURACIES: Kinds = (
    metrics.BinaryAccuracy,
    metrics.SparseCategoricalAccuracy,
    metrics.CategoricalAccuracy,
)
_CROSSENTROPIES: Kinds = (
    metrics.BinaryCrossentropy,
    metrics.SparseCategoricalCrossentropy,
    metrics.CategoricalCrossentropy,
)
METRIC_KINDS: Mapping[str, Kinds] = {
    "accuracy": _ACCURACIES,
    "acc": _ACCURACIES,
    "crossentropy": _CROSSENTROPIES,
    "ce": _CROSSENTROPIES,
}
_LOSSES: Kinds = (
    losses.BinaryCrossentropy,
    losses.SparseCategoricalCrossentropy,
    losses.CategoricalCrossentropy,
)
LOSS_KINDS: Mapping[str, Kinds] = {"crossentropy": _LOSSES, "ce": _LOSSES}


def kinds(identifier: Any, table: Mapping[str, Kinds]) -> Kinds | None:
    """Return what a name may mean, if that depends on the targets."""
    return table.get(identifier.lower()) if isinstance(identifier, str) else None


def _of_kind(
    identifier: Any,
    table: Mapping[str, Kinds],
    targets: Sequence[int] | None,
    predictions: Sequence[int | None],
) -> Any:
    found = kinds(identifier, table)
    if found is None or targets is None:
        return identifier
    binary, sparse, one_hot = found
    if predictions[-1] == 1:
        return binary()
    if len(targets) < len(predictions) or targets[-1] == 1:
        return sparse()
    return one_hot()


def as_loss(identifier: Any) -> Loss | None:
    """Return the loss that a name, an object or a function means; None for None."""
    found = losses.get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    return losses.LossFunctionWrapper(found)


def as_metric(identifier: Any, called: Any) -> Metric:
    """Return the metric that a name, an object or a function means.

    Args:
        identifier: the name, object or function.
        called: what the user wrote; a name becomes the metric's name in the logs.
    """
    found = metrics.get(identifier)
    metric = found if isinstance(found, Metric) else MeanMetricWrapper(found)
    if isinstance(called, str):
        metric.name = called
    return metric
