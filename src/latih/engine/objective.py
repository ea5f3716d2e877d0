"""What a model is compiled for: the loss to make small and the metrics to read."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from latih import losses, metrics
from latih.data.batches import Batch
from latih.errors import InputError, NotReadyError
from latih.losses import Loss
from latih.metrics import Mean, MeanMetricWrapper, Metric

Kinds = tuple[Callable[..., Metric], Callable[..., Metric], Callable[..., Metric]]


class Objective:
    """The loss and the metrics of a model, with their running sums.

    ``"accuracy"`` and ``"crossentropy"`` become the kind that fits the targets when these are first
    seen; the name stays as the user typed it.

    Args:
        loss: a name, a :class:`~latih.losses.Loss`, or a function ``(y_true, y_pred)``.
        metrics: names, metrics or functions; they do not see sample weights.
        weighted_metrics: the same, with sample weights.

    Raises:
        UnknownNameError: a name is in no table.
        InputError: ``metrics`` is not a list.
    """

    def __init__(
        self, loss: Any, metrics: Sequence[Any] | None, weighted_metrics: Sequence[Any] | None
    ) -> None:
        self.given_loss = loss
        self.given_metrics = _listed(metrics, "metrics")
        self.given_weighted_metrics = _listed(weighted_metrics, "weighted_metrics")
        self.loss = _as_loss(loss)
        for identifier in self.given_metrics + self.given_weighted_metrics:
            # Found now, so that a name mistyped is refused by compile() and not by the first step.
            if _kinds(identifier) is None:
                _as_metric(identifier, identifier)
        self.loss_mean = Mean(name="loss")
        self._metrics: list[Metric] = []
        self._weighted: list[Metric] = []
        self._built = False

    def build(self, targets: torch.Tensor, predictions: torch.Size | Sequence[int]) -> None:
        """Choose the kinds of accuracy and cross-entropy by the shapes of both sides."""
        if self._built:
            return
        self._metrics = [_choose(m, targets.shape, predictions) for m in self.given_metrics]
        self._weighted = [
            _choose(m, targets.shape, predictions) for m in self.given_weighted_metrics
        ]
        taken: set[str] = {"loss"}
        for metric in self._metrics + self._weighted:
            base, number = metric.name, 0
            while metric.name in taken:
                number += 1
                metric.name = f"{base}_{number}"
            taken.add(metric.name)
        self._built = True

    @property
    def all_metrics(self) -> list[Metric]:
        """The mean of the loss, then the metrics in their order."""
        return [self.loss_mean, *self._metrics, *self._weighted]

    @property
    def names(self) -> list[str]:
        """What the logs call them."""
        return [metric.name for metric in self.all_metrics]

    def value(self, batch: Batch, predictions: torch.Tensor) -> torch.Tensor:
        """Return the loss of a batch."""
        return self.require_loss()(batch.targets, predictions, batch.weights)

    def require_loss(self) -> Loss:
        """Return the loss, or say that there is none.

        Raises:
            NotReadyError: the model was compiled without a loss.
        """
        if self.loss is None:
            raise NotReadyError(
                "the model has no loss",
                expected="compile(loss=...)",
                got="compile() without one",
                fix="Compile it with a loss such as 'sparse_categorical_crossentropy'.",
            )
        return self.loss

    def update(self, batch: Batch, predictions: torch.Tensor, total: torch.Tensor) -> None:
        """Take a batch into the running sums.

        Args:
            batch: the examples.
            predictions: what the model made of them.
            total: the loss with all penalties; it counts as often as the batch has examples.
        """
        predictions = predictions.detach()
        mean = self.loss_mean
        if mean.total.device != predictions.device:
            for metric in self.all_metrics:
                metric.move_to(predictions.device)
        mean.total.add_(total.detach(), alpha=batch.size)
        mean.count.add_(batch.size)
        for metric in self._metrics:
            metric.update_state(batch.targets, predictions)
        for metric in self._weighted:
            metric.update_state(batch.targets, predictions, sample_weight=batch.weights)

    def reset(self) -> None:
        """Begin the running sums anew."""
        for metric in self.all_metrics:
            metric.reset_state()

    def results(self) -> dict[str, Any]:
        """Read the running sums; this waits for the device.

        Returns:
            A number for each metric, or a list of them where it has one for each class.
        """
        return {metric.name: _plain(metric.result()) for metric in self.all_metrics}


def _listed(given: Sequence[Any] | None, argument: str) -> list[Any]:
    if given is None:
        return []
    if isinstance(given, list | tuple):
        return list(given)
    raise InputError(
        f"`{argument}` of compile() cannot be used",
        expected="a list, such as ['accuracy']",
        got=repr(given),
        fix=f"Write {argument}=[{given!r}].",
    )


def _as_loss(identifier: Any) -> Loss | None:
    found = losses.get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    return losses.LossFunctionWrapper(found)


# The kinds of a metric for one output, for class numbers and for one-hot rows.
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
_KINDS: dict[str, Kinds] = {
    "accuracy": _ACCURACIES,
    "acc": _ACCURACIES,
    "crossentropy": _CROSSENTROPIES,
    "ce": _CROSSENTROPIES,
}


def _kinds(identifier: Any) -> Kinds | None:
    return _KINDS.get(identifier.lower()) if isinstance(identifier, str) else None


def _plain(result: Any) -> Any:
    values = torch.as_tensor(result)
    return float(values) if values.numel() == 1 else values.tolist()


def _choose(
    identifier: Any, targets: Sequence[int], predictions: torch.Size | Sequence[int]
) -> Metric:
    kinds = _kinds(identifier)
    if kinds is None:
        return _as_metric(identifier, identifier)
    binary, sparse, one_hot = kinds
    if predictions[-1] == 1:
        return binary(name=identifier)
    if len(targets) < len(predictions) or targets[-1] == 1:
        return sparse(name=identifier)
    return one_hot(name=identifier)


def _as_metric(identifier: Any, called: Any) -> Metric:
    found = metrics.get(identifier)
    metric = found if isinstance(found, Metric) else MeanMetricWrapper(found)
    if isinstance(called, str):
        metric.name = called
    return metric
