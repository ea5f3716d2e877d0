"""Small trainings on data that are half noise, and of nets whose layers rest on purpose."""

import numpy as np
import pytest

from latih import callbacks, optimizers, random, transfer
from latih.doctor import Diagnosis
from latih.doctor.watch import Doctor
from latih.layers import Dense, Input
from latih.models import Sequential
from latih.optimizers.groups import Group


def net(width: int, activation: str | None) -> Sequential:
    hidden = [Dense(64, activation="relu", kernel_initializer="he_normal") for _ in range(2)]
    return Sequential([Input([width]), *hidden, Dense(1, activation=activation)])


def products(seed: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Return normal rows, and whether their first two numbers have the same sign."""
    drawn = np.random.default_rng(seed)
    x = drawn.normal(size=(1500, 10)).astype("float32")
    return x, (x[:, 0] * x[:, 1] > 0).astype("float32"), drawn


def told(model, x, y, epochs, *further) -> Diagnosis:
    doctor = Doctor()
    model.fit(x, y, epochs=epochs, validation_split=0.2, verbose=0, callbacks=[*further, doctor])
    return doctor.diagnosis


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", ["a third flipped", "in another order"])
def test_noisy_labels_learned_by_heart_are_no_fault(kind, seed):
    random.set_random_seed(seed)
    x, y, drawn = products(seed)
    y = drawn.permutation(y) if kind == "in another order" else abs(y - (drawn.random(1500) < 0.3))
    model = net(10, "sigmoid")
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    assert told(model, x, y, 15).faults == []


@pytest.mark.parametrize("seed", [0, 1])
def test_a_noisy_regression_is_no_fault(seed):
    random.set_random_seed(seed)
    drawn = np.random.default_rng(seed)
    x = drawn.normal(size=(300, 5)).astype("float32")
    model = net(5, None)
    model.compile("adam", "mse")
    y = x[:, 0] + 1.5 * drawn.normal(size=300).astype("float32")
    assert told(model, x, y, 30).faults == []


def faults_on_products(rest) -> list[str]:
    """Train a net that learns, some layers of which are put to rest."""
    random.set_random_seed(0)
    x, y, _ = products(0)
    model = net(10, "sigmoid")
    model.compile(optimizers.Adam(), "binary_crossentropy")
    return [one.code for one in told(model, x, y, 12, *rest(model)).faults]


def test_layers_that_wait_to_be_unfrozen_are_meant_to_rest():
    def waiting(model):
        return [callbacks.GradualUnfreezing(transfer.groups(model, 3), every=5)]

    assert "parameters-not-training" not in faults_on_products(waiting)


def test_a_group_with_a_rate_of_0_is_meant_to_rest():
    def resting(model):
        model.optimizer.set_groups([Group(model.layers[:1], learning_rate=0)])
        return []

    assert "parameters-not-training" not in faults_on_products(resting)


def test_where_all_rates_are_0_nobody_meant_it():
    def nothing(model):
        model.optimizer.set_groups([Group(model.layers, learning_rate=0)])
        return []

    assert "parameters-not-training" in faults_on_products(nothing)
