"""Who trains in float32 where bfloat16 is faster is told so: once, measured, and at no cost."""

from typing import Any

import numpy as np
import pytest
import torch

import latih as keras
from latih import config, random
from latih.callbacks import precision_tip
from latih.callbacks.precision_tip import PrecisionTip
from latih.data.batches import ArrayBatches
from latih.dtype_policies import dtype_policy
from latih.engine import precision
from latih.engine.precision import Comparison

x = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
y = np.random.default_rng(1).integers(0, 3, 64)


@pytest.fixture(autouse=True)
def nobody_has_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dtype_policy, "_was_set", False)
    monkeypatch.setattr(PrecisionTip, "_told", False)
    monkeypatch.setattr(config, "has_fast_bfloat16", lambda device: True)
    # As if these steps were long, and the run too.
    monkeypatch.setattr(precision_tip, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(precision_tip, "MOST_OF_THE_RUN", 1.0)


def model() -> Any:
    keras.utils.set_random_seed(1)
    layers = keras.layers
    stack = [layers.Dense(8, "relu"), layers.BatchNormalization(), layers.Dropout(0.5)]
    net = keras.Sequential([keras.Input([8]), *stack, layers.Dense(3, "softmax")])
    net.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


def said(capsys: pytest.CaptureFixture[str]) -> bool:
    return "In bfloat16 a step of this model would take" in capsys.readouterr().out


def compared(
    times: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **fit: Any
) -> bool:
    def compare(*_: Any) -> Comparison:
        return Comparison(times * 0.01, 0.01)

    monkeypatch.setattr(PrecisionTip.__init__, "__defaults__", (compare,))
    model().fit(x, y, epochs=8, **{"verbose": 2, **fit})
    return said(capsys)


def test_it_is_told_once_and_only_what_pays(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not compared(1.1, monkeypatch, capsys)
    monkeypatch.setattr(PrecisionTip, "_told", False)
    assert compared(2.0, monkeypatch, capsys)
    assert not compared(2.0, monkeypatch, capsys)


def test_it_is_not_told_in_silence_nor_to_who_has_chosen_nor_where_it_is_slow(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not compared(2.0, monkeypatch, capsys, verbose=0)
    keras.config.set_dtype_policy("float32")
    assert not compared(2.0, monkeypatch, capsys)
    monkeypatch.setattr(dtype_policy, "_was_set", False)
    monkeypatch.setattr(config, "has_fast_bfloat16", lambda device: False)
    assert not compared(2.0, monkeypatch, capsys)


def test_short_steps_and_short_runs_are_not_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(precision_tip, "LEAST_SECONDS", 100.0)
    assert not compared(2.0, monkeypatch, capsys)
    monkeypatch.setattr(precision_tip, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(precision_tip, "MOST_OF_THE_RUN", 0.02)
    assert not compared(2.0, monkeypatch, capsys)
    assert not PrecisionTip._told


def test_the_measurement_leaves_everything_as_it_was() -> None:
    net = model()
    net.fit(x, y, verbose=0)
    batch = ArrayBatches(torch.from_numpy(x), [torch.from_numpy(y)]).peek()
    before = [weight.clone() for weight in (*net.weights, *net.optimizer.variables)]
    drawn = random.state_dict()["torch"].clone()
    seconds = precision.compare(net, batch)
    assert seconds.float32 > 0 and seconds.bfloat16 > 0
    after = [*net.weights, *net.optimizer.variables]
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert torch.equal(random.state_dict()["torch"], drawn)
    assert precision.may_be_tried(net)


def test_a_run_that_was_measured_gives_the_same_bits() -> None:
    told = model()
    told.fit(x, y, epochs=8, verbose=2)
    assert PrecisionTip._told
    silent = model()
    silent.fit(x, y, epochs=8, verbose=0)
    pairs = zip(told.weights, silent.weights, strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_code_of_the_users_is_not_called_for_a_trial() -> None:
    def own(y_true: Any, y_pred: Any) -> Any:
        return keras.ops.mean(keras.ops.abs(y_pred))

    net = model()
    assert precision.may_be_tried(net)
    net.compile("adam", loss=own)
    net.fit(x, y, verbose=0)
    assert not precision.may_be_tried(net)
    activated = keras.Sequential([keras.Input([8]), keras.layers.Dense(3, lambda z: z)])
    activated.compile("adam", loss="mse")
    assert not precision.may_be_tried(activated)
