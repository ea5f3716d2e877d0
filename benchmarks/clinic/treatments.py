"""What becomes of sick programs when they are treated, and when remedies are drawn by lot."""

import contextlib
import inspect
import io
import time
import warnings
from typing import Any
from zlib import crc32

import numpy as np
from cost import capped
from data import Array, Data
from program import Program
from score import balanced_score_of
from trial import Record, described

from latih.doctor import Diagnosis, Treatment, treat
from latih.doctor.finding import Finding
from latih.doctor.remedies import REMEDIES
from latih.doctor.words import Words
from latih.errors import LatihError

MOST_TRIALS = 4
TAKEN = set(inspect.signature(treat).parameters)
"""What of a program's arguments of ``fit`` can be told to ``treat``."""


def treated(program: Program, twin: Program, seed: int, seconds: float) -> Record:
    """Return what a program reaches as it is, treated, and treated by lot, and what its twin does.

    Every other row of those held back is what the treatment judges by; on the rest all are scored.

    Args:
        program: the sick one.
        twin: the same without its illness.
        seed: of data, weights and order.
        seconds: the epochs are cut to what is guessed to take so long.
    """
    record, began = described(program, seed), time.monotonic()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            record |= _outcomes(program, twin, seed, seconds)
        except Exception as error:  # a program that breaks must not take the others with it
            record["broke"] = f"{type(error).__name__}: {error}"
    return {**record, "seconds": round(time.monotonic() - began, 2)}


def _outcomes(program: Program, twin: Program, seed: int, seconds: float) -> Record:
    treatment, reached = _treatment(program, seed, seconds)
    count = max(1, len(treatment.trials))
    lot, reached_by_lot = _treatment(program, seed, seconds, drawn(program.name, seed), count)
    return {
        "untreated": _as_it_is(program, seed, seconds),
        "twin": _as_it_is(twin, seed, seconds),
        "treated": reached,
        "by_lot": reached_by_lot,
        "cost": treatment.cost,
        "trials": [
            {"remedy": one.remedy, "finding": one.finding, "kept": one.kept, "skill": one.skill}
            for one in treatment.trials
        ],
        "lot": [{"remedy": one.remedy, "kept": one.kept} for one in lot.trials],
        "found": [one.code for one in treatment.diagnosis.faults],
    }


def _treatment(
    program: Program,
    seed: int,
    seconds: float,
    diagnosis: Diagnosis | None = None,
    trials: int = MOST_TRIALS,
) -> tuple[Treatment, float]:
    model, data = program.prepared(seed)
    shown, judging = parted_in_two(data)
    arguments = {**program.arguments(shown), "epochs": _epochs(program, model, data, seconds)}
    treatment = treat(
        model,
        **{name: value for name, value in arguments.items() if name in TAKEN},
        diagnosis=diagnosis,
        trials=trials,
        seed=seed,
    )
    return treatment, balanced_score_of(treatment.model, *judging)


def _as_it_is(program: Program, seed: int, seconds: float) -> float:
    model, data = program.prepared(seed)
    shown, judging = parted_in_two(data)
    with contextlib.suppress(LatihError):  # what is refused stays as it is
        model.fit(**{**program.arguments(shown), "epochs": _epochs(program, model, data, seconds)})
    return balanced_score_of(model, *judging)


def _epochs(program: Program, model: Any, data: Data, seconds: float) -> int:
    return capped(model, len(data.x), program.batch_size, program.epochs, seconds)


def parted_in_two(data: Data) -> tuple[Data, tuple[Array, Array]]:
    """Return data with every other row of those held back, and the rest; all where none are."""
    if data.x_val is None or data.y_val is None:
        return data, (data.x, data.y)
    shown = data.but(x_val=data.x_val[::2], y_val=data.y_val[::2])
    return shown, (data.x_val[1::2], data.y_val[1::2])


def drawn(name: str, seed: int) -> Diagnosis:
    """Return all remedies in an order that is drawn, as if each were for something found.

    Those that do not apply are passed over: a draw is of as many trials as the doctor's.
    """
    names = [one for one, remedy in REMEDIES.items() if remedy.changes]
    order = np.random.default_rng([crc32(name.encode()), seed]).permutation(len(names))
    nothing = Words("", "")
    return Diagnosis(
        [
            Finding(
                code=f"lot {place}",
                severity="fault",
                probability=1 - place / len(names),
                layer=None,
                step=None,
                evidence=(),
                remedies=(names[number],),
                name=nothing,
                cause=nothing,
                doubt=nothing,
            )
            for place, number in enumerate(order.tolist())
        ]
    )
