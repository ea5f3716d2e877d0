"""From what was said and what is so: detection, cause, labels, false alarms, with intervals."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from judging import faults_of
from labels import refused_as
from trial import Record

NORMAL = 1.959963984540054
"""The deviations between which 95% of a normal distribution lies."""


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        """The share; NaN of none."""
        return self.hits / self.of if self.of else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Between which the true share lies with 95% confidence.

        Reference: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
        Journal of the American Statistical Association 22 (1927), 209-212.
        """
        if not self.of:
            return 0.0, 1.0
        n, z2 = self.of, NORMAL**2
        centre = (self.value + z2 / (2 * n)) / (1 + z2 / n)
        spread = self.value * (1 - self.value) / n + z2 / (4 * n * n)
        half = NORMAL * math.sqrt(spread) / (1 + z2 / n)
        return max(0.0, centre - half), min(1.0, centre + half)

    def __str__(self) -> str:
        if not self.of:
            return "none"
        least, most = self.interval
        return f"{self.value:.1%} ({self.hits}/{self.of}; {least:.0%} to {most:.0%})"


def said(record: Record) -> list[tuple[str, ...]]:
    """Return what was named, the first first: each a code, or the codes that a refusal may mean.

    What was told on the way counts where nothing is left of it in the end.
    """
    if record.get("refused"):
        codes = refused_as(record["refused"])
        return [codes] if codes else []
    return [(code,) for code in faults_of(record) or record.get("told", {})]


def is_detected(record: Record) -> bool:
    """Whether a fault was told, or the program refused for a fault of its own."""
    if record.get("refused"):
        return bool({*refused_as(record["refused"])} & {*record["codes"]})
    return bool(said(record))


def is_named(record: Record, among: int) -> bool:
    """Whether one of the first faults that were told is one that the program has."""
    wanted = {*record["codes"]}
    return any(wanted & {*codes} for codes in said(record)[:among])


def is_in_time(record: Record, least: int = 200, part: float = 0.05) -> bool:
    """Whether a fault that the program has was told before so many steps, or in the first part."""
    facts = record["evidence"]["facts"]
    steps = (facts["steps"] or 0) * facts["epochs"]
    told = [step for code, step in record.get("told", {}).items() if code in record["codes"]]
    return bool(record.get("refused")) or min(told, default=math.inf) <= max(least, part * steps)


def is_false_alarm(record: Record) -> bool:
    """Whether a healthy program was called sick, in the end or on the way."""
    return bool(said(record))


def share(values: Iterable[bool]) -> Share:
    """Return how many of them are true."""
    given = list(values)
    return Share(sum(given), len(given))


def label_recall(records: Sequence[Record]) -> Share:
    """Return how many of the published labels were named, of those that have a code."""
    hits = total = 0
    for record in records:
        named = {code for codes in said(record)[:3] for code in codes}
        for meanings in record.get("labels", {}).values():
            total += 1
            hits += bool(named & {*meanings})
    return Share(hits, total)


def label_precision(records: Sequence[Record]) -> Share:
    """Return how many of the faults that were told are among the published labels."""
    told = [(record, codes) for record in records for codes in said(record)[:3]]
    return share(bool({*codes} & {*record["codes"]}) for record, codes in told)
