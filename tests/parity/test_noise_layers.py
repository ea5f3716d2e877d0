"""Layers that draw: what they draw has Keras's distribution, and is a function of the seed."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import torch

import latih
from latih import random

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LAYERS: dict[str, Callable[..., Any]] = {
    "AlphaDropout": lambda k, **given: k.layers.AlphaDropout(0.3, **given),
    "AlphaDropout of much": lambda k, **given: k.layers.AlphaDropout(0.9, **given),
    "GaussianNoise": lambda k, **given: k.layers.GaussianNoise(0.4, **given),
    "GaussianDropout": lambda k, **given: k.layers.GaussianDropout(0.3, **given),
    "GaussianDropout of much": lambda k, **given: k.layers.GaussianDropout(0.9, **given),
}
OURS = [*LAYERS, "MCDropout", "Dropout"]
each = pytest.mark.parametrize("name", LAYERS)


def make_ours(name: str, seed: int = 3) -> Any:
    if name in LAYERS:
        return LAYERS[name](latih, seed=seed)
    return getattr(latih.layers, name)(0.3, seed=seed)


@each
def test_outside_training_nothing_changes_as_in_keras(name: str) -> None:
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    for library in (latih, keras):
        assert torch.equal(LAYERS[name](library)(x, training=False), x)


@each
@pytest.mark.parametrize("value", [1.0, -0.5, 3.0])
def test_in_training_outputs_are_spread_as_keras(name: str, value: float) -> None:
    x = torch.full((400, 300), value)
    got, wanted = (
        LAYERS[name](library, seed=5)(x, training=True).numpy() for library in (latih, keras)
    )
    spread = float(wanted.std())
    # Of 120,000 draws the mean is known to 1/350 of the deviation.
    assert got.mean() == pytest.approx(wanted.mean(), abs=0.02 * spread)
    assert got.std() == pytest.approx(spread, rel=0.02)
    if name.startswith("Alpha"):
        both = [np.unique(values.round(4)) for values in (got, wanted)]
        np.testing.assert_allclose(*both, atol=2e-4)  # on and off, where Keras puts them
        shares = [(values > values.mean()).mean() for values in (got, wanted)]
        assert shares[0] == pytest.approx(shares[1], abs=0.01)
    else:
        quantiles = np.linspace(0.01, 0.99, 15)
        np.testing.assert_allclose(
            *(np.quantile(values, quantiles) for values in (got, wanted)), atol=0.05 * spread
        )


@each
def test_gradients_are_those_of_what_was_drawn(name: str) -> None:
    x = torch.randn(6, 5, generator=torch.Generator().manual_seed(1)).requires_grad_()
    outputs = LAYERS[name](latih, seed=5)(x, training=True)
    (gradient,) = torch.autograd.grad(outputs.sum(), x)
    # Each is linear in its inputs: the difference of two draws of the same seed is the slope.
    with torch.no_grad():
        slope = (LAYERS[name](latih, seed=5)(x + 1, training=True) - outputs) / 1.0
    torch.testing.assert_close(gradient, slope, rtol=1e-4, atol=1e-4)


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    x = torch.randn(1000, 200, generator=torch.Generator().manual_seed(2))
    for rate in (0.1, 0.5, 0.8):
        outputs = latih.layers.AlphaDropout(rate, seed=4)(x, training=True)
        assert abs(outputs.mean().item()) < 0.02
        assert outputs.std().item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("noise_shape", [(None, 1), (1, None), (1, 1), (6, 1)])
def test_alpha_dropout_shares_its_mask_as_keras_does(noise_shape: Any) -> None:
    x = torch.ones(6, 40)
    got, wanted = (
        library.layers.AlphaDropout(0.5, noise_shape, seed=7)(x, training=True)
        for library in (latih, keras)
    )
    for axis in (0, 1):
        if noise_shape[axis] == 1:
            assert got.std(dim=axis).max() < 1e-6 and wanted.std(dim=axis).max() < 1e-6
    if noise_shape == (None, 1):
        assert len(got[:, 0].unique()) == 2


@pytest.mark.parametrize("name", OURS)
def test_the_draws_are_a_function_of_the_seed_and_their_number(name: str) -> None:
    x = torch.ones(50)
    one, other = make_ours(name), make_ours(name)
    state = torch.get_rng_state()
    first, second = one(x, training=True), one(x, training=True)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(first, second)
    assert torch.equal(other(x, training=True), first)
    other.seed_generator.draws = 1
    assert torch.equal(other(x, training=True), second)
    assert not torch.equal(make_ours(name, seed=4)(x, training=True), first)


@pytest.mark.parametrize("name", ["AlphaDropout", "GaussianDropout", "GaussianNoise"])
def test_of_nothing_there_is_no_draw(name: str) -> None:
    layer = getattr(latih.layers, name)(0.0)
    x = torch.ones(3, 4)
    assert torch.equal(layer(x, training=True), x)
    assert layer.seed_generator.draws == 0


def test_mc_dropout_drops_in_inference_what_dropout_drops_in_training() -> None:
    x = torch.ones(100, 30)
    always = latih.layers.MCDropout(0.3, seed=3)
    usual = latih.layers.Dropout(0.3, seed=3)
    assert torch.equal(always(x, training=False), usual(x, training=True))
    assert torch.equal(always(x, training=True), usual(x, training=True))
    assert isinstance(always, latih.layers.Dropout)


def test_predictions_with_mc_dropout_vary_and_their_mean_is_the_net_without() -> None:
    random.set_random_seed(5)
    layer = latih.layers.Dense(1, use_bias=False)
    model = latih.Sequential([latih.Input([20]), latih.layers.MCDropout(0.2, seed=1), layer])
    x = np.random.default_rng(3).normal(size=(1, 20)).astype("float32")
    draws = np.array([model.predict(np.repeat(x, 100, 0), verbose=0) for _ in range(20)]).ravel()
    kernel = layer.get_weights()[0][:, 0]
    # What each input adds is kept with probability 0.8 and multiplied by 1/0.8.
    deviation = float(((x[0] * kernel) ** 2).sum() * (1 / 0.8 - 1)) ** 0.5
    assert draws.std() == pytest.approx(deviation, rel=0.1)
    assert draws.mean() == pytest.approx(float(x[0] @ kernel), abs=5 * deviation / 2000**0.5)
