"""Many predictions of the same examples: their mean, and how far they differ."""

from typing import Any

import numpy as np
import pytest
import torch

import latih
from latih.errors import InputError

_draw = np.random.default_rng(6)
X = _draw.normal(size=(5, 8)).astype("float32")
RATE, SAMPLES = 0.4, 4000


def one_unit() -> Any:
    latih.utils.set_random_seed(2)
    return latih.Sequential(
        [latih.Input((8,)), latih.layers.MCDropout(RATE), latih.layers.Dense(1)]
    )


def test_one_linear_unit_has_the_closed_form() -> None:
    # A weighted sum of inputs, each kept with probability 1 - r and then divided by it:
    # mean w·x + b, variance r / (1 - r) · Σ (w x)².
    model = one_unit()
    mean, deviation = model.predict(X, verbose=0, samples=SAMPLES)
    kernel, bias = model.get_weights()
    exact = np.sqrt(RATE / (1 - RATE) * ((X * kernel[:, 0]) ** 2).sum(axis=1, keepdims=True))
    assert np.abs(mean - (X @ kernel + bias)).max() < 5 * exact.max() / np.sqrt(SAMPLES)
    np.testing.assert_allclose(deviation, exact, rtol=0.06)
    assert mean.shape == deviation.shape == (5, 1)


def test_the_mean_is_that_of_the_single_predictions() -> None:
    model = one_unit()
    found = model.predict(X, verbose=0, samples=SAMPLES, batch_size=2)
    singles = np.stack([model.predict(X, verbose=0) for _ in range(400)])
    assert singles.std(axis=0).min() > 0
    np.testing.assert_allclose(found.mean, singles.mean(axis=0), atol=0.25)
    np.testing.assert_allclose(found.deviation, singles.std(axis=0), rtol=0.25)


def test_without_a_layer_that_draws_there_is_no_deviation() -> None:
    model = latih.Sequential(
        [latih.Input((8,)), latih.layers.Dropout(0.5), latih.layers.Dense(3, activation="tanh")]
    )
    mean, deviation = model.predict(X, verbose=0, samples=7)
    np.testing.assert_allclose(mean, model.predict(X, verbose=0), rtol=1e-6)
    np.testing.assert_allclose(deviation, 0, atol=1e-7)


def test_each_output_has_a_mean_and_a_deviation() -> None:
    x = latih.Input((8,))
    drawn = latih.layers.MCDropout(0.5)(x)
    model = latih.Model(
        x, {"sure": latih.layers.Dense(2)(x), "unsure": latih.layers.Dense(3)(drawn)}
    )
    mean, deviation = model.predict(X, verbose=0, samples=20)
    assert mean["unsure"].shape == deviation["unsure"].shape == (5, 3)
    np.testing.assert_allclose(deviation["sure"], 0, atol=1e-6)
    assert deviation["unsure"].min() > 0


@pytest.mark.parametrize("samples", [0, -1, 1.5, "many"])
def test_the_number_of_samples_is_a_whole_number(samples: Any) -> None:
    with pytest.raises(InputError, match="`samples`"):
        one_unit().predict(X, verbose=0, samples=samples)


def test_one_sample_has_no_deviation() -> None:
    _, deviation = one_unit().predict(torch.from_numpy(X), verbose=0, samples=1)
    assert (deviation == 0).all()
