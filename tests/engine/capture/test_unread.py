"""To record a step takes little more memory than to do it, and what it gives is the same."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import latih as keras
from latih import layers
from latih.engine.capture import unread
from latih.engine.capture.captured import plan_of
from latih.engine.capture.recorder import Recorder, plain
from latih.engine.capture.unread import Unread

SCRIPT = """
import re, sys
import numpy as np
import latih as keras
from latih import layers
from latih.engine.capture import unread

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) >> 10

unread.MOST_HELD = int(sys.argv[1])
parts = []
for _ in range(24):
    parts += [layers.Conv2D(16, 3, padding="same"), layers.Activation("tanh")]
model = keras.Sequential([keras.Input((64, 64, 16)), *parts, layers.GlobalAveragePooling2D()])
model.compile("sgd", "mse")
x = np.zeros((64, 64, 64, 16), "float32")
before = peak()
model.fit(x, np.zeros((64, 16)), batch_size=64, epochs=1, verbose=0)
assert "replayed" in str(model.explain_step()), model.explain_step()
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="pages are given back on Linux alone")
def test_what_a_step_drops_takes_no_memory_while_it_is_recorded() -> None:
    def megabytes(most_held: int) -> int:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(most_held)], check=True, capture_output=True
        )
        return int(done.stdout)

    # The way back makes gradients as large as all activations, which are dropped one by one.
    assert megabytes(0) < 0.75 * megabytes(1 << 40)


@pytest.fixture
def eager_to_give_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LEAST", "MOST_HELD", "FRESH"):
        monkeypatch.setattr(unread, name, 0)


@pytest.mark.usefixtures("eager_to_give_back")
def test_the_numbers_are_the_same() -> None:
    x = np.random.default_rng(0).normal(size=(48, 16, 16, 8)).astype("float32")
    y = np.zeros((48, 8), "float32")
    weights: list[list[np.ndarray]] = []
    for capture in ("auto", False):
        keras.utils.set_random_seed(1)
        parts = [
            *(layers.Conv2D(8, 3, padding="same"), layers.BatchNormalization()),
            *(layers.Activation("relu"), layers.MaxPooling2D(), layers.Dropout(0.3)),
            layers.DepthwiseConv2D(3, padding="same"),
            *(layers.Activation("sigmoid"), layers.GlobalAveragePooling2D()),
        ]
        model = keras.Sequential([keras.Input((16, 16, 8)), *parts])
        model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=capture)
        model.fit(x, y, batch_size=16, epochs=4, verbose=0)
        weights.append(model.get_weights())
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.usefixtures("eager_to_give_back")
def test_what_is_still_looked_at_and_what_is_always_the_same_stay() -> None:
    given = torch.rand(4096)
    watch = Unread()
    kept: list[torch.Tensor] = []

    def step() -> torch.Tensor:
        same = torch.arange(4096.0).sqrt()  # a replay does not make it again
        kept.append((given * 2).view(64, 64)[3:])  # by a view alone
        total = given + same
        del same
        return (total * 3 - 1).sum()

    with Recorder(watch.add) as recorder:
        returned = step()
    assert watch.given_back > 0
    torch.testing.assert_close(kept[0], (given * 2).view(64, 64)[3:])
    wanted = ((given + torch.arange(4096.0).sqrt()) * 3 - 1).sum()
    torch.testing.assert_close(returned, wanted)
    total = plain(returned)
    plan = plan_of(recorder.entries, [total])
    total.zero_()
    plan()
    torch.testing.assert_close(total, wanted)
