"""What the published systems look at: the first batch, at the start and after each epoch.

They read the tensors themselves; what they ask of them is kept as numbers, so that each system is
a pure function that a test can feed by hand.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch

from latih.doctor.fact_records import Facts
from latih.doctor.facts import facts_of
from latih.doctor.kinds import kernel_of
from latih.doctor.rows import probe_batch, seen, take
from latih.doctor.sensors import Sensors
from latih.doctor.undisturbed import Untouched
from latih.engine.events import Witness
from latih.structures import flatten

FIRST_STEPS = 10
"""So many steps are heard of one by one."""

MOST_NUMBERS = 1 << 17
"""So many numbers of a tensor say how it is distributed."""

ACTIVE = 0.01
"""A unit that is active on less than this share of the rows counts as inactive."""

LIMITS = {"tanh": (-9.4999, 9.4999), "sigmoid": (-23.0, 16.99999)}
"""Where SageMaker Debugger takes a unit for saturated: the slope is about 1e-7 there."""


@dataclass(frozen=True)
class LayerSignals:
    """One layer at one look.

    Args:
        name: what it is called.
        kind: its class.
        activation: ``"relu"`` and so on; None for none.
        mean: of its outputs.
        size: the mean of their absolute values.
        least: the least output.
        most: the largest.
        row_sum: the largest sum of absolute outputs of one row.
        inactive: the share of outputs that are 0 or less.
        large_sums: the share of pre-activations beyond ±5.
        sums_variance: of its pre-activations.
        idle_units: the share of units whose output is above 0 on less than one row in a hundred.
        saturated_units: the share of units beyond :data:`LIMITS` on all but one row in a hundred.
        weight_mean: of its kernel.
        weight_variance: of its kernel.
        weight_norm: of its kernel.
        update_ratio: how far the kernel has moved since the last look, over its norm.
        unchanged: whether the kernel is what it was at the last look.
        gradient_norm: of its kernel's gradient.
        gradient_size: the mean of its absolute values.
        gradient_width: from its 5th to its 95th percentile.
    """

    name: str
    kind: str = "Dense"
    activation: str | None = None
    mean: float = 0.1
    size: float = 0.1
    least: float = 0.0
    most: float = 1.0
    row_sum: float = 1.0
    inactive: float = 0.0
    large_sums: float = 0.0
    sums_variance: float = 1.0
    idle_units: float = 0.0
    saturated_units: float = 0.0
    weight_mean: float | None = None
    weight_variance: float = 0.1
    weight_norm: float = 1.0
    update_ratio: float | None = None
    unchanged: bool = False
    gradient_norm: float = 0.1
    gradient_size: float = 0.01
    gradient_width: float = 0.1

    @property
    def has_kernel(self) -> bool:
        """Whether it multiplies by weights that may be trained."""
        return self.weight_mean is not None


@dataclass(frozen=True)
class Look:
    """What was seen at once.

    Args:
        epoch: how many epochs were done.
        step: how many steps.
        layers: in the order in which they are called.
        zero_gradients: the share of zeros among the gradients of all weights.
        logs: of the epoch: ``loss``, ``accuracy``, ``val_loss``, ...
    """

    epoch: int
    step: int
    layers: Sequence[LayerSignals] = ()
    zero_gradients: float = 0.0
    logs: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True)
class Signals:
    """All that was seen of one training.

    Args:
        facts: what was known before the first step.
        looks: before the first step, and after each epoch.
        first_losses: the mean of the losses so far, after each of the first steps.
        image_mean: of image inputs, the largest absolute mean of a channel; None of others.
        is_square: whether image inputs are as wide as high.
    """

    facts: Facts = field(default_factory=Facts)
    looks: Sequence[Look] = ()
    first_losses: Sequence[float] = ()
    image_mean: float | None = None
    is_square: bool = True

    @property
    def epochs(self) -> Sequence[Look]:
        """The looks after an epoch."""
        return [look for look in self.looks if look.epoch]

    @property
    def is_of_classes(self) -> bool:
        """Whether the targets are classes, so that an accuracy says something."""
        return all(output.task != "regression" for output in self.facts.outputs)

    def logged(self, name: str) -> list[float]:
        """Return what was logged by a name, an epoch each."""
        return [look.logs[name] for look in self.epochs if name in look.logs]


class Recorder(Witness):
    """Takes the signals of a training, which goes on as if it were not there."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[Look] = []
        self.first_losses: list[float] = []
        self.signals = Signals()
        self._steps = 0
        self._kernels: dict[str, torch.Tensor] = {}

    def before_training(self, training: Any) -> None:
        """Find the first batch, and look at it."""
        facts = facts_of(training, probe_batch(training))
        examples = seen(training.batches)
        rows = range(min(training.batches.batch_size or 32, examples.size))
        self.batch = take(examples, torch.tensor(rows), training.batches.device)
        losses = [output.loss for output in self.model.objective.outputs]
        self._untouched = Untouched(self.model, filter(None, losses))
        self._sensors = Sensors(self.model, facts.layers)
        image = _image_of(self.batch)
        self.signals = Signals(
            facts=facts,
            looks=self.looks,
            first_losses=self.first_losses,
            image_mean=None if image is None else float(image.mean((0, 1, 2)).abs().max()),
            is_square=image is None or image.shape[1] == image.shape[2],
        )
        self._look(0, {})

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Note the first losses."""
        self._steps += 1
        if len(self.first_losses) < FIRST_STEPS and not self.signals.epochs:
            self.first_losses.append(float(logs["loss"]))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look, and keep what was logged."""
        told = {name: float(value) for name, value in (logs or {}).items() if _is_number(value)}
        self._look(epoch + 1, told)

    def _look(self, epoch: int, logs: Mapping[str, float]) -> None:
        model, batch, objective = self.model, self.batch, self.model.objective
        outputs: dict[str, torch.Tensor] = {}
        sums: dict[str, tuple[torch.Tensor, int]] = {}

        def heard(name: str, kind: str | None, values: torch.Tensor, axis: int) -> None:
            sums[name] = (values.detach(), axis)

        with self._untouched.kept(training=False), torch.enable_grad(), ExitStack() as ending:
            for name, module in self._sensors.modules.items():
                hook = module.register_forward_hook(_kept_as(name, outputs))
                ending.callback(hook.remove)
            with self._sensors.hear(heard):
                predictions = flatten(model(batch.inputs))
            total = objective.total(objective.losses(batch, predictions), list(_penalties(model)))
            weights = [one for one in model.trainable_weights if one.requires_grad]
            found = torch.autograd.grad(total, weights, allow_unused=True)
        gradients = {
            id(weight): torch.zeros_like(weight) if gradient is None else gradient
            for weight, gradient in zip(weights, found, strict=True)
        }
        layers = [
            self._layer(name, outputs.get(name), sums.get(name), gradients)
            for name in self._sensors.layers
        ]
        zeros = sum(int((one == 0).sum()) for one in gradients.values())
        count = sum(one.numel() for one in gradients.values())
        self.looks.append(Look(epoch, self._steps, layers, zeros / max(count, 1), logs))

    def _layer(
        self,
        name: str,
        output: torch.Tensor | None,
        sums: tuple[torch.Tensor, int] | None,
        gradients: Mapping[int, torch.Tensor],
    ) -> LayerSignals:
        facts = self._sensors.layers[name]
        told: dict[str, Any] = {}
        if output is not None and output.is_floating_point():
            told |= _of_outputs(output.detach())
        if sums is not None and sums[0].is_floating_point():
            told |= _of_sums(*sums, facts.activation)
        kernel = kernel_of(self._sensors.modules[name])
        if kernel is not None and id(kernel.weight) in gradients:
            before = self._kernels.get(name)
            now = self._kernels[name] = kernel.weight.detach().clone()
            told |= _of_kernel(now, before) | _of_gradient(gradients[id(kernel.weight)])
        return LayerSignals(name, facts.kind, facts.activation, **told)


