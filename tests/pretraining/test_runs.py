"""Every way to learn without labels goes through the engine: recorded, kept, resumed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latih as keras
from latih import layers, pretraining

X = np.random.default_rng(0).random((96, 6, 6)).astype("float32")
FLAT = X.reshape(96, -1)


def dense() -> list[Any]:
    return [layers.Flatten(), layers.Dense(12, "relu"), layers.Dense(5, "relu")]


WAYS: dict[str, Callable[[], Any]] = {
    "rbm": lambda: pretraining.RBM(7),
    "rbm, persistent": lambda: pretraining.RBM(7, persistent=True, chains=9, k=2),
    "rbm, gaussian": lambda: pretraining.RBM(7, visible="gaussian", sparsity=0.1),
    "rbm, numbers": lambda: pretraining.RBM(7, hidden="gaussian", weight_decay=0.1),
    "autoencoder": lambda: pretraining.Autoencoder(dense()),
    "autoencoder, tied": lambda: pretraining.Autoencoder(dense(), tied=True),
    "denoising": lambda: pretraining.DenoisingAutoencoder(dense()),
    "denoising, salt": lambda: pretraining.DenoisingAutoencoder(dense(), kind="salt_and_pepper"),
    "denoising, noise": lambda: pretraining.DenoisingAutoencoder(dense(), kind="gaussian"),
    "masked": lambda: pretraining.MaskedAutoencoder(dense(), patch=2),
    "contrastive": lambda: pretraining.Contrastive(dense(), projection=(6, 4)),
    "vicreg": lambda: pretraining.Contrastive(
        dense(), layers.Dropout(0.2), method="vicreg", projection=(6,)
    ),
}
each = pytest.mark.parametrize("way", WAYS)


def trained(way: str, **more: Any) -> Any:
    keras.utils.set_random_seed(5)
    model = WAYS[way]()
    if "jit" in more:
        model.compile(jit_compile=more.pop("jit"))
    arguments = {"epochs": 3, "batch_size": 32, "verbose": 0, **more}
    model.fit(X, **arguments)
    return model


def assert_same(one: Any, other: Any) -> None:
    for mine, its in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)


@each
def test_a_step_is_recorded_and_gives_the_same_bits(way: str, without_native: None) -> None:
    model = trained(way)
    assert "replayed from a record" in model.explain_step(), model.explain_step()
    assert_same(model, trained(way, jit=False))


@each
def test_a_run_goes_on_to_the_same_bits(way: str, tmp_path: Path, without_curves: None) -> None:
    trained(way, epochs=1, run_dir=tmp_path / "run", validation_data=X[:32])
    again = trained(way, epochs=3, run_dir=tmp_path / "run", validation_data=X[:32])
    whole = trained(way, validation_data=X[:32])
    assert_same(again, whole)
    assert again.history.history["val_loss"] == whole.history.history["val_loss"]


@each
def test_a_file_gives_it_back(way: str, tmp_path: Path) -> None:
    model = trained(way)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model.predict(X, verbose=0), again.predict(X, verbose=0))
    assert again.fit(X, epochs=1, verbose=0).history["loss"]


@each
def test_an_encoder_stands_by_itself(way: str, tmp_path: Path) -> None:
    encoder = trained(way).encoder
    assert isinstance(encoder, keras.Model)
    encoder.save(tmp_path / "encoder.keras")
    again = keras.models.load_model(tmp_path / "encoder.keras")
    np.testing.assert_array_equal(encoder.predict(X, verbose=0), again.predict(X, verbose=0))
    net = keras.Sequential([again, layers.Dense(2, "softmax")])
    net.compile("adam", "sparse_categorical_crossentropy")
    net.fit(X, np.arange(96) % 2, epochs=1, verbose=0)


@each
def test_it_is_the_same_with_the_examples_as_targets_as_scripts_for_keras_write_it(
    way: str,
) -> None:
    keras.utils.set_random_seed(5)
    model = WAYS[way]()
    model.fit(X, X, epochs=3, batch_size=32, verbose=0, validation_data=(X, X))
    assert_same(model, trained(way, validation_data=X))
    assert model.evaluate(X, X, verbose=0) > 0


@each
def test_learning_lowers_the_loss(way: str) -> None:
    blobs = np.repeat(np.eye(4, dtype="float32"), 9, axis=1).repeat(24, axis=0).reshape(96, 6, 6)
    keras.utils.set_random_seed(5)
    model = WAYS[way]()
    model.compile(keras.optimizers.Adam(0.01))
    losses = model.fit(blobs, epochs=40, batch_size=32, verbose=0).history["loss"]
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:2])


@pytest.mark.parametrize("way", ["rbm", "denoising", "contrastive"])
def test_the_doctor_looks_on(way: str) -> None:
    model = trained(way, doctor="watch")
    assert model.history.diagnosis is not None
