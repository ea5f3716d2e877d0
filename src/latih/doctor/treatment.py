"""What a treatment was: each trial with its measurement, and what is different now."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from rich.console import Console
from rich.text import Text

from latih import registry
from latih.doctor.code import expression
from latih.doctor.diagnosis import HEALTHY, Diagnosis, recalled
from latih.doctor.finding import Finding
from latih.doctor.layer_configs import LayerConfigs
from latih.doctor.remedies import REMEDIES
from latih.doctor.rules import RULES
from latih.doctor.setup import Setup
from latih.doctor.words import Words
from latih.errors import FileFormatError, LatihError
from latih.registry import to_snake_case

ILL = Words("Found: {told}", "Ditemukan: {told}")
ADVISED = Words(
    "No fault found, but not enough learnt: what is advised is tried, against {told}",
    "Tidak ada gangguan, tetapi hasil belajarnya kurang: saran dicoba, terhadap {told}",
)
NOTHING = Words("No fault found: nothing was tried.", "Tidak ada yang salah: tidak ada percobaan.")
BEGAN = Words(
    "Untreated, after {epochs} epochs: skill {skill:.3f}.",
    "Tanpa perawatan, setelah {epochs} epoch: skill {skill:.3f}.",
)
KEPT = Words(
    "{number}. {words} Skill {skill:.3f}, more than {needed:.3f}: kept.",
    "{number}. {words} Skill {skill:.3f}, lebih dari {needed:.3f}: dipakai.",
)
ROLLED_BACK = Words(
    "{number}. {words} Skill {skill:.3f}, not more than {needed:.3f}: rolled back.",
    "{number}. {words} Skill {skill:.3f}, tidak lebih dari {needed:.3f}: dibatalkan.",
)
FAILED = Words(
    "{number}. {words} It cannot be trained ({reason}): rolled back.",
    "{number}. {words} Tidak bisa dilatih ({reason}): dibatalkan.",
)
ENDED = Words(
    "Then trained to the end: skill {skill:.3f}.",
    "Lalu dilatih sampai akhir: skill {skill:.3f}.",
)
AS_GIVEN = Words(
    "Nothing was better than the model as it was given ({given:.3f}): it is left as it was.",
    "Tidak ada yang lebih baik dari model semula ({given:.3f}): model dibiarkan.",
)

NOT_TRIED = Words(
    "Nothing was tried: no trial was allowed, or what would help is for a person to do, or changes "
    "layers that only code makes.",
    "Tidak ada yang dicoba: percobaan tidak diizinkan, obatnya harus dikerjakan manusia, atau "
    "mengubah layer yang dibuat oleh kode.",
)


@dataclass(frozen=True)
class Trial:
    """One remedy, tried.

    Args:
        remedy: its name in :data:`~latih.doctor.remedies.REMEDIES`.
        finding: the code of what it is for.
        skill: on what was held back, after the trial; -1 at worst.
        needed: the skill that it had to beat: the best before and what chance or seeds make; less
            than it where an output and a loss contradicted each other.
        kept: whether it did.
        steps: how many steps were trained.
        reason: why it could not be trained; empty if it could.
    """

    remedy: str
    finding: str
    skill: float
    needed: float
    kept: bool
    steps: int
    reason: str = ""

    @classmethod
    def recalled(cls, told: Mapping[str, Any]) -> "Trial":
        """Return the trial that a file tells of."""
        return cls(**{one.name: told[one.name] for one in fields(cls)})

    def told(self, number: int) -> Words:
        """Return it as a sentence."""
        pattern = FAILED if self.reason else KEPT if self.kept else ROLLED_BACK
        words = REMEDIES[self.remedy].words
        values = {"number": number, "skill": self.skill, "needed": self.needed}
        return Words(
            pattern.en.format(words=words.en, reason=self.reason, **values),
            pattern.id.format(words=words.id, reason=self.reason, **values),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as data that JSON can hold, with what the remedy does in both languages."""
        words = REMEDIES[self.remedy].words.to_dict()
        return {**{one.name: getattr(self, one.name) for one in fields(self)}, "words": words}


