"""A run is judged by its files as its own doctor judged it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latih as keras
from latih.doctor import read
from latih.errors import FileFormatError
from latih.layers import Dense, Input
from latih.run_directory import RunDirectory

DICE = np.random.default_rng(0)
X = DICE.normal(size=(320, 8)).astype("float32")
LABELS = (X @ DICE.normal(size=(8, 3))).argmax(axis=1)


def trained(folder: Path, optimizer: Any = "adam", doctor: Any = "watch", **told: Any) -> Any:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([Input([8]), Dense(16, "relu"), Dense(3, "softmax")])
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model.fit(
        *(X, LABELS), epochs=8, verbose=0, doctor=doctor, run_dir=folder,
        validation_split=0.2, **told,
    )  # fmt: skip


@pytest.mark.parametrize("rate", [0.003, 1e-7, 1e12])
def test_it_says_what_the_run_was_told(rate: float, tmp_path: Path, without_curves: None) -> None:
    history = trained(tmp_path / "run", keras.optimizers.SGD(rate))
    found = read(tmp_path / "run")
    assert found.to_dict() == history.diagnosis.to_dict()
    assert found.is_healthy == (rate == 0.003) and found.is_watched
    assert str(found) == str(history.diagnosis)


def test_a_run_without_a_doctor_is_judged_by_its_log(tmp_path: Path, without_curves: None) -> None:
    trained(tmp_path / "run", doctor=False)
    found = read(tmp_path / "run")
    assert found.is_healthy and not found.is_watched and not found.to_dict()["watched"]
    assert "No fault found" not in str(found)
    assert str(found).startswith("No doctor watched this run.") and "latih doctor" in str(found)
    run = RunDirectory.open(tmp_path / "run")
    falls, grows = np.geomspace(1, 0.01, 30), np.linspace(1, 5, 30)
    run.log.start(
        [
            {"epoch": n + 1, "loss": float(falls[n]), "val_loss": float(grows[n]), "seconds": 0.1}
            for n in range(30)
        ]
    )
    found = read(run.path)
    assert [one.code for one in found.faults] == ["overfitting"]
    assert "judged by the curves of its log alone" in str(found)


def test_a_run_that_was_killed_is_judged_by_what_there_is(
    tmp_path: Path, without_curves: None
) -> None:
    trained(tmp_path / "run", keras.optimizers.SGD(1e-7))
    run = RunDirectory.open(tmp_path / "run")
    lines = run.layers.path.read_text().splitlines()
    run.layers.path.write_text("\n".join(lines[:5]) + '\n{"step": 9')
    run.log.path.write_text("")
    assert read(run.path).to_dict().keys() == {"healthy", "watched", "findings"}


def test_damaged_files_are_refused(tmp_path: Path, without_curves: None) -> None:
    with pytest.raises(FileFormatError, match="not a run directory"):
        read(tmp_path)
    trained(tmp_path / "run")
    run = RunDirectory.open(tmp_path / "run")
    facts = run.facts.read()
    for harm in (
        {"facts": 3},
        {"facts": {"outputs": [{}]}},
    ):
        run.facts.path.write_text(json.dumps({**facts, **harm}))
        with pytest.raises(FileFormatError, match=r"facts\.json"):
            read(run.path)
