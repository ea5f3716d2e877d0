"""The record of a run: its files, read and checked, before anything is drawn of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from latih.report.checks import (
    damaged,
    finite_or_none,
    is_measure,
    read_whole,
    require_list,
    require_table,
)
from latih.report.evaluation import Evaluation, check_evaluation
from latih.report.findings import Finding, read_findings
from latih.report.looks import Watch, read_watch
from latih.report.treatment import Treatment, read_treatment
from latih.report.words import clean, write_value
from latih.run_directory import FORMAT, RunDirectory


@dataclass(frozen=True)
class Epoch:
    """One line of the log.

    Args:
        number: which epoch, as the log counts.
        values: what was measured, by name; None for what was NaN or infinite.
    """

    number: int
    values: Mapping[str, float | None]


@dataclass(frozen=True)
class Seen:
    """What a doctor saw and found in one training.

    Args:
        watch: what was measured; None if no doctor looked on, or nothing of it is left.
        findings: what was found, faults first.
        epochs: the lines of that training's log.
    """

    watch: Watch | None
    findings: tuple[Finding, ...]
    epochs: tuple[Epoch, ...]


@dataclass(frozen=True)
class Record:
    """All that a run directory says.

    Args:
        tables: the tables of ``run.toml`` by name; each is a dictionary.
        layers: the rows of ``[[model.layers]]``.
        classes: the names of the classes, in their order; empty when the run names none.
        epochs: in their order, each number once.
        evaluation: on the test set.
        seen: what a doctor saw in this training; None if none looked on.
        treatment: what the doctor tried; None if nothing was.
        untreated: what was seen in the training before that; None if it is this one.
    """

    tables: Mapping[str, Mapping[str, Any]]
    layers: tuple[Mapping[str, Any], ...]
    classes: tuple[str, ...]
    epochs: tuple[Epoch, ...]
    evaluation: Evaluation
    seen: Seen | None
    treatment: Treatment | None
    untreated: Seen | None

    def table(self, name: str) -> Mapping[str, Any]:
        """Return a table of ``run.toml``; an empty one if the run wrote none."""
        return self.tables.get(name, {})

    def class_name(self, number: int) -> str:
        """Return the name of a class, or its number when the run does not name it."""
        return self.classes[number] if number < len(self.classes) else str(number)


def read_record(run: RunDirectory) -> Record:
    """Read and check all files of a run.

    Args:
        run: the directory.

    Returns:
        What they say; empty parts for what is missing.

    Raises:
        FileFormatError: a file is there and is not what its name promises.
    """
    file = run.settings_file
    settings = read_whole(file, run.read_settings)
    written = settings.pop("format", FORMAT)
    if written != FORMAT:
        raise damaged(
            file, "'format'", expected=f"{FORMAT}, which this Latih reads", got=write_value(written)
        )
    # A value outside any table is shown too: under the run, which is what it must be about.
    loose = {name: value for name, value in settings.items() if _is_loose(name, value)}
    tables = {
        name: require_table(value, file, f"the table [{clean(name)}]")
        for name, value in settings.items()
        if name not in loose
    }
    tables["run"] = {**tables.get("run", {}), **loose}
    layers = require_list(tables.get("model", {}).get("layers"), file, "[[model.layers]]")
    classes = require_list(tables.get("data", {}).get("classes"), file, "'classes' of [data]")
    epochs = _read_epochs(run)
    findings = read_findings(run)
    earlier = tuple(one for one in findings if one.is_earlier)
    later = tuple(one for one in findings if not one.is_earlier)
    return Record(
        tables=tables,
        layers=tuple(require_table(row, file, "[[model.layers]]") for row in layers),
        classes=tuple(write_value(name) for name in classes),
        epochs=epochs,
        evaluation=check_evaluation(
            read_whole(run.evaluation.path, run.evaluation.read), run.evaluation.path
        ),
        seen=_seen(read_watch(run), later, epochs),
        treatment=read_treatment(run),
        untreated=_seen(read_watch(run.untreated), earlier, _read_epochs(run.untreated)),
    )


def _seen(
    watch: Watch | None, findings: tuple[Finding, ...], epochs: tuple[Epoch, ...]
) -> Seen | None:
    return None if watch is None and not findings else Seen(watch, findings, epochs)


def _is_loose(name: str, value: object) -> bool:
    known = {"run", "versions", "data", "model", "compile", "fit"}
    return name not in known and not isinstance(value, dict)


def _read_epochs(run: RunDirectory) -> tuple[Epoch, ...]:
    file = run.log.path
    lines = read_whole(file, run.log.read)
    epochs: dict[int, Epoch] = {}
    for line, content in enumerate(lines, start=1):
        where = f"line {line}"
        number = content.get("epoch", line)
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 10**9:
            raise damaged(
                file, f"the epoch of {where}", expected="a whole number", got=write_value(number)
            )
        # What is no number (a note, a list) is no curve; a later Latih may write such.
        values = {
            clean(name, longest=80): finite_or_none(value)
            for name, value in content.items()
            if name != "epoch" and is_measure(value)
        }
        # A run that was resumed from a snapshot writes an epoch again: what came later holds.
        epochs[number] = Epoch(number, values)
    return tuple(epochs[number] for number in sorted(epochs))
