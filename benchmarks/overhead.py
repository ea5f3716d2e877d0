"""Measure what the doctor's looking on costs, and write OVERHEAD.md: ``make bench-overhead``.

Each workload of the benchmark is trained in turns without the doctor and with
``fit(doctor="watch")`` at its defaults, in one process, for the same number of epochs; what counts
is the ratio of their times within a round. The number of epochs is chosen so that a run takes about
as long as was asked.
"""

import argparse
import datetime
import statistics
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import workloads
from peers.keras_language import build
from workloads import WORKLOADS, Workload

import latih as keras

HERE = Path(__file__).parent


class TimedDoctor(keras.callbacks.Doctor):
    """A doctor at its defaults that counts the seconds it takes, first facts and last words too."""

    seconds = 0.0

    @contextmanager
    def counted(self) -> Generator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - began

    def before_training(self, training: Any) -> None:
        with self.counted():
            super().before_training(training)

    def about_to_move(self, optimizer: Any) -> None:
        with self.counted():
            super().about_to_move(optimizer)

    def after_step(self, training: Any) -> None:
        with self.counted():
            super().after_step(training)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        with self.counted():
            super().on_epoch_end(epoch, logs)

    def on_train_end(self, logs: Any = None) -> None:
        with self.counted():
            super().on_train_end(logs)


def seconds(workload: Workload, data: workloads.Data, epochs: int, doctor: Any) -> float:
    """Return how long a training takes, from the call of ``fit`` to its end."""
    keras.utils.set_random_seed(1)
    model = build(keras, workload)
    began = time.perf_counter()
    model.fit(
        data.x_train,
        data.y_train,
        batch_size=workload.batch,
        epochs=epochs,
        validation_data=(data.x_test, data.y_test),
        verbose=0,
        doctor=doctor,
    )
    return time.perf_counter() - began


def row(workload: Workload, directory: Path, wanted: float, rounds: int) -> str:
    """Return the row of a workload."""
    data = workloads.load(directory, workload, workload.images)
    seconds(workload, data, 2, "watch")  # all that a process does once
    two, six = (seconds(workload, data, epochs, False) for epochs in (2, 6))
    epochs = max(2, round(wanted / max((six - two) / 4, 1e-3)))
    alone, watched, within = list[float](), list[float](), list[float]()
    for number in range(rounds):
        # Who comes first takes turns, too: a machine is seldom as fast in the second minute.
        for is_watched in (number % 2 == 1, number % 2 == 0):
            doctor = TimedDoctor() if is_watched else False
            took = seconds(workload, data, epochs, doctor)
            (watched if is_watched else alone).append(took)
            if doctor:
                within.append(100 * doctor.seconds / took)
    more = [100 * (one / other - 1) for other, one in zip(alone, watched, strict=True)]
    cells = [
        workload.name,
        f"{epochs * workload.steps:,}",
        f"{statistics.median(within):.1f}%",
        f"{statistics.median(alone):.1f}",
        f"{statistics.median(watched):.1f}",
        f"{statistics.median(more):+.1f}%",
        f"{min(more):+.1f} to {max(more):+.1f}%",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="how long a run takes, about")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=[*WORKLOADS])
    parser.add_argument("--output", type=Path, default=HERE / "OVERHEAD.md")
    told = parser.parse_args()
    lines = [
        "# What the doctor costs",
        "",
        f"Written by `make bench-overhead` on {datetime.date.today()}: seconds of a whole `fit` "
        f'with validation after each epoch, without the doctor and with `doctor="watch"`, in '
        f"turns, runs of about {told.seconds:g} seconds; medians of {told.rounds} rounds, and of "
        "the ratios within them. *Within the doctor*: the part of the watched training that its "
        "hooks took, by that training's own clock, which other work on the machine disturbs less.",
        "",
        "| workload | steps | within the doctor | without, s | watched, s | more | rounds |",
        "|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as directory:
        workloads.write(Path(directory))
        for name in told.workloads:
            lines.append(row(WORKLOADS[name], Path(directory), told.seconds, told.rounds))
            print(lines[-1], flush=True)
    told.output.write_text("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
