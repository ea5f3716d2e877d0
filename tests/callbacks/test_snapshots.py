"""What snapshots promise, where a crash would have to fall into the right instant to show it."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latih as keras
from latih.archive import SnapshotStore
from latih.run_directory import RunDirectory

_draw = np.random.default_rng(4)
X = _draw.normal(size=(32, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def net() -> Any:
    model = keras.Sequential([keras.Input([3]), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01), loss="mse")
    return model


@pytest.mark.parametrize("kept_by", ["run_dir", "BackupAndRestore"])
def test_an_epoch_waits_until_the_one_before_is_on_the_disk(
    kept_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written, seen = SnapshotStore.write, list[Path](), list[int]()

    def slowly(store: SnapshotStore, state: Any) -> Path:
        time.sleep(0.05)
        written.append(write(store, state))
        return written[-1]

    monkeypatch.setattr(SnapshotStore, "write", slowly)
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(len(written))
    )
    if kept_by == "run_dir":
        asked = {"run_dir": tmp_path / "run", "snapshot_every": "epoch", "callbacks": [look]}
    else:
        asked = {"callbacks": [look, keras.callbacks.BackupAndRestore(tmp_path / "backup")]}
    net().fit(X, Y, epochs=4, batch_size=16, verbose=0, **asked)
    # One when training begins, which may be under way; then one after each epoch.
    assert all(count >= epoch + (epoch > 0) for epoch, count in enumerate(seen))
    assert len(written) == 5


def test_before_the_first_step_there_is_something_to_go_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A run that is killed after an epoch and has no snapshot could neither go on nor begin anew.
    write, seen = SnapshotStore.write, list[Any]()
    store = SnapshotStore(tmp_path / "run" / "snapshots")

    def slowly(store: SnapshotStore, state: Any) -> Path:
        time.sleep(0.05)
        return write(store, state)

    monkeypatch.setattr(SnapshotStore, "write", slowly)
    look = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: seen.append(store.newest())
    )
    net().fit(X, Y, verbose=0, callbacks=[look], run_dir=tmp_path / "run")
    assert seen[0] is not None


def test_a_resumed_run_tells_the_rate_that_was_asked_for(tmp_path: Path) -> None:
    for epochs in (2, 4):
        halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
        model = net()
        model.fit(X, Y, epochs=epochs, verbose=0, callbacks=[halve], run_dir=tmp_path / "run")
        settings = RunDirectory.open(tmp_path / "run").read_settings()
        asked = settings["compile"]["optimizer"]["config"]["learning_rate"]
        assert asked == pytest.approx(0.01)
        assert model.optimizer.current_rate() == pytest.approx(0.01 / 2**epochs)