def _kept_as(name: str, outputs: dict[str, torch.Tensor]) -> Any:
    def hook(module: Any, inputs: Any, given: Any) -> None:
        if isinstance(given, torch.Tensor):
            outputs[name] = given

    return hook


def _of_outputs(values: torch.Tensor) -> dict[str, float]:
    rows = values.reshape(len(values), -1).abs().sum(dim=1)
    least, most = torch.aminmax(values)
    return {
        "mean": float(values.mean()),
        "size": float(values.abs().mean()),
        "least": float(least),
        "most": float(most),
        "row_sum": float(rows.max()),
        "inactive": float((values <= 0).float().mean()),
    }


def _of_sums(sums: torch.Tensor, axis: int, activation: str | None) -> dict[str, float]:
    units = sums.movedim(axis, -1).reshape(-1, sums.shape[axis])
    told = {
        "large_sums": float((sums.abs() >= 5).float().mean()),
        "sums_variance": float(sums.var()) if sums.numel() > 1 else 0.0,
    }
    if activation == "relu":
        told["idle_units"] = _idle(units > 0)
    if activation in LIMITS:
        low, high = LIMITS[activation]
        told["saturated_units"] = _idle((units > low) & (units < high))
    return told


def _idle(active: torch.Tensor) -> float:
    """Return the share of units that are active on fewer than one row in a hundred."""
    return float((active.float().mean(dim=0) < ACTIVE).float().mean())


def _of_kernel(weight: torch.Tensor, before: torch.Tensor | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "weight_mean": float(weight.mean()),
        "weight_variance": float(weight.var()) if weight.numel() > 1 else math.nan,
        "weight_norm": float(weight.norm()),
    }
    if before is not None:
        told["update_ratio"] = float((weight - before).norm() / (before.norm() + 1e-9))
        told["unchanged"] = torch.allclose(weight, before, rtol=1e-5, atol=1e-8)
    return told


def _of_gradient(gradient: torch.Tensor) -> dict[str, float]:
    flat = gradient.reshape(-1)
    some = flat[:: -(-flat.numel() // MOST_NUMBERS)].float()
    low, high = torch.quantile(some, torch.tensor([0.05, 0.95], device=some.device)).tolist()
    return {
        "gradient_norm": float(flat.norm()),
        "gradient_size": float(flat.abs().mean()),
        "gradient_width": high - low,
    }


def _penalties(model: Any) -> Iterator[torch.Tensor]:
    for regularizer, weight in model.penalties():
        yield regularizer(weight)
    yield from model.added_losses


def _image_of(batch: Any) -> torch.Tensor | None:
    """Return the inputs if they are images, rows first and channels last."""
    inputs = flatten(batch.inputs)
    is_image = len(inputs) == 1 and inputs[0].ndim == 4 and inputs[0].shape[-1] in (1, 3, 4)
    return inputs[0].float() if is_image else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)
