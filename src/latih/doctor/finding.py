"""What a rule has found: the illness, where, how sure, by which numbers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from latih.doctor.words import Words

Severity = Literal["fault", "advice", "note"]
"""``fault``: a mechanism and a bad outcome, or a contradiction; ``advice``: only one of them."""

SEVERITIES: Sequence[Severity] = ("fault", "advice", "note")


@dataclass(frozen=True)
class Measured:
    """A number beside the threshold that it is judged by.

    Args:
        name: what was measured.
        value: the number.
        relation: how it stands to the threshold, ``">"`` or ``"<"``; ``""`` if nothing is compared.
        threshold: the number from which on it speaks for the illness.
    """

    name: Words
    value: float
    relation: Literal[">", "<", ""] = ""
    threshold: float | None = None

    @classmethod
    def recalled(cls, told: Mapping[str, Any]) -> "Measured":
        """Return what :meth:`to_dict` told; its name is known in English only."""
        value = math.nan if told["value"] is None else float(told["value"])
        name = Words(str(told["name"]), str(told["name"]))
        return cls(name, value, told["relation"], told["threshold"])

    @property
    def holds(self) -> bool:
        """Whether it speaks for the illness; a number that is not compared tells how things are."""
        if self.threshold is None or not self.relation:
            return True
        return self.value > self.threshold if self.relation == ">" else self.value < self.threshold

    def __str__(self) -> str:
        """Return it as it stands on a card: ``share of dead units: 0.83 (> 0.5)``."""
        told = f"{self.name}: {self.value:.3g}"
        return told if self.threshold is None else f"{told} ({self.relation} {self.threshold:g})"

    def to_dict(self) -> dict[str, Any]:
        """Return it as data."""
        return {
            "name": self.name.en,
            "value": float(self.value),
            "relation": self.relation,
            "threshold": self.threshold,
        }


@dataclass(frozen=True)
class Sign:
    """What a rule's check saw; the rule makes a finding of it.

    Args:
        severity: ``"fault"``, ``"advice"`` or ``"note"``.
        probability: how likely the illness is the reason for what is seen, 0..1.
        measured: the numbers that speak for it.
        layer: where it begins; None for the whole net.
        step: when it was first seen; None before training.
        remedies: what helps against this sign of it; None for all that the rule knows.
        is_last_resort: whether it is told only where no other fault is.
    """

    severity: Severity
    probability: float
    measured: Sequence[Measured]
    layer: str | None = None
    step: int | None = None
    remedies: Sequence[str] | None = None
    is_last_resort: bool = False


@dataclass(frozen=True, repr=False)
class Finding:
    """An illness, named.

    Args:
        code: its name for programs, such as ``"dying-relu"``.
        severity: ``"fault"``, ``"advice"`` or ``"note"``.
        probability: how likely it is the reason for what is seen, 0..1.
        layer: where it begins; None for the whole net.
        step: when it was first seen; None before training.
        evidence: the numbers, each beside its threshold.
        remedies: what helps, the best first, as names in :data:`latih.doctor.remedies.REMEDIES`.
        name: its name for people.
        cause: why it happens.
        doubt: what would change one's mind.
        is_last_resort: whether it is told only where no other fault is.
    """

    code: str
    severity: Severity
    probability: float
    layer: str | None
    step: int | None
    evidence: Sequence[Measured]
    remedies: Sequence[str]
    name: Words
    cause: Words
    doubt: Words
    is_last_resort: bool = False

    @classmethod
    def recalled(
        cls, told: Mapping[str, Any], name: Words, cause: Words, doubt: Words
    ) -> "Finding":
        """Return the finding that :meth:`to_dict` told.

        Args:
            told: the data.
            name: what the illness is called.
            cause: why it happens.
            doubt: what would change one's mind.
        """
        return cls(
            **{field: told[field] for field in ("code", "severity", "layer", "step", "remedies")},
            probability=float(told["probability"]),
            evidence=tuple(Measured.recalled(one) for one in told["evidence"]),
            name=name,
            cause=cause,
            doubt=doubt,
        )

    @property
    def rank(self) -> tuple[int, float, int]:
        """What findings are sorted by: the worst first, and of such the most probable."""
        first = self.step if self.step is not None else -1
        return SEVERITIES.index(self.severity), -self.probability, first

    @property
    def text(self) -> str:
        """What it is and where, in one line."""
        where = f" ({self.layer})" if self.layer else ""
        return f"{self.name}{where}: {self.cause}"

    def __repr__(self) -> str:
        """Return what it is, how sure, where and when; the rest has names."""
        told = [repr(self.code), repr(self.severity), f"{self.probability:.2f}"]
        told += [] if self.layer is None else [f"layer={self.layer!r}"]
        told += [] if self.step is None else [f"step={self.step}"]
        return f"Finding({', '.join(told)})"

    def to_dict(self) -> Mapping[str, Any]:
        """Return it as data that JSON can hold."""
        return {
            "code": self.code,
            "severity": self.severity,
            "probability": round(self.probability, 3),
            "layer": self.layer,
            "step": self.step,
            "evidence": [one.to_dict() for one in self.evidence],
            "remedies": list(self.remedies),
            "text": self.text,
        }
