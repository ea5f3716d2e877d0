"""Measure what snapshots cost a training, and write SNAPSHOTS.md: ``make bench-snapshots``.

A run that keeps snapshots, as ``fit(run_dir=...)`` does by default, takes turns with one that keeps
none (``snapshot_every=False``) and is the same in everything else: both write their log and their
best model. Each is a process of its own. What a machine's noise hides is measured inside a run too:
how long training stood still, and how much slower its steps were while a thread wrote.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from pathlib import Path

import numpy as np
import torch

import latih as keras
from latih.archive import BackgroundWriter, SnapshotStore
from latih.callbacks import snapshots
from latih.callbacks.interval import Interval
from latih.models import kept_run

HERE = Path(__file__).parent
BATCH = 32
NETS = {
    "mlp": "784-300-100-10, ReLU, whole Fashion-MNIST",
    "conv": "18 convolutions with batch normalisation, 32x32 images",
}
MOST_PERCENT = {"mlp": 2.0, "conv": 3.0}
"""What snapshots may cost."""

EPOCHS = {"mlp": 2, "conv": 1}
LEAST_ROUNDS = {"mlp": 2, "conv": 1}
CONV_EPOCH_SECONDS = 64.0
"""Long enough for one snapshot by the clock in each: more a minute than in epochs of hours."""


# The two nets


def build(net):
    layers = keras.layers
    if net == "mlp":
        stack = [
            keras.Input([28, 28]),
            layers.Flatten(),
            layers.Dense(300, activation="relu"),
            layers.Dense(100, activation="relu"),
        ]
    else:
        stack = [keras.Input([32, 32, 3])]
        for filters, times in ((64, 2), (128, 2), (256, 4), (512, 4), (512, 6)):
            for _ in range(times):
                stack += [
                    layers.Conv2D(filters, 3, padding="same", use_bias=False),
                    layers.BatchNormalization(),
                    layers.Activation("relu"),
                ]
            stack.append(layers.MaxPooling2D())
        stack += [layers.Flatten(), layers.Dense(512, activation="relu")]
    model = keras.Sequential([*stack, layers.Dense(10, activation="softmax")])
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def data(net, steps):
    if net == "mlp":
        (x, y), _ = keras.datasets.fashion_mnist.load_data()
        return (x / 255.0).astype("float32"), y
    draw = np.random.default_rng(42)
    count = steps * BATCH
    return draw.random((count, 32, 32, 3), dtype="float32"), draw.integers(0, 10, count)


# One run, in a process of its own


class Watched(snapshots.Snapshots):
    """Snapshots with a clock around each call; the last one made is ``Watched.made``."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.calls = {"begin": [], "step": [], "epoch": [], "end": []}
        """Seconds of the calls in which training stood still for a snapshot."""
        self.steps, self.writes, self.bytes = [], [], 0
        self._takes_one, self._left = False, None
        self._writer = BackgroundWriter(self._timed_write)
        Watched.made = self

    def _timed_write(self, state):
        began = time.perf_counter()
        path = self.store.write(state)
        self.writes.append((began, time.perf_counter()))
        self.bytes = sum(file.stat().st_size for file in path.iterdir())

    def _write(self, training, state):
        self._takes_one = True
        super()._write(training, state)

    def _timed(self, name, call, training):
        self._takes_one = name == "end"  # there it waits for the last write
        began = time.perf_counter()
        call(training)
        ended = time.perf_counter()
        if self._takes_one:
            self.calls[name].append(ended - began)
        return began, ended

    def begin_keeping(self, training):
        self._timed("begin", super().begin_keeping, training)

    def after_step(self, training):
        began, ended = self._timed("step", super().after_step, training)
        if self._left is not None:
            self.steps.append((self._left, began))
        self._left = ended

    def after_epoch(self, training):
        self._timed("epoch", super().after_epoch, training)
        self._left = None  # what comes before the next epoch's first step is no step

    def keep(self, training):
        self._timed("end", super().keep, training)

    def finish_keeping(self, training):
        self._timed("end", super().finish_keeping, training)


