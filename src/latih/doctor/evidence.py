"""All that the rules may look at: plain numbers, which JSON can hold.

Who measures is in `anatomy`, `data_facts` and `probe`; a rule neither sees a tensor nor a model.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

Task = Literal["regression", "binary", "multi-class", "multi-label"]
"""What the targets ask for; told by the targets and not by the loss, which may be the wrong one."""


@dataclass(frozen=True)
class LayerFacts:
    """What is known of a layer with weights, or with a nonlinearity, before the first step.

    Args:
        name: what it is called.
        kind: its class.
        activation: ``"relu"`` and so on; None if it has none, ``"?"`` if nobody knows it.
        initializer: of its kernel: ``"he_normal"`` and so on; None if it has none or is a module
            of torch's.
        weights: how many numbers it may train.
        frozen: how many it may not.
        fan_in: how many numbers make one of its outputs; 0 if it has no kernel.
        kernel_deviation: the standard deviation of its kernel; 0.0 if it has none.
        identical_units: the share of its units whose weights equal another's.
        dropout: the rate, if it drops.
        is_output: whether its output is one of the model's.
        is_normalization: whether it normalises.
        decay: the factor of an L2 penalty on its kernel.
    """

    name: str
    kind: str
    activation: str | None = None
    initializer: str | None = None
    weights: int = 0
    frozen: int = 0
    fan_in: int = 0
    kernel_deviation: float = 0.0
    identical_units: float = 0.0
    dropout: float = 0.0
    is_output: bool = False
    is_normalization: bool = False
    decay: float = 0.0


@dataclass(frozen=True)
class InputFacts:
    """One input, over the rows that were looked at.

    Args:
        name: what it is called.
        shape: of one example.
        finite: whether all its numbers are finite.
        least: the smallest number.
        most: the largest number.
        largest_mean: of the features' ``|mean| / deviation``, the largest.
        deviation_ratio: the largest deviation of a feature over the smallest that is not 0.
        deviation: of all numbers together.
        mean: of all numbers together.
        constant: the share of features that never change.
        is_whole: whether all numbers are whole: indices, or the bytes of an image.
        is_scaled: whether the model itself scales, normalises or looks them up before it first
            multiplies them by weights.
    """

    name: str
    shape: tuple[int, ...] = ()
    finite: bool = True
    least: float = 0.0
    most: float = 0.0
    largest_mean: float = 0.0
    deviation_ratio: float = 1.0
    deviation: float = 1.0
    mean: float = 0.0
    constant: float = 0.0
    is_whole: bool = False
    is_scaled: bool = False


@dataclass(frozen=True)
class OutputFacts:
    """One output, its targets and its loss.

    Args:
        name: what it is called.
        task: what the targets ask for.
        classes: how many classes the targets hold, or columns; 0 for a regression.
        width: how many numbers an example's output has.
        target_shape: of one example's target.
        activation: of the layer that makes it: ``"softmax"`` and so on.
        loss: the loss's name in snake case, ``"?"`` for a function of the user's.
        from_logits: whether the loss takes raw scores.
        reduction: of the loss.
        finite: whether all targets are finite.
        least: the smallest target.
        most: the largest.
        deviation: of the targets; of a regression.
        mean: of the targets.
        counts: how many examples each class has, among the rows that were looked at.
        trivial_loss: the compiled loss of the best constant prediction; NaN if nobody knows.
        trivial_score: the accuracy of the most frequent class; 0 for a regression.
        floor: the compiled loss of predictions that equal the targets: 0 of most, of shares under
            a cross-entropy their entropy, below which no training comes.
        order: how surprisingly often a target equals the one before it, in standard deviations.
        sums: the mean over rows of ``|sum of outputs - 1|`` on the probe, before training.
        output_least: the smallest output on the probe, before training.
        output_most: the largest.
        first_loss: the compiled loss on the probe, before training.
        output_shape: of one example's output; None if nobody knows.
        quantiles: of the targets of a regression, evenly spaced from the least to the most.
        is_whole: whether all targets are whole numbers.
        column_sums: the mean over outputs of ``|sum over the rows of the probe - 1|``, before
            training: about 0 of a softmax over the batch instead of the classes.
        reshaped_loss: the first loss again, with the targets in the outputs' shape.
        loss_growth: the compiled loss of the probe twice over as a multiple of `first_loss`: 1 of a
            mean over the examples, 2 of a sum.
    """

    name: str
    task: Task = "regression"
    classes: int = 0
    width: int = 1
    target_shape: tuple[int, ...] = ()
    activation: str | None = None
    loss: str = "?"
    from_logits: bool = False
    reduction: str | None = None
    finite: bool = True
    least: float = 0.0
    most: float = 0.0
    deviation: float = 1.0
    mean: float = 0.0
    counts: tuple[int, ...] = ()
    trivial_loss: float = math.nan
    trivial_score: float = 0.0
    floor: float = 0.0
    order: float = 0.0
    sums: float = 0.0
    output_least: float = 0.0
    output_most: float = 0.0
    first_loss: float = math.nan
    output_shape: tuple[int, ...] | None = None
    quantiles: tuple[float, ...] = ()
    is_whole: bool = False
    column_sums: float = math.nan
    reshaped_loss: float = math.nan
    loss_growth: float = 1.0


@dataclass(frozen=True)
class Facts:
    """What is known before the first step.

    Args:
        layers: in the order in which they are called.
        inputs: of the model.
        outputs: of the model.
        optimizer: its class in snake case.
        learning_rate: at the start.
        settings: further numbers of the optimizer, such as ``momentum`` and ``epsilon``.
        batch_size: None where the data decide.
        epochs: planned.
        steps: an epoch; None if nobody knows.
        examples: to train on; None if nobody knows.
        shuffles: whether each epoch has an order of its own; None if the data decide.
        has_validation: whether something was held back.
        duplicates: the share of the rows held back that are among those trained on.
        shift: how far a feature's mean or deviation in the rows held back is from that in those
            trained on, in deviations, less what chance makes.
        weighted: whether classes or examples are weighted.
        looked_at: how many examples the facts of the targets rest on; 0 if there was none to see.
            One batch of a stream says little of how frequent classes are.
        own_duplicates: the share of the rows trained on that equal another of them; by so much the
            rows held back are among them by chance.
    """

    layers: tuple[LayerFacts, ...] = ()
    inputs: tuple[InputFacts, ...] = ()
    outputs: tuple[OutputFacts, ...] = ()
    optimizer: str = "?"
    learning_rate: float = math.nan
    settings: Mapping[str, float] = field(default_factory=dict[str, float])
    batch_size: int | None = None
    epochs: int = 1
    steps: int | None = None
    examples: int | None = None
    shuffles: bool | None = None
    has_validation: bool = False
    duplicates: float = 0.0
    shift: float = 0.0
    weighted: bool = False
    looked_at: int = 0
    own_duplicates: float = 0.0

    @property
    def planned_steps(self) -> int | None:
        """How many steps the whole training has."""
        return None if self.steps is None else self.steps * self.epochs


@dataclass(frozen=True)
class LayerSigns:
    """One layer in one check.

    Args:
        gradient: the root mean square of its kernel's gradient, as the loss gave it.
        update: ``|Δθ| / |θ|`` of its weights in this step, measured around the optimizer; None if
            they are to rest, with a learning rate of their own of 0.
        weight: the root mean square of its weights.
        mean: of its pre-activations on the probe.
        deviation: of its pre-activations on the probe.
        largest: of its pre-activations' absolute values.
        silent: the share of its units whose activation is 0 on every row of the probe.
        saturated: the share of its units in the flat part of a sigmoid or tanh on nine in ten rows.
        zeros: the share of zeros among its activations.
        finite: whether weights, gradient and activations are finite.
    """

    gradient: float | None = None
    update: float | None = None
    weight: float | None = None
    mean: float | None = None
    deviation: float | None = None
    largest: float | None = None
    silent: float | None = None
    saturated: float | None = None
    zeros: float | None = None
    finite: bool = True


@dataclass(frozen=True)
class Check:
    """What was measured at one step.

    Args:
        step: how many steps were done, counted over the whole training; 0 is before the first.
        epoch: the epoch under way, from 0.
        loss: the compiled loss on the probe, in inference mode, penalties left out.
        skill: how much better the predictions on the probe are than the best constant one: 1 is
            perfect, 0 no better, for accuracy (balanced by class) or the share of variance
            explained; the mean over the outputs. It does not depend on the loss.
        accuracy: the plain accuracy on the probe; None for a regression.
        training_loss: the same as ``loss`` in training mode (dropout, statistics of the batch).
        penalty: what regularizers add to the loss.
        gradient_norm: of all gradients together, before clipping.
        clipped_norm: after clipping; None if nothing is clipped.
        learning_rate: in this step.
        layers: by name, in the order in which they are called.
    """

    step: int
    epoch: int
    loss: float = math.nan
    skill: float = math.nan
    accuracy: float | None = None
    training_loss: float | None = None
    penalty: float = 0.0
    gradient_norm: float | None = None
    clipped_norm: float | None = None
    learning_rate: float = math.nan
    layers: Mapping[str, LayerSigns] = field(default_factory=dict[str, LayerSigns])


@dataclass(frozen=True)
class NotFinite:
    """The first number that was none.

    Args:
        step: when.
        place: ``"input"``, ``"target"``, ``"weight"``, ``"activation"``, ``"loss"`` or
            ``"gradient"``: the first in the order in which they are calculated.
        layer: where; None for the data and the loss.
    """

    step: int
    place: str
    layer: str | None = None


@dataclass
class Evidence:
    """All that was seen of one training so far.

    Args:
        facts: what was known before the first step.
        checks: what was measured, in the order of the steps.
        epochs: what was logged at the end of each epoch: ``loss``, ``val_loss``, metrics.
        not_finite: the first number that was none; None as long as all are.
        ended: whether no step comes any more.
        overfits_a_batch: the skill on one batch after training on nothing else; None if that was
            not tried.
        skill_of_shuffled: the skill after as long a training on targets in another order; None if
            that was not tried.
    """

    facts: Facts = field(default_factory=Facts)
    checks: list[Check] = field(default_factory=list[Check])
    epochs: list[Mapping[str, float]] = field(default_factory=list[Mapping[str, float]])
    not_finite: NotFinite | None = None
    ended: bool = False
    overfits_a_batch: float | None = None
    skill_of_shuffled: float | None = None

    # The outcome, by which a mechanism is a fault or only advice

    @property
    def steps(self) -> int:
        """How many steps were done at the last check."""
        return self.checks[-1].step if self.checks else 0

    @property
    def progress(self) -> float:
        """How much of the planned training is done, 0..1; of unknown length by 1,000 steps."""
        if self.ended:
            return 1.0
        return min(1.0, self.steps / (self.facts.planned_steps or 1000))

    @property
    def skill(self) -> float:
        """The median skill of the last three checks; NaN before the first."""
        known = sorted(c.skill for c in self.checks[-3:] if math.isfinite(c.skill))
        return known[len(known) // 2] if known else math.nan

    @property
    def held_back_losses(self) -> Sequence[float]:
        """The validation loss of each epoch without the penalties, which are logged with it."""
        penalties = {check.epoch: check.penalty for check in self.checks}
        told: list[float] = []
        penalty = 0.0
        for epoch, logs in enumerate(self.epochs):
            penalty = penalties.get(epoch, penalty)
            if "val_loss" in logs:
                told.append(logs["val_loss"] - penalty)
        return told

    @property
    def best_skill(self) -> float:
        """The best skill of any check; NaN before the first."""
        return max((c.skill for c in self.checks if math.isfinite(c.skill)), default=math.nan)

    @property
    def first_skill(self) -> float:
        """The skill before the first step; NaN if nobody looked."""
        return self.checks[0].skill if self.checks else math.nan

    def is_stuck(self, least: float = 0.05, after: float = 0.2, steps: int = 200) -> bool:
        """Say whether it is no better than the best constant prediction though time has passed.

        Args:
            least: the skill that would be something.
            after: the share of the planned training that must be done, unless
            steps: so many steps are.
        """
        if not self.steps or (self.progress < after and self.steps < steps):
            return False
        if math.isnan(self.best_skill):  # nobody knows what its targets mean
            return False
        return not self.skill > least

    def is_poor(self, enough: float = 0.5) -> bool:
        """Say whether it has learned little and gains nothing any more."""
        if len(self.checks) < 4 or not self.progress > 0.2:
            return False
        half = len(self.checks) // 2
        before = [c.skill for c in self.checks[:half] if math.isfinite(c.skill)]
        after = [c.skill for c in self.checks[half:] if math.isfinite(c.skill)]
        if not after:
            return bool(before)  # or nobody knows what its targets mean
        gains = max(after) - max(before, default=0.0)
        return max(after) <= enough and gains < 0.05

    def ends_below(self, enough: float) -> bool:
        """Say whether the training is over and has come to less.

        Args:
            enough: the skill that would be enough.
        """
        return self.ended and self.steps > 0 and self.skill < enough

    def is_failing(self) -> bool:
        """Say whether the outcome is bad: stuck, poor, or broken by a number that is none."""
        broken = self.not_finite is not None and self.not_finite.place not in ("input", "target")
        return broken or self.is_stuck() or self.is_poor()

    # Reading

    def series(self, layer: str, sign: str) -> Iterator[tuple[int, float]]:
        """Yield step and value of one sign of one layer, where it was measured."""
        for check in self.checks:
            signs = check.layers.get(layer)
            value = None if signs is None else getattr(signs, sign)
            if value is not None:
                yield check.step, value

    def layer(self, name: str) -> LayerFacts | None:
        """Return what is known of a layer."""
        return next((one for one in self.facts.layers if one.name == name), None)

    @property
    def weighted_layers(self) -> Sequence[LayerFacts]:
        """The layers with a kernel that may be trained, in the order in which they are called."""
        return [one for one in self.facts.layers if one.fan_in and one.weights]

    def rename(self, names: Mapping[str, str]) -> None:
        """Call layers otherwise.

        Args:
            names: the new name of each, by the old one.
        """
        layers = (replace(one, name=names.get(one.name, one.name)) for one in self.facts.layers)
        self.facts = replace(self.facts, layers=tuple(layers))
        self.checks = [
            replace(check, layers={names.get(name, name): s for name, s in check.layers.items()})
            for check in self.checks
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return it as data that JSON can hold: what is no number is told by its name."""
        return _as_data(asdict(self))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Evidence":
        """Return the evidence that :meth:`to_dict` told; what is not told is as by default.

        Example:
            >>> seen = Evidence(Facts(layers=(LayerFacts("dense", "Dense"),)), [Check(1, 0)])
            >>> Evidence.from_dict(seen.to_dict()).to_dict() == seen.to_dict()
            True
        """
        told: dict[str, Any] = _of(cls, data)
        told["facts"] = _facts_of(told.get("facts", {}))
        told["checks"] = [_check_of(one) for one in told.get("checks", ())]
        told["epochs"] = [
            {name: _number_of(value) for name, value in one.items()}
            for one in told.get("epochs", ())
        ]
        if told.get("not_finite") is not None:
            told["not_finite"] = NotFinite(**_of(NotFinite, told["not_finite"]))
        return cls(**told)


