"""Compare training on a memory map of 20 GB with training in memory.

``make bench-larger-than-memory``. The map is a sparse file, which takes no place on the disk: what
is measured is the reading of the system's pages, the mixing and the thread, and not a disk. Each
net trains in turns on the map and on an array in memory, in one process; what counts is the ratio
of their rates.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

import latih as keras

ROW = 784 * 4
IN_MEMORY = 2**29 // ROW
"""How many rows the array in memory has: more than any cache holds."""

NETS = {"tiny": ([32, 16], 32), "mlp": ([300, 100], 32), "mlp256": ([300, 100], 256)}
"""The units of the hidden layers, and the size of a batch."""


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


def seconds(model, x, y, batch_size, steps):
    clock = Clock()
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
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=320_000, help="how many a round trains on")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        mapped = sparse_map(Path(directory) / "x.npy", int(asked.gigabytes * 1e9))
        labels = np.zeros(len(mapped), np.uint8)
        held = np.zeros((IN_MEMORY, 784), np.float32)
        held += 0  # the system gives pages when they are written to
        sources = {"map": (mapped, labels), "memory": (held, labels[:IN_MEMORY])}
        for name, (hidden, batch_size) in NETS.items():
            model, steps = build(hidden), asked.rows // batch_size
            took = {source: [] for source in sources}
            for data in sources.values():
                seconds(model, *data, batch_size, steps // 10)
            for _ in range(asked.rounds):
                for source, data in sources.items():
                    took[source].append(seconds(model, *data, batch_size, steps))
            rates = [m / d for m, d in zip(took["memory"], took["map"], strict=True)]
            each = {source: f"{min(t) / steps * 1e6:.0f}" for source, t in took.items()}
            print(
                f"{name:8} map {each['map']:>6} us a step, memory {each['memory']:>6}; "
                f"rate against memory: median {statistics.median(rates):.3f}, "
                f"of the best rounds {min(took['memory']) / min(took['map']):.3f}",
                flush=True,
            )
    print(f"peak {peak():.2f} GB, of which the array in memory {held.nbytes / 1e9:.2f}")


if __name__ == "__main__":
    main()
