"""The net that the recipe builds is the one that was asked for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latih.errors import InputError
from latih.recipes import DenseSettings, Examples, build_dense, train_dense
from latih.run_directory import RunDirectory

_draw = np.random.default_rng(9)


def examples(kind: str = "classes", count: int = 40, images: bool = False) -> Examples:
    shape = (count, 4, 4) if images else (count, 5)
    x = _draw.integers(0, 256, shape, dtype="uint8") if images else _draw.normal(size=shape) * 7 + 3
    targets = {
        "classes": np.arange(count) % 3,
        "quantity": x.reshape(count, -1)[:, 0] / 7.0,
        "quantities": np.stack([x.reshape(count, -1)[:, 0], x.reshape(count, -1)[:, 1]], 1) / 7.0,
    }
    part = (x, targets[kind])
    return Examples("small", part, part, part, ("a", "b", "c") if kind == "classes" else ())


def kinds(settings: DenseSettings, data: Examples) -> list[str]:
    return [type(layer).__name__ for layer in build_dense(settings, data).layers]


def test_the_layers_are_those_that_were_asked_for() -> None:
    small = DenseSettings(hidden=(6,))
    block = ["Dense", "BatchNormalization", "Activation"]
    assert kinds(small, examples()) == ["Flatten", "Normalization", *block, "Dense"]
    assert kinds(small, examples(images=True)) == ["Flatten", "Rescaling", *block, "Dense"]
    plain = replace(small, batch_norm=False, dropout=0.2, hidden=(6, 5))
    block = ["Dense", "Activation", "Dropout"]
    assert kinds(plain, examples())[2:] == [*block, *block, "Dense"]


FITTING = {
    "relu": "HeNormal",
    "elu": "HeNormal",
    "selu": "LecunNormal",
    "tanh": "GlorotUniform",
    "sigmoid": "GlorotUniform",
}


@pytest.mark.parametrize(("activation", "initializer"), FITTING.items())
def test_the_initialisation_fits_the_activation(activation: str, initializer: str) -> None:
    settings = DenseSettings(hidden=(6,), activation=activation)
    model = build_dense(settings, examples())
    assert type(model.layers[2].kernel_initializer).__name__ == initializer
    chosen = build_dense(replace(settings, initializer="lecun_uniform"), examples())
    assert type(chosen.layers[2].kernel_initializer).__name__ == "LecunUniform"


ENDS = {"classes": (3, "softmax"), "quantity": (1, "linear"), "quantities": (2, "linear")}


@pytest.mark.parametrize(("kind", "end"), ENDS.items())
def test_the_last_layer_fits_the_targets(kind: str, end: tuple[int, str]) -> None:
    model = build_dense(DenseSettings(hidden=(6,)), examples(kind))
    last: Any = model.layers[-1]
    assert (last.units, last.activation.__name__) == end
    assert model.loss == ("sparse_categorical_crossentropy" if kind == "classes" else "mse")


def test_the_price_of_weights_and_the_rate_are_set() -> None:
    settings = DenseSettings(hidden=(6, 5), l2=0.25, optimizer="sgd", learning_rate=0.5)
    model = build_dense(settings, examples())
    assert model.optimizer is not None and float(model.optimizer.learning_rate) == 0.5
    assert len(model.losses) == 2
    kernel = model.layers[2].get_weights()[0]
    assert float(model.losses[0].detach()) == pytest.approx(0.25 * (kernel**2).sum(), rel=1e-5)


def test_columns_of_any_scale_come_in_alike() -> None:
    data = examples(count=200)
    normalised = build_dense(DenseSettings(), data).layers[1](data.training[0]).numpy()
    np.testing.assert_allclose(normalised.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(normalised.std(axis=0), 1, atol=1e-4)


@pytest.mark.parametrize("kind", ENDS)
def test_a_run_is_trained_judged_and_written_down(kind: str, tmp_path: Path) -> None:
    trained = train_dense(
        DenseSettings(hidden=(6,), epochs=2, patience=None), examples(kind), tmp_path, verbose=0
    )
    run = RunDirectory.open(tmp_path)
    assert trained.run.path == tmp_path and trained.page == run.report_file
    evaluation = run.evaluation.read()
    assert evaluation["scores"] == pytest.approx(trained.scores)
    assert ("confusion" in evaluation) == (kind == "classes")
    assert run.read_settings()["run"]["epochs_done"] == 2
    assert run.report_file.is_file() and run.best_file.is_file() and run.final_file.is_file()


@pytest.mark.parametrize("epochs", [0, -1])
def test_no_epochs_are_refused(epochs: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`epochs` is out of range"):
        train_dense(DenseSettings(epochs=epochs), examples(), tmp_path / "run")
    assert not (tmp_path / "run").exists()
