"""``latih predict`` writes what the model predicts; ``latih report`` makes the same page again."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latih as keras

X = np.random.default_rng(1).normal(size=(20, 4)).astype("float32")


def saved(path: Path, outputs: int, activation: str | None) -> Any:
    model = keras.Sequential([keras.Input([4]), keras.layers.Dense(outputs, activation=activation)])
    model.save(path)
    return model


def table(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_a_classifiers_table_is_what_the_model_predicts(command: Any, tmp_path: Path) -> None:
    model = saved(tmp_path / "m.keras", 3, "softmax")
    np.savez(tmp_path / "new.npz", x=X)
    done = command("predict", "m.keras", "new.npz", "-o", "deep/out.csv", "--batch-size", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "20 predictions in deep/out.csv\n"
    header, *rows = table(tmp_path / "deep" / "out.csv")
    assert header == ["index", "class", "probability"]
    wanted = model.predict(X, verbose=0)
    assert [int(row[0]) for row in rows] == list(range(20))
    assert [int(row[1]) for row in rows] == wanted.argmax(axis=1).tolist()
    np.testing.assert_allclose([float(row[2]) for row in rows], wanted.max(axis=1), atol=1e-6)


@pytest.mark.parametrize(("outputs", "activation"), [(2, None), (1, "sigmoid")])
def test_other_outputs_are_written_as_they_are(
    outputs: int, activation: str | None, command: Any, tmp_path: Path
) -> None:
    model = saved(tmp_path / "m.keras", outputs, activation)
    np.savez(tmp_path / "new.npz", x=X)
    assert command("predict", "m.keras", "new.npz").returncode == 0
    header, *rows = table(tmp_path / "predictions.csv")
    assert header == ["index", *(f"output_{number}" for number in range(outputs))]
    numbers = np.array(rows, float)[:, 1:].astype("float32")
    np.testing.assert_allclose(numbers, model.predict(X, verbose=0), rtol=1e-5, atol=1e-7)


@pytest.fixture
def run(tmp_path: Path) -> Any:
    model = keras.Sequential([keras.Input([4]), keras.layers.Dense(3, activation="softmax")])
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    labels = np.arange(20) % 3
    model.fit(X, labels, epochs=3, verbose=0, validation_split=0.2, run_dir=tmp_path / "run")
    return tmp_path / "run"


def test_a_run_directory_is_predicted_with_its_best_model(
    run: Path, command: Any, tmp_path: Path
) -> None:
    np.savez(tmp_path / "new.npz", x=X)
    done = command("predict", "run", "new.npz")
    assert (done.returncode, done.stderr) == (0, "")
    _, *rows = table(tmp_path / "predictions.csv")
    best = keras.models.load_model(run / "best.keras").predict(X, verbose=0)
    assert [int(row[1]) for row in rows] == best.argmax(axis=1).tolist()


def test_the_page_is_made_again_with_the_same_bytes(run: Path, command: Any) -> None:
    page = run / "report.html"
    before = page.read_bytes()
    page.unlink()
    done = command("report", "run")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Page: run/report.html\n"
    assert page.read_bytes() == before
