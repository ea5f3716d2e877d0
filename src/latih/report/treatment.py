"""What the doctor tried on a model and changed in it, read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from latih.doctor.words import Words
from latih.report.checks import read_whole, require_list, require_table
from latih.report.findings import words_of
from latih.report.looks import numbers_of
from latih.report.words import clean, write_value
from latih.run_directory import RunDirectory

MOST_TRIALS = 40
MOST_CHANGES = 200
LONGEST_CODE = 40_000


@dataclass(frozen=True)
class Trial:
    """One remedy that was tried.

    Args:
        remedy: what was done.
        name: its name for programs.
        finding: the code of what it was for.
        skill: what was measured after it; None if nothing was.
        needed: what it had to beat.
        kept: whether it did.
        reason: why it could not be trained; empty if it could.
    """

    remedy: Words
    name: str
    finding: str
    skill: float | None
    needed: float | None
    kept: bool
    reason: str


@dataclass(frozen=True)
class Treatment:
    """A treatment.

    Args:
        trials: in the order in which they were tried.
        changes: what is different now, a line each.
        code: the lines of Python that make it so.
        is_on_advice: whether no fault was found, and what is advised was tried.
        numbers: ``given_skill``, ``untreated_skill``, ``noise``, ``skill``, ``trial_epochs``,
            ``steps``, ``planned_steps``, ``cost``: those that were measured.
    """

    trials: tuple[Trial, ...]
    changes: tuple[str, ...]
    code: str
    is_on_advice: bool
    numbers: Mapping[str, float]

    @property
    def is_as_given(self) -> bool:
        """Whether nothing that was trained was better than the model as it was given."""
        skill = self.numbers.get("skill")
        return not self.changes and skill is not None and skill == self.numbers.get("given_skill")


def read_treatment(run: RunDirectory) -> Treatment | None:
    """Read what was tried.

    Args:
        run: the directory.

    Returns:
        None if nothing was.

    Raises:
        FileFormatError: the file is there and is not what its name promises.
    """
    file = run.treatment.path
    if not file.is_file():
        return None
    table = read_whole(file, run.treatment.read)
    trials = require_list(table.get("trials"), file, "'trials'")[:MOST_TRIALS]
    changes = require_list(table.get("changes"), file, "'changes'")[:MOST_CHANGES]
    code = table.get("code")
    return Treatment(
        trials=tuple(_trial(one, file, f"trial {n}") for n, one in enumerate(trials, start=1)),
        changes=tuple(write_value(one) for one in changes),
        code=clean(code, longest=LONGEST_CODE) if isinstance(code, str) else "",
        is_on_advice=bool(trials) and _has_advice_only(table.get("diagnosis"), file),
        numbers={name: value for name, value in numbers_of(table).items() if value is not None},
    )


def _has_advice_only(diagnosis: object, file: Path) -> bool:
    table = require_table(diagnosis, file, "'diagnosis'")
    rows = require_list(table.get("findings"), file, "'findings' of 'diagnosis'")
    severities = [require_table(row, file, "a finding").get("severity") for row in rows]
    return "advice" in severities and "fault" not in severities


def _trial(value: object, file: Path, where: str) -> Trial:
    table = require_table(value, file, where)
    numbers = numbers_of(table)
    reason = table.get("reason")
    name = clean(write_value(table.get("remedy")), longest=80)
    return Trial(
        remedy=words_of(table.get("words"), else_=Words(name, name)),
        name=name,
        finding=clean(write_value(table.get("finding")), longest=80),
        skill=numbers.get("skill"),
        needed=numbers.get("needed"),
        kept=table.get("kept") is True,
        reason=clean(reason) if isinstance(reason, str) else "",
    )
