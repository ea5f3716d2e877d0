"""A signal takes a snapshot at its very step, in an evaluation too; a second one leaves at once."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import latih as keras
from latih import layers
from latih.archive import SnapshotStore
from latih.errors import Terminated

EPOCHS, STEPS = 3, 5
_draw = np.random.default_rng(5)
X = _draw.normal(size=(40, 6)).astype("float32")
LABELS = _draw.integers(0, 3, 40)
RAISED = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}


def net() -> Any:
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.MCDropout(0.3),  # draws in evaluations too
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def fit(run_dir: Path, listener: Any, **asked: Any) -> tuple[Any, dict[str, Any]]:
    model = net()
    history = model.fit(
        X,
        LABELS,
        batch_size=8,
        epochs=EPOCHS,
        verbose=0,
        validation_data=(X, LABELS),
        validation_batch_size=8,
        callbacks=[listener],
        run_dir=run_dir,
        **{"snapshot_every": "1h", **asked},
    )
    return model, history.history


class Heard:
    """The steps of training and of evaluations, and a signal in the midst of one of them."""

    def __init__(self, at: tuple[str, int] | None = None, act: Any = None) -> None:
        self.steps: list[str] = []
        self.at, self.act = at, act
        self.listener = keras.callbacks.LambdaCallback(
            on_train_batch_begin=lambda step, logs: self._hear("train", step)
        )
        self.listener.on_test_batch_begin = lambda step, logs=None: self._hear("test", step)

    def _hear(self, kind: str, step: int) -> None:
        self.steps.append(kind)
        if self.at == (kind, self.steps.count(kind)):
            self.act()


@pytest.mark.parametrize("number", RAISED, ids=lambda number: number.name)
@pytest.mark.parametrize("at", [("train", 1), ("train", 8), ("test", 1), ("test", 7)], ids=str)
def test_no_step_is_repeated_after_one_signal(
    at: tuple[str, int], number: signal.Signals, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(1)
    whole, history = fit(tmp_path / "whole", Heard().listener)
    keras.utils.set_random_seed(1)
    first = Heard(at, lambda: os.kill(os.getpid(), number))
    with pytest.raises(RAISED[number]):
        fit(tmp_path / "run", first.listener)
    keras.utils.set_random_seed(9)
    second = Heard()
    model, got = fit(tmp_path / "run", second.listener, resume=True)
    assert got == history
    for one, other in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    for name, slot in whole.optimizer.slots.items():
        assert torch.equal(slot, model.optimizer.slots[name])
    assert first.steps.count("train") + second.steps.count("train") == EPOCHS * STEPS
    # An evaluation that was broken off is done again, whole.
    again = at[1] % STEPS if at[0] == "test" else 0
    assert first.steps.count("test") + second.steps.count("test") == EPOCHS * STEPS + again


def test_a_second_ctrl_c_does_not_wait_for_a_slow_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, slow, writing = SnapshotStore.write, threading.Event(), threading.Event()
    is_slow = [False]

    def slowly(store: SnapshotStore, state: Any) -> Path:
        if is_slow[0]:
            writing.set()
            slow.wait(60.0)
        return write(store, state)

    def interrupt() -> None:
        is_slow[0] = True
        os.kill(os.getpid(), signal.SIGINT)
        threading.Thread(target=impatient).start()

    def impatient() -> None:
        writing.wait(60.0)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(SnapshotStore, "write", slowly)
    keras.utils.set_random_seed(1)
    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path / "run", Heard(("train", 8), interrupt).listener)
        assert time.monotonic() - began < 30.0  # else the disk was waited for
        assert not slow.is_set()
    finally:
        slow.set()
    assert (tmp_path / "run" / "final.keras").is_file()
