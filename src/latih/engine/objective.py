"""What a model is compiled for: the loss to make small and the metrics to read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from latih.arguments import number
from latih.data.batches import Batch
from latih.engine.output_objective import (
    LOSS_KINDS,
    METRIC_KINDS,
    OutputObjective,
    as_loss,
    as_metric,
    kinds,
)
from latih.engine.sums import load_sums_state, sums_state
from latih.errors import InputError, NotReadyError
from latih.metrics import Mean, Metric
from latih.structures import flatten, is_nested
from latih.tensors import Shape


@dataclass(frozen=True)
class Given:
    """The arguments of ``compile()``, as they were given.

    Args:
        loss: a name, a loss or a function; for several outputs a list or dict of them.
        metrics: a list of names, metrics or functions; for several outputs a list or dict of those.
        weighted_metrics: the same; these see the sample weights.
        loss_weights: a number for each loss, in the same form.
    """

    loss: Any = None
    metrics: Any = None
    weighted_metrics: Any = None
    loss_weights: Any = None


class Objective:
    """The losses and the metrics of a model, with their running sums.

    ``"accuracy"`` and ``"crossentropy"`` become the kind that fits the targets when these are first
    seen; the name stays as the user typed it.

    Args:
        given: the arguments of ``compile()``.
        capture: whether steps may be recorded and replayed; ``"auto"`` for where it is safe.

    Raises:
        UnknownNameError: a name is in no table.
        InputError: ``metrics`` is not a list or dict.
    """

    def __init__(self, given: Given, capture: bool | str = "auto") -> None:
        self.given = given
        for argument in ("metrics", "weighted_metrics"):
            metrics = getattr(given, argument)
            if metrics is not None and not is_nested(metrics):
                raise InputError(
                    f"`{argument}` of compile() cannot be used",
                    expected="a list, such as ['accuracy']",
                    got=repr(metrics),
                    fix=f"Write {argument}=[{metrics!r}].",
                )
            for identifier in flatten(metrics):
                # Found now: a name mistyped is refused by compile(), not by the first step.
                if identifier is not None and kinds(identifier, METRIC_KINDS) is None:
                    as_metric(identifier, identifier)
        for identifier in flatten(given.loss):
            if identifier is not None and kinds(identifier, LOSS_KINDS) is None:
                as_loss(identifier)
        self.capture = capture
        self.loss_mean = Mean(name="loss")
        self.outputs: list[OutputObjective] = []
        self.logged: dict[str, Metric] = {"loss": self.loss_mean}
        """What the logs call each metric: the loss, those of outputs, then the metrics."""
        self._awaited: Sequence[Sequence[Any]] | None = None

    @property
    def has_loss(self) -> bool:
        """Whether there is any loss to compare outputs with targets."""
        return any(identifier is not None for identifier in flatten(self.given.loss))

    def compares(self, names: Sequence[str]) -> list[bool]:
        """Say of each output whether it has a loss or a metric, and so needs targets.

        Args:
            names: what the outputs are called.

        Raises:
            InputError: there are more or fewer of something than outputs, or for other outputs.
        """
        return [
            loss is not None or bool(metrics) or bool(weighted)
            for loss, _, metrics, weighted in self._shared_out(names)
        ]

    def build(
        self,
        names: Sequence[str],
        targets: Sequence[torch.Tensor | None],
        shapes: Sequence[Shape],
    ) -> None:
        """Share out losses and metrics to the outputs, once.

        Args:
            names: what the outputs are called.
            targets: what they are compared with.
            shapes: their shapes.

        Raises:
            InputError: there are more or fewer of something than outputs, or for other outputs.
        """
        if self.outputs:
            return
        shares = self._shared_out(names)
        several = len(names) > 1
        tracked = several and sum(loss is not None for loss, *_ in shares) > 1
        self.outputs = [
            OutputObjective(
                name if several else None,
                None if target is None else tuple(target.shape),
                shape,
                loss=loss,
                loss_weight=weight,
                metrics=metrics,
                weighted_metrics=weighted,
                tracks_loss=tracked and loss is not None,
            )
            for name, target, shape, (loss, weight, metrics, weighted) in zip(
                names, targets, shapes, shares, strict=True
            )
        ]
        self.logged.update((o.loss_mean.name, o.loss_mean) for o in self.outputs if o.loss_mean)
        losses = len(self.logged)
        _name(self.outputs, self.logged)
        if several:
            # The order in which Keras's evaluate() lists them: the losses, then by the alphabet.
            logged = list(self.logged.items())
            self.logged = dict(logged[:losses] + sorted(logged[losses:], key=lambda one: one[0]))
        if self._awaited is not None:
            self.load_state_dict(self._awaited)
            self._awaited = None

    def _shared_out(
        self, names: Sequence[str]
    ) -> list[tuple[Any, float | None, list[Any], list[Any]]]:
        """Return the loss, its weight, the metrics and the weighted metrics of each output."""
        given = self.given
        weights = [
            None if weight is None else number(weight, "loss_weights", "compile()")
            for weight in _one_each(given.loss_weights, names, "loss_weights")
        ]
        return list(
            zip(
                _one_each(given.loss, names, "loss"),
                weights,
                _lists(given.metrics, names, "metrics"),
                _lists(given.weighted_metrics, names, "weighted_metrics"),
                strict=True,
            )
        )

    @property
    def all_metrics(self) -> list[Metric]:
        """The mean of the loss, those of the outputs' losses, then the metrics in their order."""
        return list(self.logged.values())

    @property
    def parts(self) -> list[Any]:
        """The losses and metrics: all whose code runs in a step."""
        losses = [output.loss for output in self.outputs if output.loss is not None]
        return [*losses, *self.all_metrics]

    @property
    def names(self) -> list[str]:
        """What the logs call them."""
        return list(self.logged)

    def losses(self, batch: Batch, predictions: Sequence[torch.Tensor]) -> list[Any]:
        """Return the loss of each output on a batch, not weighted; None where there is none."""
        return [
            None if output.loss is None else output.loss(target, prediction, weights)
            for output, target, prediction, weights in zip(
                self.outputs, batch.targets, predictions, batch.weights, strict=True
            )
        ]

    def total(self, losses: Sequence[Any], added: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return what training makes small.

        Args:
            losses: of the outputs.
            added: penalties on weights and outputs.

        Raises:
            NotReadyError: there is neither.
        """
        total: Any = None
        for output, loss in zip(self.outputs, losses, strict=True):
            if loss is not None:
                loss = loss if output.loss_weight is None else output.loss_weight * loss
                total = loss if total is None else total + loss
        for penalty in added:
            total = penalty if total is None else total + penalty
        if total is None:
            raise no_loss()
        return total

    def update(
        self,
        batch: Batch,
        predictions: Sequence[torch.Tensor],
        losses: Sequence[Any],
        total: torch.Tensor,
    ) -> None:
        """Take a batch into the running sums.

        Args:
            batch: the examples.
            predictions: what the model made of them, for each output.
            losses: of the outputs.
            total: the loss with all penalties; it counts as often as the batch has examples.
        """
        self.count(total, batch.size)
        self.count_outputs(losses, batch.size)
        self.update_metrics(batch, predictions)

    def count(self, total: torch.Tensor, examples: int) -> None:
        """Take the loss of a batch into its mean, as often as the batch has examples."""
        if self.loss_mean.total.device != total.device:
            for metric in self.all_metrics:
                metric.move_to(total.device)
        _count(self.loss_mean, total, examples)

    def count_outputs(self, losses: Sequence[Any], examples: int) -> None:
        """Take the losses of the outputs into their means."""
        for output, loss in zip(self.outputs, losses, strict=True):
            if output.loss_mean is not None:
                output.loss_mean.move_to(loss.device)
                _count(output.loss_mean, loss, examples)

    def update_metrics(self, batch: Batch, predictions: Sequence[torch.Tensor]) -> None:
        """Take a batch into the metrics, the losses aside."""
        for output, target, prediction, weights in zip(
            self.outputs, batch.targets, predictions, batch.weights, strict=True
        ):
            output.update(target, prediction.detach(), weights)

    def reset(self) -> None:
        """Begin the running sums anew."""
        for metric in self.all_metrics:
            metric.reset_state()

    def state_dict(self) -> list[list[torch.Tensor]]:
        """Return the running sums."""
        return sums_state(self.all_metrics)

    def load_state_dict(self, state: Sequence[Sequence[Any]]) -> None:
        """Take the running sums that :meth:`state_dict` gave.

        A step of the user's own tells only when it is done first what there is to measure: until
        then they wait.
        """
        if self.outputs:
            load_sums_state(self.all_metrics, state)
        else:
            self._awaited = state

    def results(self) -> dict[str, Any]:
        """Read the running sums; this waits for the device.

        Returns:
            A number for each metric, or a list of them where it has one for each class.
        """
        return {name: plain(metric.result()) for name, metric in self.logged.items()}


def no_loss() -> NotReadyError:
    """Return the error that there is nothing to make small."""
    return NotReadyError(
        "the model has no loss",
        expected="compile(loss=...), or a layer that calls add_loss()",
        got="neither",
        fix="Compile it with a loss such as 'sparse_categorical_crossentropy'.",
    )


def _count(mean: Mean, value: torch.Tensor, examples: int) -> None:
    mean.total.add_(value.detach(), alpha=examples)
    mean.count.add_(examples)


def plain(result: Any) -> Any:
    """Return a number, or a list of numbers where a metric has one for each class."""
    values = torch.as_tensor(result).detach()
    return float(values) if values.numel() == 1 else values.tolist()


def _one_each(given: Any, names: Sequence[str], argument: str) -> list[Any]:
    """Return one entry for each output, None where there is none."""
    if isinstance(given, Mapping):
        return _by_name(given, names, argument)
    if isinstance(given, list | tuple):
        return _in_order(given, names, argument)
    return [given] * len(names)


def _lists(given: Any, names: Sequence[str], argument: str) -> list[list[Any]]:
    """Return a list of metrics for each output."""
    if given is None or not len(given):
        return [[] for _ in names]
    if isinstance(given, Mapping):
        shared = _by_name(given, names, argument)
    elif len(names) == 1:
        return [flatten(given)]
    else:
        shared = _in_order(given, names, argument)
    return [
        list(own) if isinstance(own, list | tuple) else [] if own is None else [own]
        for own in shared
    ]


def _by_name(given: Mapping[str, Any], names: Sequence[str], argument: str) -> list[Any]:
    unknown = set(given) - set(names)
    if unknown:
        raise InputError(
            f"`{argument}` of compile() names an output that there is not",
            expected=" or ".join(map(repr, names)),
            got=", ".join(map(repr, sorted(unknown))),
            fix="Give an output its name by the name= of the layer that makes it.",
        )
    return [given.get(name) for name in names]


def _in_order(given: Sequence[Any], names: Sequence[str], argument: str) -> list[Any]:
    if len(given) != len(names):
        raise InputError(
            f"`{argument}` of compile() does not fit the model's outputs",
            expected=f"one entry for each of {', '.join(map(repr, names))}",
            got=f"{len(given)}: {given!r}",
            fix=f"Write {argument}={{{names[0]!r}: ...}} or a list with None where there is none.",
        )
    return list(given)


def _name(outputs: Sequence[OutputObjective], logged: dict[str, Metric]) -> None:
    """Give each metric its name in the logs, as Keras does: apart even where two are alike."""
    for weighted in (False, True):
        for output in outputs:
            prefix = "" if output.name is None else f"{output.name}_"
            for metric in output.weighted_metrics if weighted else output.metrics:
                name = f"{prefix}{metric.name}"
                if weighted and name in logged:
                    name = f"{prefix}weighted_{metric.name}"
                base, count = name, 0
                while name in logged:
                    count += 1
                    name = f"{base}_{count}"
                logged[name] = metric
