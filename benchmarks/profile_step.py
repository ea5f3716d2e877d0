"""Say where the time of a step goes, and write PROFILE.md: ``make bench-profile``.

The recorded step of `wide` and of `wide1024`, in float32 and in bfloat16, on all threads: each call
of the plan and the update is timed by itself; calls of one kind are added up.
"""

import collections
import datetime
import statistics
import time
from pathlib import Path

import torch
from peers import keras_language
from workloads import WORKLOADS

import latih as keras
from latih.data.batches import Batch
from latih.engine.capture.native import library

NAMES = ("wide", "wide1024")
POLICIES = ("float32", "mixed_bfloat16")
TURNS = 15
SMALL = 1 << 16
"""Calls on fewer numbers are counted together."""

KINDS = {
    "matrix products": ("addmm", "mm"),
    "casts": ("shorten", "lengthen", "copy_"),
    "turning the inputs": ("transpose",),
    "activations": ("clamp_min", "threshold_backward", "activate", "activate_backward"),
}


class Named:
    """A native call that can be asked for its name."""

    def __init__(self, name, elements, call):
        self.name, self.elements, self.call = name, elements, call

    def __call__(self):
        self.call()


def name_native_calls():
    bind = library.bind
    library.bind = lambda name, elements, held: Named(name, elements, bind(name, elements, held))


def recorded(name, policy):
    """Return a model in training, its recorded plan and its optimizer."""
    keras.config.set_dtype_policy(policy)
    keras.utils.set_random_seed(1)
    workload = WORKLOADS[name]
    stack = [keras_language.layer(keras, described) for described in workload.layers]
    model = keras.Sequential([keras.Input(workload.input_shape), *stack])
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    x = torch.rand(workload.batch, 28, 28)
    y = torch.randint(0, 10, (workload.batch,))
    model.train_on_batch(x, y)
    step = model.make_train_step()
    batch = Batch(x, [y], [None], workload.batch)
    model.train()
    step(batch)
    step(batch)
    return step.captured.replay_for(batch).plan, model.optimizer


def kind_of(call):
    """Return under which name a call is counted."""
    if isinstance(call, Named):
        called, size = call.name, call.elements
    else:
        called = getattr(getattr(call, "func", call), "__name__", "")
        held = [*getattr(call, "args", ()), *getattr(call, "keywords", {}).values()]
        size = max((one.numel() for one in held if isinstance(one, torch.Tensor)), default=0)
    kinds = [kind for kind, names in KINDS.items() if called in names and size > SMALL]
    return kinds[0] if kinds else "all else"


def milliseconds(plan, optimizer):
    """Return the median time of each kind of call, and of whole steps."""
    turns = []
    for _ in range(TURNS):
        took = collections.Counter()
        with torch.inference_mode():
            for call in plan.calls:
                began = time.perf_counter()
                call()
                took[kind_of(call)] += time.perf_counter() - began
        began = time.perf_counter()
        optimizer.move()
        took["Adam"] += time.perf_counter() - began
        took["all"] = sum(took.values())
        turns.append(took)
    names = (*KINDS, "all else", "Adam", "all")
    return {name: 1e3 * statistics.median(turn[name] for turn in turns) for name in names}


if __name__ == "__main__":
    name_native_calls()
    figures = {
        f"{name}, {policy}": milliseconds(*recorded(name, policy))
        for name in NAMES
        for policy in POLICIES
    }
    kinds = list(next(iter(figures.values())))
    lines = [
        "# Where the time of a step goes",
        "",
        f"Written by `make bench-profile` on {datetime.date.today()}: milliseconds of the calls of "
        "a recorded step, each timed by itself, the median of some turns.",
        "",
        f"|  | {' | '.join(kinds)} |",
        f"|---|{'---|' * len(kinds)}",
        *(
            f"| {name} | {' | '.join(f'{took[kind]:.1f}' for kind in kinds)} |"
            for name, took in figures.items()
        ),
    ]
    Path(__file__).with_name("PROFILE.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
