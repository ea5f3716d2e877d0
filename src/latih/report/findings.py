"""What the doctor found in a run, read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latih.doctor.words import Words
from latih.report.checks import read_whole, require_list, require_table
from latih.report.looks import numbers_of
from latih.report.words import clean, write_value
from latih.run_directory import RunDirectory

SEVERITIES = ("fault", "advice", "note")
MOST_FINDINGS = 40
MOST_ITEMS = 20
UNSAID = Words("", "")


@dataclass(frozen=True)
class Measured:
    """A number beside the threshold that it is judged by.

    Args:
        name: what was measured.
        value: the number; None if it is none.
        relation: how it stands to the threshold; empty if nothing is compared.
        threshold: from which number on it speaks for the illness.
    """

    name: Words
    value: float | None
    relation: str
    threshold: float | None


@dataclass(frozen=True)
class Finding:
    """An illness that was found.

    Args:
        code: its name for programs.
        severity: ``"fault"``, ``"advice"`` or ``"note"``.
        probability: how likely it is the reason, 0..1; None if that is not told.
        layer: where it begins; empty for the whole net.
        step: when it was first seen; None if that is not told.
        moment: ``"before"`` the first step, in the ``"run"`` or at the ``"end"`` it was told.
        at_step: after how many steps it was told; None if that is not told.
        evidence: the numbers that speak for it.
        name: its name for people.
        cause: why it happens.
        doubt: what would change one's mind.
        remedies: what helps, the best first.
        is_earlier: whether it was found in the training before a treatment.
    """

    code: str
    severity: str
    probability: float | None
    layer: str
    step: int | None
    moment: str
    at_step: int | None
    evidence: tuple[Measured, ...]
    name: Words
    cause: Words
    doubt: Words
    remedies: tuple[Words, ...]
    is_earlier: bool

    @property
    def place(self) -> int | None:
        """The step to mark it at; None for what is told of the training as a whole."""
        if self.step is not None:
            return self.step
        return {"before": 0, "run": self.at_step}.get(self.moment)


def read_findings(run: RunDirectory) -> tuple[Finding, ...]:
    """Read what was found.

    Args:
        run: the directory.

    Returns:
        Faults first, then advice, then notes; within each the most probable first.

    Raises:
        FileFormatError: the file is there and is not what its name promises.
    """
    file = run.findings.path
    lines = read_whole(file, run.findings.read)
    found = [_finding(content, file, f"line {n}") for n, content in enumerate(lines, start=1)]
    found.sort(key=lambda one: (SEVERITIES.index(one.severity), -(one.probability or 0.0)))
    return tuple(found[:MOST_FINDINGS])


def _finding(table: Mapping[str, Any], file: Path, where: str) -> Finding:
    words = require_table(table.get("words"), file, f"the words of {where}")
    numbers = numbers_of(table)
    probability = numbers.get("probability")
    severity = table.get("severity")
    code = clean(write_value(table.get("code")), longest=80)
    told = words_of(table.get("text"))
    return Finding(
        code=code,
        # What a later Latih may call otherwise is shown all the same.
        severity=severity if severity in SEVERITIES else "note",
        probability=None if probability is None else min(max(probability, 0.0), 1.0),
        layer="" if table.get("layer") is None else clean(write_value(table["layer"]), longest=80),
        step=_step(numbers.get("step")),
        moment=write_value(table.get("moment")),
        at_step=_step(numbers.get("at_step")),
        evidence=_evidence(table, words, file, where),
        name=words_of(words.get("name"), else_=Words(code, code)),
        cause=words_of(words.get("cause"), else_=told),
        doubt=words_of(words.get("doubt")),
        remedies=_remedies(table, words, file, where),
        is_earlier=table.get("before_treatment") is True,
    )


def _evidence(
    table: Mapping[str, Any], words: Mapping[str, Any], file: Path, where: str
) -> tuple[Measured, ...]:
    rows = require_list(table.get("evidence"), file, f"the evidence of {where}")[:MOST_ITEMS]
    named = require_list(words.get("evidence"), file, f"the words of {where}")
    found: list[Measured] = []
    for place, row in enumerate(rows):
        one = require_table(row, file, f"the evidence of {where}")
        numbers = numbers_of(one)
        relation = one.get("relation")
        found.append(
            Measured(
                name=words_of(
                    named[place] if place < len(named) else None, else_=words_of(one.get("name"))
                ),
                value=numbers.get("value"),
                relation=relation if relation in (">", "<") else "",
                threshold=numbers.get("threshold"),
            )
        )
    return tuple(found)


def _remedies(
    table: Mapping[str, Any], words: Mapping[str, Any], file: Path, where: str
) -> tuple[Words, ...]:
    names = require_list(table.get("remedies"), file, f"the remedies of {where}")
    told = require_list(words.get("remedies"), file, f"the words of {where}")
    return tuple(
        words_of(told[place] if place < len(told) else None, else_=words_of(name))
        for place, name in enumerate(names[:MOST_ITEMS])
    )


def words_of(value: object, else_: Words = UNSAID) -> Words:
    """Return what a file says in two languages, or in one.

    Args:
        value: a table of ``en`` and ``id``, or a text.
        else_: what is returned where nothing is told.

    Example:
        >>> words_of({"en": "layer", "id": "lapisan"}).id, words_of("dense").id, words_of(None).en
        ('lapisan', 'dense', '')
    """
    if isinstance(value, str):
        return Words(clean(value), clean(value))
    if not isinstance(value, dict) or not isinstance(value.get("en"), str):
        return else_
    other = value.get("id")
    return Words(clean(value["en"]), clean(other if isinstance(other, str) else value["en"]))


def _step(value: float | None) -> int | None:
    return int(value) if value is not None and 0 <= value < 2**53 else None
