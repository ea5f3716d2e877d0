"""Compare the ways to do a step that were thought of, and write CAPTURE.md: ``make bench-capture``.

The step of ``fit`` without its update, on one batch, on one thread: by PyTorch's usual way;
compiled whole by ``torch.compile`` (Inductor); recorded and replayed by PyTorch's kernels; and with
native kernels where they are. The ways take turns.
"""

import datetime
import os
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import torch
from peers import keras_language
from workloads import WORKLOADS

import latih as keras
from latih.data.batches import Batch
from latih.engine.capture.captured import plan_of
from latih.engine.capture.native import library
from latih.engine.capture.recorder import Recorder

NAMES = ("tiny", "mlp", "chapter")
TURNS, REPEATS = 7, 100


def step_of(name):
    """Return the step of a workload, and a batch."""
    workload = WORKLOADS[name]
    stack = [keras_language.layer(keras, described) for described in workload.layers]
    model = keras.Sequential([keras.Input(workload.input_shape), *stack])
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    x = torch.rand(workload.batch, 28, 28)
    y = torch.randint(0, 10, (workload.batch,))
    model.train_on_batch(x, y)
    model.train()
    return model, model.make_train_step(), Batch(x, [y], [None], workload.batch)


def replay_of(step, batch, with_native):
    """Return the plan of a step."""
    obstacle = library._library.obstacle
    library._library.obstacle = obstacle if with_native else "not asked for"
    try:
        with Recorder() as recorder:
            step.run(batch)
        return plan_of(recorder.entries)
    finally:
        library._library.obstacle = obstacle


def compiled(model, step, batch):
    """Return the forward pass, the loss and the gradients compiled, and what that took."""
    x, y = batch.inputs, batch.targets[0]

    def loss_of(x, y):
        return step.objective.outputs[0].loss(y, model(x))

    began = time.perf_counter()
    whole = torch.compile(loss_of)

    def run():
        torch.autograd.grad(whole(x, y), step.weights)

    run()
    return run, time.perf_counter() - began


def microseconds(ways):
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(TURNS):
        for name, way in ways.items():
            began = time.perf_counter()
            for _ in range(REPEATS):
                way()
            best[name] = min(best[name], (time.perf_counter() - began) / REPEATS * 1e6)
    return best


def row(name):
    model, step, batch = step_of(name)
    ways = {"usual": lambda: step.run(batch), "replay": replay_of(step, batch, False)}
    if library.available():
        ways["native"] = replay_of(step, batch, True)
    seconds = float("nan")
    try:
        ways["inductor"], seconds = compiled(model, step, batch)
    except Exception as error:  # no compiler, or a layer that it cannot follow
        print(f"{name}: torch.compile failed: {type(error).__name__}")
    best = microseconds(ways)
    told = [f"{best[way]:,.0f}" if way in best else "-" for way in COLUMNS]
    return f"| {name} | {' | '.join(told)} | {seconds:.0f} |"


COLUMNS = ("usual", "inductor", "replay", "native")

if __name__ == "__main__":
    lines = [
        "# Ways to do a step",
        "",
        f"Written by `make bench-capture` on {datetime.date.today()}: microseconds of a step "
        "without its update, one thread, the best of some turns. Inductor compiles the forward "
        "pass and the loss with their gradients, without metrics and the gathering of gradients: "
        "it is asked for less than the others.",
        "",
        "| net | PyTorch's usual way | `torch.compile` | replayed | with native kernels | seconds "
        "to compile |",
        "|---|---|---|---|---|---|",
    ]
    lines += [row(name) for name in NAMES]
    Path(__file__).with_name("CAPTURE.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
