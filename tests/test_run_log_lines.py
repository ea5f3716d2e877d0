"""The log of a run takes what callbacks put into it, and outlives a crash within a line."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import latih as keras
from latih.run_directory import RunDirectory


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create(tmp_path / "run")


VALUES: dict[str, tuple[Any, Any]] = {
    "float32 of NumPy": (np.float32(0.5), 0.5),
    "float64 of NumPy": (np.float64(0.1), 0.1),
    "int64 of NumPy": (np.int64(3), 3),
    "bool of NumPy": (np.bool_(True), True),
    "NaN of NumPy": (np.float32(math.nan), None),
    "array without axes": (np.array(2.0), 2.0),
    "array": (np.array([1.0, math.inf], "float32"), [1.0, None]),
    "tensor without axes": (torch.tensor(0.25), 0.25),
    "tensor of whole numbers": (torch.tensor([1, 2]), [1, 2]),
    "tensor with a gradient": (torch.tensor(0.5, requires_grad=True), 0.5),
    "infinite tensor": (torch.tensor(-math.inf), None),
    "within": ({"a": [np.float32(1.5), {"b": torch.tensor(2)}]}, {"a": [1.5, {"b": 2}]}),
}


@pytest.mark.parametrize("kind", VALUES)
def test_a_line_takes_numbers_of_numpy_and_torch(kind: str, run: RunDirectory) -> None:
    given, wanted = VALUES[kind]
    run.log.append({"epoch": 1, "value": given})
    assert run.log.read() == [{"epoch": 1, "value": wanted}]


@pytest.mark.parametrize(
    "torn",
    [b'{"epoch": 2, "lo', b"{", b'{"epoch": 2}', '{"name": "é'.encode()[:-1], b'{"a": ' * 9_999],
    ids=["a half", "a brace", "no end of line", "half a letter", "a long one"],
)
@pytest.mark.parametrize("before", [0, 1, 3], ids=lambda count: f"after {count}")
def test_a_torn_line_is_cut_when_the_next_is_written(
    torn: bytes, before: int, run: RunDirectory
) -> None:
    whole = [{"epoch": number} for number in range(before)]
    for record in whole:
        run.log.append(record)
    with run.log.path.open("ab") as file:
        file.write(torn)
    run.log.append({"epoch": 10})
    run.log.append({"epoch": 11})
    wanted = [*whole, {"epoch": 10}, {"epoch": 11}]
    assert run.log.read() == wanted
    lines = run.log.path.read_bytes().splitlines(keepends=True)
    assert [json.loads(line) for line in lines] == wanted
    assert all(line.endswith(b"\n") for line in lines)


_draw = np.random.default_rng(7)
X = _draw.normal(size=(20, 3)).astype("float32")
LABELS = _draw.integers(0, 2, 20)


class Adding(keras.callbacks.Callback):
    """Adds numbers of NumPy's and torch's to the logs."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["norm"] = np.float32(epoch + 0.5)
        logs["tensor"] = torch.tensor(float(epoch))


def fit(directory: Path, **arguments: Any) -> RunDirectory:
    model = keras.Sequential([keras.Input([3]), keras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    asked = {"epochs": 2, "verbose": 0, **arguments}
    model.fit(X, LABELS, validation_data=(X, LABELS), run_dir=directory, **asked)
    return RunDirectory.open(directory)


def test_what_a_callback_adds_is_in_the_log(tmp_path: Path) -> None:
    run = fit(tmp_path / "run", callbacks=[Adding()])
    assert [(line["norm"], line["tensor"]) for line in run.log.read()] == [(0.5, 0.0), (1.5, 1.0)]
    assert run.read_settings()["fit"]["callbacks"] == ["Adding"]
    assert run.report_file.is_file()


def test_the_settings_hold_what_fit_was_asked_for(tmp_path: Path) -> None:
    run = fit(
        tmp_path / "run",
        epochs=4,
        batch_size=5,
        callbacks=[Adding(), keras.callbacks.EarlyStopping(patience=9)],
        class_weight={0: 1, 1: 2.5},
        validation_freq=2,
        steps_per_epoch=3,
        shuffle=False,
    )
    settings = run.read_settings()
    asked = dict(settings["fit"])
    assert isinstance(asked.pop("seed"), int)
    assert asked == {
        "epochs": 4,
        "initial_epoch": 0,
        "batch_size": 5,
        "shuffle": False,
        "steps_per_epoch": 3,
        "validation_freq": 2,
        "class_weight": {"0": 1.0, "1": 2.5},
        "callbacks": ["Adding", "EarlyStopping"],
    }
    assert ["val_loss" in line for line in run.log.read()] == [False, True, False, True]


def test_what_was_not_asked_for_is_left_out(tmp_path: Path) -> None:
    asked = fit(tmp_path / "run").read_settings()["fit"]
    assert "class_weight" not in asked and "steps_per_epoch" not in asked
    assert asked["callbacks"] == [] and asked["validation_freq"] == 1


@pytest.mark.parametrize(
    "which",
    [[1, 3], (1, 3), {1, 3}, range(1, 4, 2), np.array([1, 3])],
    ids=lambda w: type(w).__name__,
)
def test_which_epochs_are_validated_may_be_any_collection(which: Any, tmp_path: Path) -> None:
    run = fit(tmp_path / "run", epochs=3, validation_freq=which)
    assert sorted(run.read_settings()["fit"]["validation_freq"]) == [1, 3]
    assert ["val_loss" in line for line in run.log.read()] == [True, False, True]


@pytest.mark.parametrize(
    "name", ["epochs", "batch_size", "steps_per_epoch", "validation_freq", "initial_epoch"]
)
def test_counts_may_be_numpys(name: str, tmp_path: Path) -> None:
    run = fit(tmp_path / "run", **{name: np.int64(1)})
    assert run.read_settings()["fit"][name] == 1
