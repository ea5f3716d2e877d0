"""What the doctor says in the end: the findings, the most probable first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text

from latih.doctor.evidence import Evidence
from latih.doctor.finding import Finding
from latih.doctor.remedies import REMEDIES
from latih.doctor.rule import Rule
from latih.doctor.words import Words

MOST = 3
"""So many faults are told: who gets a list of twelve mends nothing."""

COLOURS = {"fault": "red", "advice": "yellow", "note": "blue"}
HEALTHY = Words("No fault found.", "Tidak ada yang salah.")
UNWATCHED = Words(
    "No doctor watched this run. By the curves of its log alone only overfitting can be seen, "
    "where there is a validation loss, and none is; what else may ail it nobody knows. Train "
    'with doctor="watch", as latih train does, or try its model: latih doctor MODEL DATA.',
    "Tidak ada dokter yang mengamati latihan ini. Dari kurva lognya saja hanya overfitting yang "
    "bisa terlihat, bila ada loss validasi, dan itu tidak terlihat; selebihnya tidak diketahui. "
    'Latih dengan doctor="watch", bawaan latih train, atau coba modelnya: latih doctor MODEL DATA.',
)
UNWATCHED_AND_ILL = Words(
    "No doctor watched this run: it is judged by the curves of its log alone, in which other "
    "faults do not show.",
    "Tidak ada dokter yang mengamati latihan ini: dinilai dari kurva lognya saja, yang tidak bisa "
    "menunjukkan gangguan lain.",
)
TITLES = {
    "fault": Words("fault", "gangguan"),
    "advice": Words("advice", "saran"),
    "note": Words("note", "catatan"),
}
LABELS = {
    "why": Words("Why", "Sebab"),
    "seen": Words("Seen", "Terlihat"),
    "try": Words("Try", "Coba"),
    "unless": Words("Unless", "Kecuali"),
    "step": Words("step", "langkah"),
}


@dataclass(frozen=True)
class Diagnosis:
    """The findings of all rules.

    Args:
        findings: faults first, then advice, then notes; within each the most probable first.
        is_watched: whether a doctor looked on; without one there are only the curves of a log.

    Example:
        >>> diagnosis = Diagnosis([])
        >>> diagnosis.is_healthy, str(diagnosis)
        (True, 'No fault found.')
    """

    findings: Sequence[Finding]
    is_watched: bool = True

    @property
    def faults(self) -> list[Finding]:
        """The findings that say that something is wrong."""
        return [one for one in self.findings if one.severity == "fault"]

    @property
    def is_healthy(self) -> bool:
        """Whether no fault was found; advice there may be, and perhaps nobody looked."""
        return not self.faults

    @property
    def cause(self) -> Finding | None:
        """The most probable fault; None if there is none."""
        return self.faults[0] if self.faults else None

    def to_dict(self) -> Mapping[str, Any]:
        """Return it as data that JSON can hold."""
        return {
            "healthy": self.is_healthy,
            "watched": self.is_watched,
            "findings": [finding.to_dict() for finding in self.findings],
        }

    def __str__(self) -> str:
        """Return three lines for each finding: what and when, the numbers, what helps."""
        return "\n".join([*map(_lines, self.findings), *self._remarks()])

    def __rich__(self) -> Any:
        """Return a card for each finding, for a terminal."""
        colour = "green" if self.is_watched else "yellow"
        return Group(*map(_card, self.findings), *(Text(told, colour) for told in self._remarks()))

    def _remarks(self) -> list[str]:
        """Return what is to be said beside the findings, or in the place of them."""
        if self.is_watched:
            return [] if self.findings else [str(HEALTHY)]
        return [str(UNWATCHED_AND_ILL if self.findings else UNWATCHED)]

    def print(self) -> None:
        """Print a card for each finding."""
        Console().print(self)


def diagnose(evidence: Evidence, rules: Iterable[Rule]) -> Diagnosis:
    """Ask all rules, and put what they found in order.

    One cause often shows in several ways: of the faults the :data:`MOST` most probable are told,
    and each illness once, where it was seen first.

    Args:
        evidence: what was seen.
        rules: the illnesses that are known; earlier ones go first where the probability is equal.
    """
    found: list[Finding] = []
    for one in rules:
        signs = sorted(one(evidence), key=attrgetter("rank"))
        found += signs[:1]
    found.sort(key=attrgetter("rank"))
    if any(one.severity == "fault" and not one.is_last_resort for one in found):
        found = [one for one in found if not one.is_last_resort]
    faults = [one for one in found if one.severity == "fault"]
    return Diagnosis([*faults[:MOST], *(one for one in found if one.severity != "fault")])


def recalled(records: Iterable[Mapping[str, Any]], rules: Iterable[Rule]) -> Diagnosis:
    """Return the findings that :meth:`Finding.to_dict` told; those of unknown rules are left out.

    Args:
        records: the data.
        rules: the illnesses that are known.
    """
    known = {rule.code: rule for rule in rules}
    return Diagnosis(
        [
            Finding.recalled(record, rule.name, rule.cause, rule.doubt)
            for record in records
            if (rule := known.get(record["code"])) is not None
        ]
    )


def _lines(finding: Finding) -> str:
    when = "" if finding.step is None else f", {LABELS['step']} {finding.step}"
    title = f"{TITLES[finding.severity]} {finding.code} {finding.probability:.0%}{when}"
    seen = "; ".join(map(str, finding.evidence))
    lines = [f"{title}: {finding.text}", *([f"  {LABELS['seen']}: {seen}"] if seen else [])]
    helps = " ".join(_numbered(finding))
    return "\n".join([*lines, *([f"  {LABELS['try']}: {helps}"] if helps else [])])


def _numbered(finding: Finding) -> list[str]:
    return [f"{n}. {REMEDIES[name].words}" for n, name in enumerate(finding.remedies, 1)]


def _card(finding: Finding) -> Panel:
    colour = COLOURS[finding.severity]
    lines = [str(finding.cause), "", f"{LABELS['seen']}:"]
    lines += [f"  {measured}" for measured in finding.evidence]
    lines += [f"{LABELS['try']}:"]
    lines += [f"  {told}" for told in _numbered(finding)]
    lines += [f"{LABELS['unless']}: {finding.doubt}"]
    where = [finding.layer] if finding.layer else []
    where += [f"{LABELS['step']} {finding.step}"] if finding.step is not None else []
    title = f"{finding.name} ({finding.code}), {finding.probability:.0%}"
    return Panel(
        Text("\n".join(lines)),
        title=Text(f"{TITLES[finding.severity]}: {title}", f"bold {colour}"),
        subtitle=Text(", ".join(where)) if where else None,
        border_style=colour,
        title_align="left",
    )