NO_NUMBERS = ("NaN", "Infinity", "-Infinity")
"""What JSON has no numbers for, as Python reads it."""


def _as_data(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_data(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_as_data(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _number_of(value: Any) -> Any:
    return float(value) if value in NO_NUMBERS else value


def _of(kind: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is told of the fields that a class has, its numbers as numbers."""
    told: dict[str, Any] = {}
    for one in fields(kind):
        if one.name in data:
            value = data[one.name]
            is_number = one.type in (float, float | None)
            told[one.name] = _number_of(value) if is_number else value
    return told


def _facts_of(data: Mapping[str, Any]) -> Facts:
    told = _of(Facts, data)
    for name, kind in (("layers", LayerFacts), ("inputs", InputFacts), ("outputs", OutputFacts)):
        told[name] = tuple(_tupled(kind, one) for one in told.get(name, ()))
    if "settings" in told:
        told["settings"] = {name: _number_of(value) for name, value in told["settings"].items()}
    return Facts(**told)


def _check_of(data: Mapping[str, Any]) -> Check:
    told = _of(Check, data)
    layers = told.get("layers", {})
    told["layers"] = {name: LayerSigns(**_of(LayerSigns, one)) for name, one in layers.items()}
    return Check(**told)


def _tupled(kind: Any, data: Mapping[str, Any]) -> Any:
    told = _of(kind, data)
    return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in told.items()})
