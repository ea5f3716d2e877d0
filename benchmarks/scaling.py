"""Measure how the time of a step grows, and write SCALING.md: ``make bench-scaling``.

One of depth, width, batch and number of samples grows at a time, the others stand still. Beside the
time stands the arithmetic of a step, and its floor: what the bare kernels take that do this
arithmetic, gathering from as many samples included. A step whose time grows more than a quarter
faster than its floor is flagged. Each row is the best of several processes; the data are generated.
"""

import argparse
import datetime
import itertools
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent
EPOCHS = 4
LEAST_SECONDS_AN_EPOCH = 0.3
TOLERANCE = 1.25
CLASSES = 10


@dataclass(frozen=True)
class Net:
    """A net of equal dense ReLU layers, and what it is fed.

    Args:
        depth: hidden layers.
        width: units of each.
        batch: samples a step.
        samples: how many there are; None is as many as a fair epoch needs.
        features: of a sample.
    """

    depth: int
    width: int
    batch: int
    samples: int | None = None
    features: int = 784

    @property
    def sizes(self) -> list[int]:
        """Of the input and of every layer's output."""
        return [self.features, *[self.width] * self.depth, CLASSES]

    @property
    def arithmetic(self) -> float:
        """The floating-point operations of a step.

        Two for each sample and weight in the forward pass, and as many for each of the two
        gradients, of which the first layer has one; twelve for each parameter in Adam; four for
        each unit and sample in activations and their gradients.
        """
        pairs = [*itertools.pairwise(self.sizes)]
        weights = sum(inputs * units for inputs, units in pairs)
        first = pairs[0][0] * pairs[0][1]
        products = 2 * self.batch * (3 * weights - first)
        parameters = weights + sum(self.sizes[1:])
        return products + 12 * parameters + 4 * self.batch * sum(self.sizes[1:])

    @property
    def samples_of_an_epoch(self) -> int:
        """As said, or of 300 steps, or of fewer where a step is large."""
        return self.samples or self.batch * max(6, min(300, int(2e10 / self.arithmetic)))


TABLES = {
    "depth": [Net(depth, 100, 32) for depth in (1, 2, 5, 10, 20, 50, 100, 200)],
    "width": [Net(3, width, 128) for width in (32, 64, 128, 256, 512, 1024, 2048, 4096)],
    "batch": [Net(2, 300, batch) for batch in (8, 16, 32, 64, 128, 256, 512, 1024)],
    "samples": [Net(2, 32, 250, 10**power, features=8) for power in range(3, 8)],
}
MEANING = {
    "depth": "Hidden layers of 100 units, ReLU, 784 inputs, batch 32.",
    "width": "Units of each of three hidden layers, ReLU, 784 inputs, batch 128.",
    "batch": "Samples a step; two hidden layers of 300, ReLU, 784 inputs.",
    "samples": "Samples an epoch; two hidden layers of 32, ReLU, 8 inputs, batch 250.",
}