@dataclass(frozen=True)
class Change:
    """One thing that is different now.

    Args:
        place: where, as ``"layers.dense.activation"`` or ``"optimizer.learning_rate"``.
        before: what it was; None if it was not there.
        after: what it is; None if it is there no longer.
    """

    place: str
    before: Any
    after: Any

    def __str__(self) -> str:
        """Return it as a line: ``layers.dense.activation: 'sigmoid' → 'relu'``."""
        return f"{self.place}: {self.before!r} → {self.after!r}"


@dataclass(frozen=True)
class Treatment:
    """What a treatment found, tried and changed.

    Args:
        model: the best measured model, compiled and trained: never the object that was given to
            ``treat()``, which is as it was. In ``history.treatment`` it is the model that was
            fitted.
        diagnosis: what the remedies were for.
        trials: in the order in which they were tried.
        changes: what is different in ``model``'s layers, its compilation and how it is fitted.
        code: the lines of Python that make it so.
        given_skill: on what was held back, of the model as it was given; NaN if it had no weights.
        untreated_skill: after a trial's time without a remedy; of two seeds the mean.
        noise: the standard deviation between those; NaN if nobody had to know it.
        skill: of ``model``.
        trial_epochs: how long a trial was.
        steps: how many steps were trained in all.
        planned_steps: how many the training would have had without a treatment.
        history: what the last training logged: a list for each name.
    """

    model: Any
    diagnosis: Diagnosis
    trials: Sequence[Trial]
    changes: Sequence[Change]
    code: str
    given_skill: float
    untreated_skill: float
    noise: float
    skill: float
    trial_epochs: int
    steps: int
    planned_steps: int
    history: Mapping[str, Sequence[float]]

    @classmethod
    def recalled(cls, told: Mapping[str, Any], model: Any) -> "Treatment":
        """Return the treatment that a file tells of.

        Args:
            told: what :meth:`to_dict` told, and as ``changed`` the changes by their parts.
            model: what became of the model.

        Raises:
            FileFormatError: they are something else.
        """
        numbers = ("given_skill", "untreated_skill", "noise", "skill")
        try:
            return cls(
                model=model,
                diagnosis=recalled(told["diagnosis"]["findings"], RULES),
                trials=tuple(Trial.recalled(trial) for trial in told["trials"]),
                changes=tuple(Change(*parts) for parts in told["changed"]),
                code=told["code"],
                # What was NaN is null in a file.
                **{n: math.nan if told[n] is None else float(told[n]) for n in numbers},
                **{n: int(told[n]) for n in ("trial_epochs", "steps", "planned_steps")},
                history={},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FileFormatError(
                "the treatment of the run cannot be read",
                expected="what a treatment tells",
                got=f"{type(error).__name__}: {error}",
            ) from error

    @property
    def kept(self) -> list[str]:
        """The remedies that helped."""
        return [trial.remedy for trial in self.trials if trial.kept]

    @property
    def cost(self) -> float:
        """How many times the steps of a plain training it took."""
        return self.steps / max(self.planned_steps, 1)

    def story(self) -> list[str]:
        """Return what happened, in order, a line each."""
        lines = [found(self.diagnosis, was_tried=bool(self.trials))]
        lines.append(began(self.trial_epochs, self.untreated_skill))
        lines += [str(trial.told(number)) for number, trial in enumerate(self.trials, 1)]
        if self.diagnosis.faults and not self.trials:
            lines.append(str(NOT_TRIED))
        return [*lines, self.ended(), *(f"  {change}" for change in self.changes)]

    def ended(self) -> str:
        """Return the line that tells how well the model does in the end."""
        ended = AS_GIVEN if self.is_as_given else ENDED
        return str(ended.of(skill=self.skill, given=self.given_skill))

    @property
    def is_as_given(self) -> bool:
        """Whether nothing that was trained was better than the model as it was given."""
        return not self.changes and self.skill == self.given_skill

    def __str__(self) -> str:
        """Return the story."""
        return "\n".join(self.story())

    def __rich__(self) -> Any:
        """Return the story for a terminal."""
        return Text(str(self))

    def print(self) -> None:
        """Print the story and the code."""
        Console().print(self, Text(f"\n{self.code}", "dim"))

    def to_dict(self) -> dict[str, Any]:
        """Return it as data that JSON can hold; the model is left out."""
        told = ("given_skill", "untreated_skill", "noise", "skill", "trial_epochs", "steps")
        return {
            "diagnosis": self.diagnosis.to_dict(),
            "trials": [one.to_dict() for one in self.trials],
            "changes": [str(change) for change in self.changes],
            "code": self.code,
            **{name: getattr(self, name) for name in told},
            "planned_steps": self.planned_steps,
            "cost": self.cost,
        }


def found(diagnosis: Diagnosis, *, was_tried: bool) -> str:
    """Return the line that tells what the remedies are for.

    Args:
        diagnosis: what was found.
        was_tried: whether remedies are tried; of advice they are only where too little is learnt.
    """
    if diagnosis.faults:
        return str(ILL.of(told=_codes(diagnosis.faults)))
    advised = [one for one in diagnosis.findings if one.severity == "advice"]
    if advised and was_tried:
        return str(ADVISED.of(told=_codes(advised)))
    return str(HEALTHY if was_tried else NOTHING)  # what was tried showed itself later


def _codes(findings: Iterable[Finding]) -> str:
    return ", ".join(f"{one.code} ({one.probability:.0%})" for one in findings)


def began(epochs: int, skill: float) -> str:
    """Return the line that tells how the model does as it is."""
    return str(BEGAN.of(epochs=epochs, skill=skill))


def changes(before: Setup, after: Setup) -> list[Change]:
    """Return what is different, a line for each layer and argument.

    Args:
        before: a setup.
        after: another of the same model.
    """
    different: list[Change] = []
    old, new = _layers(before), _layers(after)
    for name in dict.fromkeys((*old, *new)):
        different += _between(f"layers.{name}", old.get(name), new.get(name))
    for field in fields(Setup):
        if field.name != "layers":
            pair = (_plain(getattr(before, field.name)), _plain(getattr(after, field.name)))
            different += _between(field.name, *pair)
    return different


def _layers(setup: Setup) -> dict[str, Any]:
    if setup.layers is None:
        return {}
    described: dict[str, Any] = {}
    for layer in LayerConfigs(setup.layers).all():
        inside = ("layers", "input_layers", "output_layers", "build_input_shape", "name", "dtype")
        config = {key: value for key, value in layer["config"].items() if key not in inside}
        described[layer["config"]["name"]] = {"class": layer["class_name"], **config}
    return described


def _between(place: str, before: Any, after: Any) -> list[Change]:
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        if _is_object(before) or _is_object(after):
            if before.get("class_name") != after.get("class_name"):
                return [Change(place, _short(before), _short(after))]
            return _between(place, before["config"], after["config"])
        names = dict.fromkeys((*before, *after))
        return [
            change
            for name in names
            if name != "name"
            for change in _between(f"{place}.{name}", before.get(name), after.get(name))
        ]
    if isinstance(before, str) and _is_object_of(after, before):
        return [Change(place, before, expression(after))]  # what is new are its arguments
    return [Change(place, _short(before), _short(after))]


def _is_object_of(value: Any, name: str) -> bool:
    """Say whether data describe an object of the class that a name stands for."""
    is_object = isinstance(value, dict) and _is_object(value)
    return is_object and to_snake_case(value["class_name"]) == name


def _is_object(value: dict[str, Any]) -> bool:
    return "class_name" in value and "config" in value


def _short(value: Any) -> Any:
    """Return a described object as its class, a new layer as its class: the rest is in the code."""
    if isinstance(value, dict):
        return value.get("class_name") or value.get("class") or value
    return value


def _plain(value: Any) -> Any:
    try:
        return registry.serialize(value)
    except LatihError:
        return getattr(value, "__name__", repr(value))
