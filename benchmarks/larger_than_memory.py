"""Compare training on a memory map of 20 GB with training in memory.

``make bench-larger-than-memory``. The map is a sparse file, which takes no place on the disk: what
is measured is the reading of the system's pages, the mixing and the thread, and not a disk. Each
net trains in turns on the map and on an array in memory, in one process; what counts is the ratio
of their rates. The map is read twice: rows that the system's cache holds, since each round takes
those of the round before, and rows that nobody has read yet, which the system must first make.
"""

import argparse
import datetime
import itertools
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

import latih as keras

HERE = Path(__file__).parent
ROW = 784 * 4
IN_MEMORY = 2**29 // ROW
"""How many rows the array in memory has: more than any cache holds."""

NETS = {"tiny": ([32, 16], 32), "mlp": ([300, 100], 32), "mlp256": ([300, 100], 256)}
"""The units of the hidden layers, and the size of a batch."""


CACHED, UNREAD, MEMORY = "cached", "unread", "memory"


def build(hidden):
    model = keras.Sequential(
        [
            keras.Input([784]),
            *(
                keras.layers.Dense(n, activation="relu", kernel_initializer="he_normal")
                for n in hidden
            ),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def sparse_map(path, size):
    rows = size // ROW
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, 784)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + rows * ROW)
    return np.load(path, mmap_mode="r")


class Clock(keras.callbacks.Callback):
    """Notes when an epoch begins, after the data were looked at, and when it ends."""

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds = time.perf_counter() - self.began


def seconds(model, x, y, batch_size, steps, seed):
    clock = Clock()
    keras.utils.set_random_seed(seed)  # of it follows which rows of the map are read
    model.fit(
        x, y, batch_size=batch_size, steps_per_epoch=steps, epochs=1, verbose=0, callbacks=[clock]
    )
    return clock.seconds


def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=20, help="the size of the map")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--rows", type=int, default=100_000, help="how many a round trains on")
    parser.add_argument("--output", type=Path, default=HERE / "LARGER_THAN_MEMORY.md")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        mapped = sparse_map(Path(directory) / "x.npy", int(asked.gigabytes * 1e9))
        labels = np.zeros(len(mapped), np.uint8)
        held = np.zeros((IN_MEMORY, 784), np.float32)
        held += 0  # the system gives pages when they are written to
        maps, in_memory = (mapped, labels), (held, labels[:IN_MEMORY])
        sources = {CACHED: maps, UNREAD: maps, MEMORY: in_memory}
        seeds, rows = itertools.count(1), []
        for name, (hidden, batch_size) in NETS.items():
            model, steps = build(hidden), asked.rows // batch_size
            took = {source: [] for source in sources}
            for data in sources.values():
                seconds(model, *data, batch_size, steps, seed=0)
            for _ in range(asked.rounds):
                for source, data in sources.items():
                    seed = next(seeds) if source == UNREAD else 0
                    took[source].append(seconds(model, *data, batch_size, steps, seed))
            rows.append(row(name, took, steps))
            print(rows[-1], flush=True)
    memory = f"Peak {peak():.2f} GB, of which the array in memory {held.nbytes / 1e9:.2f}."
    asked.output.write_text("\n".join([*heading(asked), *rows, "", memory, ""]))


def row(name, took, steps):
    """Return a row of the table: medians, and medians of the ratios within rounds."""
    cells = [name, f"{statistics.median(took[MEMORY]) / steps * 1e6:,.0f}"]
    for source in (CACHED, UNREAD):
        rates = [m / d for m, d in zip(took[MEMORY], took[source], strict=True)]
        each = statistics.median(took[source]) / steps * 1e6
        cells += [f"{each:,.0f}", f"{statistics.median(rates):.2f}"]
    return f"| {' | '.join(cells)} |"


def heading(asked):
    return [
        "# Data larger than memory",
        "",
        f"Written by `make bench-larger-than-memory` on {datetime.date.today()}: a sparse map of "
        f"{asked.gigabytes:g} GB beside an array in memory, {asked.rows:,} rows a round, medians "
        f"of {asked.rounds} rounds in turns; microseconds a training step of a whole `fit`. "
        "Cached: rows that the system's cache holds; unread: rows that nobody has read yet.",
        "",
        "| net | memory, µs | map, cached, µs | of memory's rate | map, unread, µs | "
        "of memory's rate |",
        "|---|---|---|---|---|---|",
    ]


if __name__ == "__main__":
    main()