def measure(net: Net) -> float:
    """Return the microseconds of a step of the best epoch from the second on, in one ``fit``."""
    # The process that starts the others has no need of them.
    import numpy as np

    import latih as keras

    samples = net.samples_of_an_epoch
    draw = np.random.default_rng(42)
    x = draw.random((samples, net.features), dtype="float32")
    y = draw.integers(0, CLASSES, samples)
    keras.utils.set_random_seed(42)
    hidden = [
        keras.layers.Dense(net.width, activation="relu", kernel_initializer="he_normal")
        for _ in range(net.depth)
    ]
    output = keras.layers.Dense(CLASSES, activation="softmax")
    model = keras.Sequential([keras.Input([net.features]), *hidden, output])
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    ends: list[float] = []

    class Clock(keras.callbacks.Callback):
        """It listens to epochs, and stops once enough of them were long enough."""

        def on_epoch_end(self, epoch, logs=None):
            ends.append(time.perf_counter())
            enough = EPOCHS * LEAST_SECONDS_AN_EPOCH
            if len(ends) > EPOCHS and ends[-1] - ends[0] > enough:
                self.model.stop_training = True

    model.fit(x, y, batch_size=net.batch, epochs=200, callbacks=[Clock()], verbose=0)
    best = min(later - earlier for earlier, later in itertools.pairwise(ends))
    return best / (samples // net.batch) * 1e6


def measure_floor(net: Net) -> float:
    """Return the microseconds of the bare kernels of a step."""
    import floor
    from workloads import Dense, Workload

    class Generated(Workload):
        """Its samples are numbers, and no images."""

        @property
        def input_shape(self) -> tuple[int, ...]:
            return (net.features,)

    layers = (*[Dense(net.width, "relu")] * net.depth, Dense(CLASSES))
    steps = net.samples_of_an_epoch // net.batch
    workload = Generated("generated", "", layers, net.batch, steps, epochs=1)
    return floor.figures(workload)["microseconds_a_step"]


MEASURES = {"fit": measure, "floor": measure_floor}


def in_a_process(what: str, net: Net) -> float:
    command = [sys.executable, __file__, "--measure", what, "--net", json.dumps(asdict(net))]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def rows(
    name: str, nets: list[Net], times: list[float], floors: list[float]
) -> tuple[list[str], list[str]]:
    """Return the table's rows, and what grew faster than its floor."""
    lines, flagged = [], []
    for number, (net, microseconds) in enumerate(zip(nets, times, strict=True)):
        growth = ["", "", "", ""]
        if number:
            time_grew = microseconds / times[number - 1]
            arithmetic_grew = net.arithmetic / nets[number - 1].arithmetic
            floor_grew = floors[number] / floors[number - 1]
            too_fast = time_grew > TOLERANCE * floor_grew
            growth = [f"{grew:.2f}" for grew in (time_grew, arithmetic_grew, floor_grew)]
            growth.append("**yes**" if too_fast else "")
            if too_fast:
                flagged.append(
                    f"{name} {getattr(nets[number - 1], name):,} → {getattr(net, name):,}"
                )
        gigaflops = net.arithmetic / microseconds / 1e3
        cells = [
            f"{getattr(net, name):,}",
            f"{microseconds:,.0f}",
            f"{net.arithmetic / 1e6:,.2f}",
            f"{gigaflops:,.1f}",
            f"{floors[number]:,.0f}",
            f"{microseconds / floors[number]:.2f}",
            *growth,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines, flagged


Taken = dict[str, dict[str, list[float]]]
"""By what was measured and by table: the best microseconds of each row."""


def page(taken: Taken, rounds: int) -> str:
    lines = [
        "# How cost grows",
        "",
        f"Written by `make bench-scaling` on {datetime.date.today()}: {os.cpu_count()} cores, "
        f"{platform.machine()}, Python {platform.python_version()}. Microseconds a training step "
        f"of a whole `fit`, Adam, accuracy tracked, float32; best of {rounds} processes each. "
        "Operations are those of the products of both passes, of Adam and of the activations; the "
        "floor is what the bare kernels take that do them, one by one, with the gathering of a "
        "batch from as many samples (`floor.py`). A row is flagged when its time grew more than "
        f"{TOLERANCE} times as much as its floor.",
        "",
    ]
    all_flagged = []
    for name, times in taken["fit"].items():
        told, flagged = rows(name, TABLES[name], times, taken["floor"][name])
        all_flagged += flagged
        lines += [
            f"## {name.capitalize()}",
            "",
            MEANING[name],
            "",
            f"| {name} | µs a step | million operations | GFLOP/s | floor, µs | step / floor | "
            "time grew | operations grew | floor grew | too fast |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *told,
            "",
        ]
    verdict = "; ".join(all_flagged) or "none"
    return "\n".join(
        [*lines, f"Steps that grow faster than the kernels of their arithmetic: {verdict}.", ""]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=[*TABLES])
    parser.add_argument("--output", type=Path, default=HERE / "SCALING.md")
    parser.add_argument("--measure", choices=MEASURES, help=argparse.SUPPRESS)
    parser.add_argument("--net", type=json.loads, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.measure:
        print(MEASURES[told.measure](Net(**told.net)))
        return
    taken: Taken = {
        what: {name: [float("inf")] * len(TABLES[name]) for name in told.tables}
        for what in MEASURES
    }
    places = [(name, number) for name in told.tables for number in range(len(TABLES[name]))]
    for round_number, (name, number), what in itertools.product(
        range(told.rounds), places, MEASURES
    ):
        net, best = TABLES[name][number], taken[what][name]
        best[number] = min(best[number], in_a_process(what, net))
        row = f"{name} {getattr(net, name)} {what} {best[number]:,.1f}"
        print(round_number, row, flush=True)
    told.output.write_text(page(taken, told.rounds))


if __name__ == "__main__":
    main()
