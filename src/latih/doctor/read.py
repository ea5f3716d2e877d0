"""A diagnosis of a run that was written down, from its files alone."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from latih.doctor.diagnosis import Diagnosis, diagnose
from latih.doctor.evidence import Evidence
from latih.doctor.finding import SEVERITIES, Finding
from latih.doctor.remedies import REMEDIES
from latih.doctor.rules import RULES
from latih.doctor.words import Words
from latih.errors import FileFormatError
from latih.json_files import damaged
from latih.run_directory import RunDirectory

NOT_MEASURED = ("epoch", "learning_rate", "seconds", "samples_per_second")
"""What a line of the log holds beside the numbers that the epoch logged."""


def read(run_dir: str | os.PathLike[str]) -> Diagnosis:
    """Say what ailed a run, or ails one under way, by what it has written down.

    The rules are asked anew, those of this release: of facts, looks and the log they make what the
    run's own doctor made of them in the end. Of a run that no doctor looked at, the curves of its
    log are all there is: only overfitting shows in them, and ``is_watched`` is False. What was
    found otherwise, as in a fine-tuning, is given back as it was told.

    Args:
        run_dir: the directory that was given as ``run_dir=`` or ``--run-dir``.

    Returns:
        The findings, the most probable first.

    Raises:
        FileFormatError: it is no run directory, or one of its files is damaged.

    Example:
        >>> import tempfile
        >>> from latih.layers import Dense, Input
        >>> from latih.models import Sequential
        >>> model = Sequential([Input([1]), Dense(1, "sigmoid")])
        >>> model.compile("sgd", "mse")
        >>> run = tempfile.mkdtemp()
        >>> x, y = [[number / 50] for number in range(100)], [number / 5 for number in range(100)]
        >>> history = model.fit(x, y, verbose=0, doctor="watch", run_dir=run)
        >>> read(run).to_dict() == history.diagnosis.to_dict()
        True
    """
    run = RunDirectory.open(run_dir)
    known = run.facts.read()
    told = [] if known else run.findings.read()
    if told:
        return _recalled(run, told)
    try:
        return replace(diagnose(_evidence_of(run, known), RULES), is_watched=bool(known))
    except FileFormatError:
        raise
    except Exception as error:  # a file may hold anything, and a rule takes it for numbers
        raise damaged(
            run.facts.path, "what the doctor has seen", f"{type(error).__name__}: {error}"
        ) from error


def _recalled(run: RunDirectory, told: Sequence[Mapping[str, Any]]) -> Diagnosis:
    """Return what was found by other means than facts and looks."""
    try:
        return Diagnosis([_finding(one) for one in told])
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # a file may hold anything
        raise damaged(
            run.findings.path, "what was found", f"{type(error).__name__}: {error}"
        ) from error


def _finding(told: Mapping[str, Any]) -> Finding:
    names = {name: Words(**told["words"][name]) for name in ("name", "cause", "doubt")}
    found = Finding.recalled(told, **names)
    if found.severity not in SEVERITIES or not set(found.remedies) <= set(REMEDIES):
        raise ValueError("a severity or a remedy that there is not")
    return found


def _evidence_of(run: RunDirectory, known: Mapping[str, Any]) -> Evidence:
    epochs = [_measured(line) for line in run.log.read()]
    if not known:
        return _evidence_of_log(run.read_settings(), epochs)
    return Evidence.from_dict({**known, "checks": run.layers.read(), "epochs": epochs})


def _evidence_of_log(
    settings: Mapping[str, Any], epochs: Sequence[Mapping[str, float]]
) -> Evidence:
    """Return the little that a run without a doctor says."""
    run, fit = (settings.get(name) or {} for name in ("run", "fit"))
    told = {"epochs": fit.get("epochs", 1), "batch_size": fit.get("batch_size")}
    has_ended = run.get("stopped") is not None
    return Evidence.from_dict({"facts": told, "epochs": epochs, "ended": has_ended})


def _measured(line: Mapping[str, Any]) -> dict[str, float]:
    # NaN and infinities stand there as null.
    return {
        name: math.nan if value is None else float(value)
        for name, value in line.items()
        if name not in NOT_MEASURED and isinstance(value, int | float | None)
    }