class TimedCopies:
    """What copies the state, with a clock around it."""

    def __init__(self):
        self.copied, self.seconds, self.kinds = snapshots.copied, [], []

    def __call__(self, state):
        """Copy the state."""
        began = time.perf_counter()
        copy = self.copied(state)
        self.seconds.append(time.perf_counter() - began)
        self.kinds = self.kinds or [(one.shape, one.dtype) for one in tensors_in(copy)]
        return copy

    def plain(self):
        """Return how long it takes to copy as many tensors of the same sizes and nothing else."""
        tensors = [torch.ones(shape).to(dtype) for shape, dtype in self.kinds]
        seconds = []
        for _ in range(15):
            began = time.perf_counter()
            clones = [torch.empty_like(one).copy_(one) for one in tensors]
            seconds.append(time.perf_counter() - began)
            del clones
        return statistics.median(seconds)


def tensors_in(state):
    if isinstance(state, torch.Tensor):
        return [state]
    inner = state.values() if isinstance(state, dict) else state if isinstance(state, list) else ()
    return [tensor for one in inner for tensor in tensors_in(one)]


def slowdown(steps, writes):
    """Return how many seconds longer the steps beside writes took than as many others, and these.

    Returns:
        The seconds for all of them together, and the median of the others.
    """
    beside, alone = [], []
    for began, ended in steps:
        is_beside = any(began < end and ended > begin for begin, end in writes)
        (beside if is_beside else alone).append(ended - began)
    return sum(beside) - len(beside) * statistics.mean(alone), statistics.median(alone)


def idle_seconds():
    """Return what a step pays at whose end no snapshot is due."""
    keeper = snapshots.Snapshots(SnapshotStore("never-written"), Interval(60.0, is_time=True))
    keeper._pace.begin(time.monotonic())
    return min(timeit.repeat(lambda: keeper.after_step(None), number=20_000, repeat=5)) / 20_000


