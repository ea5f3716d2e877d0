"""Every way to learn without labels keeps the contract of models, and is documented."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from latih import layers, pretraining
from latih.layers import LAYERS
from latih.models import Model
from latih.pretraining.unlabelled import Unlabelled


def small() -> Any:
    return layers.Dense(3, "relu")


# A way to make it, and a shape of each rank that it takes.
CASES: dict[str, tuple[Callable[[], Unlabelled], list[tuple[int, ...]]]] = {
    "RBM": (
        lambda: pretraining.RBM(3, "gaussian", k=2, persistent=True, chains=5, sparsity=0.1),
        [(4, 5), (4, 3, 2), (4, 3, 2, 2)],
    ),
    "Autoencoder": (
        lambda: pretraining.Autoencoder(small(), tied=True, reconstruction_loss="huber"),
        [(4, 5)],
    ),
    "DenoisingAutoencoder": (
        lambda: pretraining.DenoisingAutoencoder(small(), None, 0.5, "gaussian", seed=3),
        [(4, 5), (4, 3, 2)],
    ),
    "MaskedAutoencoder": (
        lambda: pretraining.MaskedAutoencoder([layers.Flatten(), small()], masked=0.4, patch=2),
        [(4, 5), (4, 3, 2), (4, 3, 4, 2)],
    ),
    "Contrastive": (
        lambda: pretraining.Contrastive(
            [layers.Flatten(), small()], [layers.Dropout(0.5)], projection=(4, 2), temperature=0.2
        ),
        [(4, 5), (4, 3, 2), (4, 3, 4, 2)],
    ),
}
RANKS = [(name, shape) for name, (_, shapes) in CASES.items() for shape in shapes]
FUNCTIONS = ("greedy", "simclr_loss", "vicreg_loss")
OTHERS = ("DBN", "Stack", "TiedDecoder", "LAYERS")

each = pytest.mark.parametrize("name", CASES)


def test_every_class_has_a_case_and_stands_in_the_table(public_classes: Any) -> None:
    assert {cls.__name__ for cls in public_classes(pretraining, Model)} == set(CASES)
    for name in CASES:
        assert LAYERS.find(name) is getattr(pretraining, name)
    public = {
        name
        for name, thing in vars(pretraining).items()
        if not name.startswith("_") and not inspect.ismodule(thing)
    }
    assert public == {*CASES, *FUNCTIONS, *OTHERS}


@each
def test_the_config_comes_back(name: str, assert_comes_back: Any) -> None:
    assert_comes_back(LAYERS, CASES[name][0]())


@pytest.mark.parametrize(("name", "shape"), RANKS)
def test_it_runs_on_each_rank(name: str, shape: tuple[int, ...], assert_comes_back: Any) -> None:
    model = CASES[name][0]()
    x = np.random.default_rng(0).random(shape).astype("float32")
    history = model.fit(x, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert model.predict(x, verbose=0).shape == model.compute_output_shape(shape)
    assert model.encoder.predict(x, verbose=0).shape[0] == len(x)
    again = assert_comes_back(LAYERS, model)
    again.build((None, *shape[1:]))
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


@each
def test_it_is_documented(name: str, assert_documented: Any) -> None:
    assert_documented(getattr(pretraining, name), "Args", "Shapes", "Raises", "Reference")


@pytest.mark.parametrize("name", [*FUNCTIONS, "DBN", "TiedDecoder"])
def test_what_is_no_model_is_documented(name: str) -> None:
    told = inspect.getdoc(getattr(pretraining, name)) or ""
    for section in ("Args:", "Raises:", "Example:", ">>>", "Reference:"):
        assert section in told
    for parameter in inspect.signature(getattr(pretraining, name)).parameters:
        assert f"    {parameter}: " in told
