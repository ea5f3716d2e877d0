"""Memory stays flat however often a model predicts and trains."""

import gc
import json
import os
import platform
import subprocess
import sys
import weakref

import numpy as np
import pytest

import latih as keras

SCRIPT = """
import gc, json, resource, sys
import numpy as np
import latih as keras
from latih.layers import Add, BatchNormalization, Dense, Dropout

ROWS, FEATURES = 256, 64


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [Dense(FEATURES, activation="relu", activity_regularizer="l2")]
        self.normal, self.drop, self.last = BatchNormalization(), Dropout(0.1), Dense(FEATURES)

    def call(self, x):
        for block in self.blocks:
            x = block(x)
            self.add_loss(1e-3 * x.square().mean())
        return self.last(self.drop(self.normal(x)))


def sequential():
    return keras.Sequential([
        Dense(FEATURES, activation="relu", activity_regularizer="l2", input_shape=[FEATURES]),
        BatchNormalization(), Dropout(0.1), Dense(FEATURES, kernel_regularizer="l2"),
    ])


def functional():
    x = keras.Input((FEATURES,))
    shared = Dense(FEATURES, activation="relu", activity_regularizer="l2")
    inner = keras.Sequential([keras.Input((FEATURES,)), Dense(FEATURES)])
    return keras.Model(x, inner(Dropout(0.1)(BatchNormalization()(Add()([x, shared(shared(x))])))))


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def held(model):
    gc.collect()
    layers = list(model.every_layer())
    return {
        "objects": len(gc.get_objects()),
        "calls on symbolic tensors": sum(len(layer.calls) for layer in layers),
        "added losses": sum(len(layer.added_losses) for layer in layers),
        "numbers in containers of modules": sum(
            len(value)
            for name, module in sorted(sys.modules.items()) if name.startswith("latih")
            for value in vars(module).values() if isinstance(value, (dict, list, set))
        ),
    }


def grown(model, call, times, warm_up):
    for _ in range(warm_up):
        call()
    before, start = held(model), resident()
    for _ in range(times):
        call()
    after = held(model)
    return {"MB": resident() - start, **{key: after[key] - before[key] for key in before}}


x = np.random.default_rng(0).normal(size=(ROWS, FEATURES)).astype("float32")
model = {"sequential": sequential, "functional": functional, "subclassed": Own}[sys.argv[1]]()
model.compile("adam", loss="mse", metrics=["mae"])
say = {
    "predict": grown(model, lambda: model.predict(x, batch_size=64, verbose=0), 1000, 100),
    "fit": grown(
        model, lambda: model.fit(x, x, batch_size=64, verbose=0, validation_split=0.25), 100, 20
    ),
}
print(json.dumps(say))
"""

MEGABYTES = 4
"""How much may come and go: what an allocator keeps for itself comes to less than 1 MB. If each of
1,000 predictions kept a batch (16 KiB), it would be 16 MB; if each of 100 trainings kept the inputs
(64 KiB) or the weights with Adam's slots (96 KiB), 6 or 9 MB. Less shows itself as
an object, unless it is a bare array."""

OBJECTS = 50
"""How many Python objects may be more. One kept by each call would be 100 at least."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sequential", "functional", "subclassed"])
def test_memory_stays_flat(kind: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, kind],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for asked, grown in json.loads(done.stdout).items():
        print(kind, asked, grown)
        assert grown.pop("MB") < MEGABYTES, (asked, grown)
        assert grown.pop("objects") < OBJECTS, (asked, grown)
        assert not any(grown.values()), (asked, grown)


def test_models_that_nobody_holds_are_freed() -> None:
    x = np.zeros((8, 4), "float32")
    places = []
    for _ in range(3):
        inputs = keras.Input((4,))
        dense = keras.layers.Dense(4)
        inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
        model = keras.Model(inputs, inner(keras.layers.Add()([inputs, dense(inputs)])))
        model.compile("adam", loss="mse", metrics=["mae"])
        model.fit(x, x, verbose=0)
        model.predict(x, verbose=0)
        places += [weakref.ref(thing) for thing in (model, dense, inner, model.optimizer, inputs)]
    del inputs, dense, inner, model
    gc.collect()
    assert [place() for place in places] == [None] * len(places)


FAULTS = """
import resource
import numpy as np
import latih as keras
from latih.layers import BatchNormalization, Conv2D, Dense, Flatten, MaxPooling2D, ReLU

layers = [
    layer
    for filters in (32, 64)
    for layer in (Conv2D(filters, 3), BatchNormalization(), ReLU(), MaxPooling2D())
]
model = keras.Sequential([keras.Input((28, 28, 1)), *layers, Flatten(), Dense(10)])
model.compile("adam", loss="mse")
x, y = np.zeros((256, 28, 28, 1), "float32"), np.zeros((256, 10), "float32")
model.fit(x, y, batch_size=64, verbose=0)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
model.fit(x, y, batch_size=64, verbose=0)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 4)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the bound is set for glibc")
def test_a_step_computes_in_the_memory_of_the_one_before() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FAULTS],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    # A step fills some 30 MB. Were they given back to the system after it, as by default, the next
    # one would take 7,000 pages of 4 KiB from it.
    assert float(done.stdout) < 1000