def run(net, variant, epochs, steps):
    copies = TimedCopies()
    if variant == "watched":
        kept_run.Snapshots, snapshots.copied = Watched, copies  # what fit() uses, with clocks
    keras.utils.set_random_seed(42)
    x, y = data(net, steps)
    model = build(net)
    few = BATCH * 4
    model.fit(x[:few], y[:few], batch_size=BATCH, epochs=1, verbose=0)  # what is done once
    how = {"snapshot_every": False} if variant == "off" else {}
    with tempfile.TemporaryDirectory() as directory:
        began = time.perf_counter()
        model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0, run_dir=directory, **how)
        seconds = time.perf_counter() - began
    told = {"seconds": seconds, "steps": epochs * -(-len(x) // BATCH)}
    if variant == "watched":
        watched = Watched.made
        slower, step = slowdown(watched.steps, watched.writes)
        told |= {
            "parameters": model.count_params(),
            "bytes": watched.bytes,
            "calls": watched.calls,
            "copies": copies.seconds,
            "plain": copies.plain(),
            "writes": [ended - began for began, ended in watched.writes],
            "slower": slower,
            "step": step,
            "idle": idle_seconds(),
        }
    return told


# All runs, in turns


def told_by(net, variant, epochs, steps=0):
    arguments = [net, variant, "--epochs", epochs, "--steps", steps]
    command = [sys.executable, __file__, "--run", *map(str, arguments)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    told = json.loads(output)
    print(net, variant, f"{told['seconds']:.1f} s, {told['steps']} steps", flush=True)
    return told


def measured(net, seconds):
    """Return what the runs tell by variant, taking turns for about so many seconds."""
    began = time.monotonic()
    epochs, steps = EPOCHS[net], 0
    if net == "conv":
        steps = round(CONV_EPOCH_SECONDS / told_by(net, "watched", 1, 20)["step"])
    told = {"off": [], "on": [], "watched": []}
    rounds, took = 0, 0.0
    while rounds < LEAST_ROUNDS[net] or time.monotonic() + took < began + seconds:
        round_began = time.monotonic()
        # A step of the large net does not notice the clocks: there every run is watched.
        turn = ["off", "on", "watched"] if net == "mlp" else ["off", "watched"]
        for variant in turn if rounds % 2 == 0 else reversed(turn):
            told[variant].append(told_by(net, variant, epochs, steps))
        rounds, took = rounds + 1, time.monotonic() - round_began
    return told


def row(net, told):
    """Return the first table's row of one net."""
    kept = told["on"] or told["watched"]
    ratios = [on["seconds"] / off["seconds"] for on, off in zip(kept, told["off"], strict=True)]
    watched = told["watched"]
    stalls = [s for one in watched for at in ("step", "epoch") for s in one["calls"][at]]
    copies, writes = ([s for one in watched for s in one[of]] for of in ("copies", "writes"))
    plain = statistics.median(one["plain"] for one in watched)
    first, seconds = watched[0], statistics.median(one["seconds"] for one in told["off"])
    spread = f"{100 * (min(ratios) - 1):+.1f} to {100 * (max(ratios) - 1):+.1f}"
    return (
        f"| {NETS[net]} | {first['parameters']:,} | {first['bytes'] / 1e6:,.1f} "
        f"| {1e3 * seconds / first['steps']:,.2f} | {seconds:,.1f} | {len(first['writes'])} "
        f"| {1e3 * plain:,.2f} | {1e3 * statistics.median(copies):,.2f} "
        f"| {1e3 * statistics.median(stalls):,.2f} | {1e3 * max(stalls):,.2f} "
        f"| {1e3 * statistics.median(writes):,.0f} | {sum(shares(watched)):.2f} "
        f"| {100 * (statistics.median(ratios) - 1):+.1f} ({spread}, {len(ratios)} pairs) "
        f"| {MOST_PERCENT[net]:.0f} |"
    )


def shares(watched):
    """Return per cent of a run's time: stalls, first and last snapshot, slower steps, asking."""

    def percent(of):
        return 100 * statistics.median(of(one) / one["seconds"] for one in watched)

    return (
        percent(lambda one: sum(one["calls"]["step"]) + sum(one["calls"]["epoch"])),
        percent(lambda one: sum(one["calls"]["begin"]) + sum(one["calls"]["end"])),
        percent(lambda one: one["slower"]),
        percent(lambda one: one["idle"] * one["steps"]),
    )


def page(told):
    idle = statistics.median(one["idle"] for of in told.values() for one in of["watched"])
    epoch = told["conv"]["off"][0]["steps"] // EPOCHS["conv"]
    return "\n".join(
        [
            "# What snapshots cost",
            "",
            f"Written by `make bench-snapshots` on {datetime.date.today()}: {os.cpu_count()} cores,"
            f" {platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}."
            " `fit(run_dir=...)` with its default snapshots (each epoch's end and each minute) "
            "beside the same with `snapshot_every=False`, in turns, a process each; both write "
            f"their log and their best model. Adam, batch {BATCH}. Of the first net "
            f"{EPOCHS['mlp']} epochs; of the second, whose images are random, {EPOCHS['conv']} of "
            f"{epoch:,} steps, about {CONV_EPOCH_SECONDS:.0f} s: shorter than real ones, so that "
            "there are more snapshots and not fewer.",
            "",
            "| net | parameters | MB a snapshot | ms a step | s a run | snapshots a run "
            "| plain copy (ms) | copy (ms) | stall, median (ms) | stall, worst (ms) | write (ms) "
            "| cost, inside (%) | cost, wall clock (%) | at most (%) |",
            "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
            *(row(net, of) for net, of in told.items()),
            "",
            "Where the cost inside comes from, in % of the run's time:",
            "",
            "| net | stalls | the first, and waiting for the last | slower steps beside a write "
            "| asking whether one is due |",
            "|---|---|---|---|---|",
            *(
                f"| {NETS[net]} | {' | '.join(f'{share:.3f}' for share in shares(of['watched']))} |"
                for net, of in told.items()
            ),
            "",
            "- Plain copy: `torch.empty_like(t).copy_(t)` of tensors of the same sizes. Copy: "
            "what is done to the state. Stall: all that training waits for, between two steps. "
            "Write: in a thread, while training goes on.",
            "- Cost, inside: measured in the run itself, as the second table says. To ask costs "
            f"each step {1e6 * idle:.2f} µs.",
            "- Cost, wall clock: the median of the ratios of two runs' times, and their range: the "
            "machine's noise is in it.",
            "",
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", nargs=2, metavar=("NET", "VARIANT"))
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=11.0)
    asked = parser.parse_args()
    if asked.run:
        json.dump(run(*asked.run, asked.epochs, asked.steps), sys.stdout)
    else:
        seconds = 60.0 * asked.minutes
        told = {"mlp": measured("mlp", 0.2 * seconds), "conv": measured("conv", 0.8 * seconds)}
        (HERE / "SNAPSHOTS.md").write_text(page(told))
