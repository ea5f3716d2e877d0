"""What every peer is asked, and the one line of JSON in which it answers."""

import argparse
import json
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from workloads import WORKLOADS, Data, Workload, load

PREDICT_TIMES, PREDICT_SECONDS = 5, 1.5
"""Predicted so often, or once that long has gone by."""


@dataclass(frozen=True)
class Task:
    """What a process is to train."""

    workload: Workload
    data: Data
    epochs: int
    batch: int
    seed: int
    bf16: bool
    variant: str
    started: float


def task() -> Task:
    """Read the command line, and the data."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--data", type=Path, required=True, help="where workloads.py wrote")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--steps", type=int, help="steps an epoch, if not the workload's")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--bf16", action="store_true", help="compute in bfloat16 where one may")
    parser.add_argument("--variant", default="", help="of those that the peer's file knows")
    parser.add_argument("--started", type=float, default=time.time(), help="time.time() at start")
    told = parser.parse_args()
    workload = WORKLOADS[told.workload]
    images = workload.batch * (told.steps or workload.steps)
    return Task(
        workload=workload,
        data=load(told.data, workload, images),
        epochs=told.epochs or workload.epochs,
        batch=workload.batch,
        seed=told.seed,
        bf16=told.bf16,
        variant=told.variant,
        started=told.started,
    )


class Epochs:
    """A clock that a peer's own training calls as each epoch ends, within one ``fit``."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.ends: list[float] = []
        self.cold_start = 0.0

    def ended(self) -> None:
        """Note the time."""
        self.ends.append(time.perf_counter())
        if len(self.ends) == 1:
            self.cold_start = time.time() - self.task.started

    def report(self, loss: float, accuracy: float, predict: Callable[[], np.ndarray]) -> None:
        """Print the figures.

        Args:
            loss: the mean over the last epoch's batches, as they were trained on.
            accuracy: of the same.
            predict: gives the probabilities or logits of the test images.
        """
        # Linux counts in KiB.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        data = self.task.data
        hits = predict().argmax(-1) == data.y_test
        predicting = []
        while len(predicting) < PREDICT_TIMES and sum(predicting) < PREDICT_SECONDS:
            began = time.perf_counter()
            predict()
            predicting.append(time.perf_counter() - began)
        seconds = [
            later - earlier for earlier, later in zip(self.ends, self.ends[1:], strict=False)
        ]
        steps = len(data.x_train) // self.task.batch
        figures = {
            "epoch_seconds": seconds,
            "microseconds_a_step": min(seconds) / steps * 1e6,
            "cold_start_seconds": self.cold_start,
            "predict_microseconds_per_1000": min(predicting) / len(data.x_test) * 1e9,
            "peak_megabytes": peak,
            "loss": float(loss),
            "accuracy": float(accuracy),
            "test_accuracy": float(hits.mean()),
        }
        print(json.dumps(figures), flush=True)
