"""All that the rules may look at: plain numbers, which JSON can hold.

Who measures is in `anatomy`, `data_facts` and `probe`; a rule neither sees a tensor nor a model.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from latih.doctor.fact_records import Facts, InputFacts, LayerFacts, OutputFacts
from latih.doctor.look_records import Check, LayerSigns, NotFinite


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
        last = self.checks[-3:]
        if self.ended:  # where looks were few, some of these are of long ago
            last = [check for check in last if 3 * check.step >= 2 * self.steps]
        known = sorted(check.skill for check in last if math.isfinite(check.skill))
        # Of two the better counts while more is to come, and in the end the worse.
        middle = (len(known) - 1 if self.ended else len(known)) // 2
        return known[middle] if known else math.nan

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
