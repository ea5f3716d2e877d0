"""The rate that the command line finds, for the recipe's net and for a saved model."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import latih as keras
from latih.cli.app import app


@pytest.fixture
def data(tmp_path: Path) -> Path:
    dice = np.random.default_rng(0)
    x = dice.normal(size=(400, 5)).astype("float32")
    np.savez(tmp_path / "data.npz", x=x, y=(x @ dice.normal(size=(5, 3))).argmax(axis=1))
    return tmp_path / "data.npz"


def said(*arguments: object) -> dict[str, str]:
    result = CliRunner().invoke(app, ["lr-find", *map(str, arguments)], env={"TERM": "dumb"})
    assert result.exit_code == 0, result.output
    return dict(line.split(": ", 1) for line in result.output.strip().splitlines())


def test_of_the_recipes_net(data: Path, tmp_path: Path) -> None:
    told = said(data, "--hidden", "16", "--plot", tmp_path / "range.png", "--seed", 3)
    assert 1e-4 < float(told["Learning rate"]) < 1
    assert told["Reason"].endswith(".")
    assert (tmp_path / "range.png").stat().st_size > 1000
    again = said(data, "--hidden", "16", "--seed", 3)
    assert again["Learning rate"] == told["Learning rate"]


def test_of_a_saved_model(data: Path, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input([5]), keras.layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.save(tmp_path / "model.keras")
    told = said(data, "--model", tmp_path / "model.keras")
    assert float(told["Learning rate"]) > 0
