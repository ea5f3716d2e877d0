"""When snapshots are taken and asked for, and what is done with those of a run that was changed."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import latih as keras
from latih.archive import SnapshotStore
from latih.callbacks import BackupAndRestore, LambdaCallback
from latih.errors import InputError, LatihWarning

_draw = np.random.default_rng(5)
X = _draw.normal(size=(32, 4)).astype("float32")
LABELS = _draw.integers(0, 2, 32)


def net(*more: Any, units: int = 2) -> Any:
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(units, activation="softmax"), *more]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def fit(model: Any, run_dir: Any = None, epochs: int = 2, **asked: Any) -> Any:
    return model.fit(X, LABELS, 8, epochs, 0, run_dir=run_dir, **asked)


def test_the_steps_before_a_long_evaluation_are_saved_while_it_runs(tmp_path: Path) -> None:
    seen: list[Any] = []

    def linger(batch: int, logs: Any) -> None:
        if batch == 0:
            time.sleep(0.2)  # the write is done beside the evaluation
            seen.append(SnapshotStore(tmp_path / "run" / "snapshots").newest().state["position"])

    asked: dict[str, Any] = {"validation_data": (X, LABELS), "validation_batch_size": 8}
    listener = LambdaCallback(on_test_batch_end=linger)
    fit(net(), tmp_path / "run", 1, callbacks=[listener], snapshot_every="60s", **asked)
    assert [(one["epoch"], one["steps_done"]) for one in seen] == [(0, 4)]
    assert seen[0]["logs"]["loss"] > 0


@pytest.mark.parametrize("every", [100, "epoch"])
def test_an_evaluation_in_which_no_step_is_done_needs_none(every: Any, tmp_path: Path) -> None:
    written: list[int] = []

    def look(logs: Any) -> None:
        written.append(len(list((tmp_path / "run" / "snapshots").glob("0*"))))

    listener = LambdaCallback(on_test_begin=look)
    asked: dict[str, Any] = {"validation_data": (X, LABELS), "snapshot_every": every}
    fit(net(), tmp_path / "run", 1, callbacks=[listener], **asked)
    assert written == [1]  # the one with which the run began


def test_force_takes_a_random_layer_that_is_new(tmp_path: Path) -> None:
    fit(net(), tmp_path / "run")
    with pytest.warns(LatihWarning, match="GaussianNoise"):
        history = fit(net(keras.layers.GaussianNoise(0.01)), tmp_path / "run", 4, resume="force")
    assert len(history.history["loss"]) == 4


def test_an_interval_beside_backups_of_another_is_refused(tmp_path: Path) -> None:
    backup = BackupAndRestore(tmp_path / "backup")
    with pytest.raises(InputError, match=r"`snapshot_every` of fit.*without run_dir"):
        fit(net(), callbacks=[backup], snapshot_every="5m")
    fit(net(), callbacks=[backup], resume="force")


def test_a_run_that_is_refused_leaves_its_page_as_it_is(tmp_path: Path) -> None:
    fit(net(), tmp_path / "run")
    page = tmp_path / "run" / "report.html"
    before = page.stat().st_mtime_ns, page.read_bytes()
    with pytest.raises(InputError, match="units 2 -> 3"):
        fit(net(units=3), tmp_path / "run")
    assert (page.stat().st_mtime_ns, page.read_bytes()) == before


def test_workers_that_stay_are_warned_of_in_the_validation_too(tmp_path: Path) -> None:
    data = TensorDataset(torch.as_tensor(X), torch.as_tensor(LABELS))
    loader = DataLoader(data, 8, num_workers=1, persistent_workers=True)
    with pytest.warns(LatihWarning, match="persistent_workers"):
        fit(net(), tmp_path / "run", 1, validation_data=loader)
