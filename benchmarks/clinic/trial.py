"""One run of one program under the doctor's eyes, as data that JSON can hold."""

import contextlib
import io
import math
import time
import warnings
from collections.abc import Mapping
from typing import Any

from cost import capped
from program import Program
from score import score_of

from latih import callbacks
from latih.callbacks import Doctor
from latih.doctor import Diagnosis, Evidence
from latih.errors import LatihError

Record = dict[str, Any]

PATIENCE = 4.0
"""A run may take so many times the seconds that it was given, then it is ended and said so."""


class Alarm(callbacks.Callback):
    """Ends a run after some seconds, between two epochs or within one."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.rang = False
        self.began = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if time.monotonic() - self.began > self.seconds:
            self.rang = True
            self.model.stop_training = True


def run(program: Program, seed: int, seconds: float, share: float) -> Record:
    """Return what came of a run.

    Args:
        program: to run.
        seed: of data, weights and order.
        seconds: the epochs are cut to what is guessed to take so long.
        share: how much of the training's time the doctor's looks may take; with 1 what is seen
            does not depend on the machine.
    """
    record = described(program, seed)
    began = time.monotonic()
    doctor = Doctor(share=share)
    told = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(told):
        warnings.simplefilter("ignore")
        try:
            record |= trained(program, seed, seconds, doctor)
        except LatihError as error:
            record["refused"] = str(error)
        except Exception as error:  # a program that breaks must not take the others with it
            record["broke"] = f"{type(error).__name__}: {error}"
    record["seconds"] = round(time.monotonic() - began, 2)
    record |= seen(doctor.diagnosis, doctor.evidence)
    return record


def described(program: Program, seed: int) -> Record:
    """Return what is known of a run before it begins."""
    return {
        "name": program.name,
        "origin": program.origin,
        "confidence": program.confidence,
        "seed": seed,
        "codes": list(program.codes),
        "labels": {label: list(codes) for label, codes in program.labels.items()},
        "enough": program.enough,
        "remarks": list(program.remarks),
        "planned": program.epochs,
    }


def trained(program: Program, seed: int, seconds: float, listener: callbacks.Callback) -> Record:
    """Train a program while somebody listens, and return what it reached."""
    model, data = program.prepared(seed)
    epochs = capped(model, len(data.x), program.batch_size, program.epochs, seconds)
    alarm = Alarm(PATIENCE * seconds)
    arguments = {**program.arguments(data), "epochs": epochs}
    history = model.fit(**arguments, callbacks=[alarm, listener])
    reached = score_of(model, data)
    return {
        "epochs": len(history.epoch),
        "capped": epochs < program.epochs,
        "stopped": alarm.rang,
        "score": reached if math.isfinite(reached) else None,
        "is_sick": program.is_sick
        and (program.sick_below is None or not reached >= program.sick_below),
        "is_decent": program.enough is None or reached >= program.enough,
    }


def seen(diagnosis: Diagnosis, evidence: Evidence) -> Record:
    """Return what the doctor said and saw, as a part of a record."""
    return {
        "findings": [finding.to_dict() for finding in diagnosis.findings],
        "evidence": evidence.to_dict(),
    }
