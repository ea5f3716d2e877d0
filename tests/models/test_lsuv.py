"""Layer-sequential unit variance: after it every marked layer's sums have variance one."""

from typing import Any

import numpy as np
import pytest
import torch

import latih
from latih.errors import InputError
from latih.layers import BatchNormalization, Dense, Dropout
from latih.models import lsuv
from latih.random import set_random_seed

X = np.random.default_rng(0).normal(1.0, 30.0, (300, 20)).astype("float32")


def marked(units: int, activation: Any = "relu", **kwargs: Any) -> Dense:
    return Dense(units, activation, kernel_initializer="lsuv", **kwargs)


def deep_net(depth: int = 12, activation: Any = "relu") -> Any:
    set_random_seed(3)
    hidden = [marked(20, activation) for _ in range(depth)]
    return latih.Sequential([latih.Input([20]), *hidden, marked(3, "softmax")])


def variances_by_hand(model: Any, x: np.ndarray) -> list[float]:
    """The variance of each layer's sums, reckoned in NumPy from the weights."""
    signal, found = x.astype("float64"), []
    for layer in model.layers:
        kernel, bias = layer.get_weights()
        sums = signal @ kernel + bias
        found.append(float(sums.var()))
        signal = layer.activation(torch.tensor(sums)).numpy()
    return found


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "elu", None])
def test_every_layers_sums_have_variance_one(activation: Any) -> None:
    model = deep_net(activation=activation)
    before = variances_by_hand(model, X)
    told = lsuv(model, X, tolerance=0.01)
    assert list(told) == [layer.name for layer in model.layers]
    assert told[model.layers[0].name] == pytest.approx(before[0], rel=1e-4)
    assert variances_by_hand(model, X) == pytest.approx([1.0] * 13, abs=0.02)


def test_only_the_length_of_the_weights_changes() -> None:
    model = deep_net(3)
    before = model.get_weights()
    lsuv(model, X)
    for old, new in zip(before, model.get_weights(), strict=True):
        if old.ndim == 2:
            ratio = np.linalg.norm(new) / np.linalg.norm(old)
            np.testing.assert_allclose(new, old * ratio, rtol=1e-4)
        else:
            np.testing.assert_array_equal(new, old)


def test_a_layer_near_enough_is_left_and_only_marked_ones_are_scaled() -> None:
    set_random_seed(1)
    first, plain, frozen = marked(20), Dense(20), marked(5)
    frozen.trainable = False
    model = latih.Sequential(
        [latih.Input([20]), first, BatchNormalization(), Dropout(0.5), plain, frozen]
    )
    before = model.get_weights()
    told = lsuv(model, X)
    assert list(told) == [first.name]
    changed = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert changed == [True] + [False] * (len(changed) - 1)
    once = model.get_weights()
    lsuv(model, X)
    for one, other in zip(once, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_scaling_at_most_is_what_was_asked_for() -> None:
    # With biases of zero the variance follows the square of the scale, so once is enough.
    model = deep_net(2)
    lsuv(model, X, tolerance=1e-3, max_iterations=1)
    assert variances_by_hand(model, X) == pytest.approx([1.0] * 3, abs=1e-3)


def test_a_model_that_is_not_built_is_built_and_a_layer_used_twice_is_scaled_once() -> None:
    class Twice(latih.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = marked(20)

        def call(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.inner(self.inner(inputs))

    model = Twice()
    assert list(lsuv(model, X)) == [model.inner.name]
    sums = X @ model.inner.get_weights()[0]
    assert sums.var() == pytest.approx(1, abs=0.1)
    assert not model.inner._forward_pre_hooks


def test_what_cannot_be_scaled_is_said() -> None:
    with pytest.raises(InputError, match="finds nothing to scale"):
        lsuv(latih.Sequential([latih.Input([20]), Dense(3)]), X)
    model = deep_net(1)
    with pytest.raises(InputError, match=model.layers[0].name):
        lsuv(model, np.zeros((5, 20)))
    assert not any(layer._forward_pre_hooks for layer in model.layers)
    with pytest.raises(InputError, match="tolerance"):
        lsuv(model, X, tolerance=0)
    with pytest.raises(InputError, match="max_iterations"):
        lsuv(model, X, max_iterations=0)


def test_a_deep_net_learns_sooner_after_it() -> None:
    dice = np.random.default_rng(1)
    x = dice.normal(size=(200, 20)).astype("float32")
    y = (x[:, 0] > 0).astype("int64")

    def last_loss(scaled: bool) -> float:
        model = deep_net(20, "tanh")
        model.compile(latih.optimizers.SGD(0.01), loss="sparse_categorical_crossentropy")
        if scaled:
            lsuv(model, x)
        return model.fit(x, y, epochs=10, verbose=0).history["loss"][-1]

    plain, scaled = last_loss(False), last_loss(True)
    assert scaled < 0.6 * plain
