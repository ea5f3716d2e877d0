"""What was seen of one training, what it means, what was told: kept, and written down."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from latih.doctor.diagnosis import Diagnosis, diagnose
from latih.doctor.evidence import Evidence
from latih.doctor.finding import Finding
from latih.doctor.look_records import Check, NotFinite
from latih.doctor.remedies import REMEDIES
from latih.doctor.rule import Rule
from latih.errors import InputError, LatihWarning, UnwritableError
from latih.run_directory import RunDirectory

When = Literal["before", "run", "end"]
"""Before the first step, between two, or after the last."""


class Casebook:
    """Keeps the evidence of a training, and asks the rules what it means.

    Args:
        rules: the illnesses that are known.

    Example:
        >>> book = Casebook([])
        >>> book.judge("end", 0), str(book.diagnosis)
        ([], 'No fault found.')
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        self.evidence = Evidence()
        self.diagnosis = Diagnosis([])
        self.run: RunDirectory | None = None
        """Where it is written down; None for nowhere."""
        self.earlier: Sequence[Mapping[str, Any]] = ()
        """What was told of a training before this one, which it follows."""
        self._suspected: list[str] = []
        self._told: list[dict[str, Any]] = []

    @property
    def told(self) -> Sequence[Mapping[str, Any]]:
        """What was told of this training, as it is written down."""
        return tuple(self._told)

    def begin(self) -> None:
        """Begin the files, with what was seen and told before."""
        self._write(lambda run: run.findings.start([*self.earlier, *self._told]))
        self._write(lambda run: run.layers.start(self.evidence.to_dict()["checks"]))
        self._write_facts()

    def note(self, check: Check) -> None:
        """Keep a look."""
        self.evidence.checks.append(check)
        alone = Evidence(checks=[check])
        self._write(lambda run: run.layers.append(alone.to_dict()["checks"][0]))

    def note_not_finite(self, found: NotFinite | None) -> None:
        """Keep where a number was none, if it is the first place."""
        if found is not None and self.evidence.not_finite is None:
            self.evidence.not_finite = found
            self._write_facts()

    def note_epoch(self, logs: Mapping[str, Any]) -> None:
        """Keep the numbers that an epoch logged."""
        numbers = (int, float)
        told = {name: float(value) for name, value in logs.items() if isinstance(value, numbers)}
        self.evidence.epochs.append(told)

    def end(self, *, is_over: bool) -> None:
        """Note that nothing comes any more.

        Args:
            is_over: whether the training has ended, and was not broken off.
        """
        self.evidence.ended = is_over
        self._write_facts()

    def judge(self, when: When, step: int, *, at_once: bool = False) -> list[Finding]:
        """Ask the rules, and return the faults that are to be told now.

        They are those that the judgement before has found too, and that were not told yet.

        Args:
            when: it is.
            step: how many steps were done.
            at_once: whether a fault need not be found twice.
        """
        self.diagnosis = diagnose(self.evidence, self.rules)
        faults = self.diagnosis.faults
        due = [one for one in faults if at_once or one.code in self._suspected]
        new = [one for one in due if one.code not in self._known]
        self._suspected = [one.code for one in faults]
        rest = self.diagnosis.findings if when == "end" else ()
        for finding in (*new, *rest):
            if finding.code not in self._known:
                self._record(finding, when, step)
        return new

    @property
    def _known(self) -> set[str]:
        return {record["code"] for record in self._told}

    def _record(self, finding: Finding, when: When, step: int) -> None:
        record = record_of(finding, when, step)
        self._told.append(record)
        self._write(lambda run: run.findings.append(record))

    def _write_facts(self) -> None:
        """Write what is known beside the looks and the log, which have files of their own."""

        def write(run: RunDirectory) -> None:
            rest = replace(self.evidence, checks=[], epochs=[]).to_dict()
            run.facts.write({name: rest[name] for name in rest if name not in ("checks", "epochs")})

        self._write(write)

    def _write(self, write: Callable[[RunDirectory], None]) -> None:
        if self.run is None:
            return
        try:
            write(self.run)
        except UnwritableError as error:
            warnings.warn(f"{error} The training goes on.", LatihWarning, stacklevel=3)

    # Its state

    def state_dict(self) -> dict[str, Any]:
        """Return what was seen and told, as data that JSON can hold."""
        return {
            "evidence": self.evidence.to_dict(),
            "suspected": list(self._suspected),
            "told": list(self._told),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`state_dict` gave.

        Raises:
            InputError: it is something else.
        """
        if set(state) != {"evidence", "suspected", "told"}:
            raise InputError(
                "the state is not one of a doctor",
                expected="evidence, suspected, told",
                got=", ".join(map(str, state)) or "nothing",
            )
        self.evidence = Evidence.from_dict(state["evidence"])
        self.diagnosis = diagnose(self.evidence, self.rules)
        self._suspected, self._told = list(state["suspected"]), list(state["told"])


def record_of(finding: Finding, when: When, step: int | None) -> dict[str, Any]:
    """Return a finding as a line of ``findings.jsonl``, for the page, which knows no rule.

    Args:
        finding: the finding.
        when: it was told.
        step: after how many steps; None if that is not known.
    """
    words = {
        "name": finding.name.to_dict(),
        "cause": finding.cause.to_dict(),
        "doubt": finding.doubt.to_dict(),
        "evidence": [one.name.to_dict() for one in finding.evidence],
        "remedies": [REMEDIES[name].words.to_dict() for name in finding.remedies],
    }
    return {"moment": when, "at_step": step, **finding.to_dict(), "words": words}
