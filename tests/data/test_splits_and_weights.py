"""The rows that are held back are Keras's; a class's weight reaches each of its examples."""

import math
from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from keras.src.trainers.data_adapters import array_slicing

import latih
from latih.data import class_weights_as_sample_weights, split_last
from latih.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@given(st.integers(2, 5000), st.floats(0.001, 0.999))
def test_the_split_is_where_keras_splits(length: int, fraction: float) -> None:
    at = math.floor(length * (1.0 - fraction))
    rows = np.arange(length)
    if at in (0, length):
        with pytest.raises(InputError, match="leaves nothing on one side"):
            split_last(fraction, torch.tensor(rows))
        return
    (theirs,), (held,) = array_slicing.train_validation_split((rows,), fraction)
    (first,), (last,) = split_last(fraction, torch.tensor(rows))
    assert first is not None and last is not None
    np.testing.assert_array_equal(first.numpy(), theirs)
    np.testing.assert_array_equal(last.numpy(), held)
    assert len(first) == at


def test_every_array_is_parted_alike_and_none_stays_none() -> None:
    first, last = split_last(0.25, torch.arange(8), None, torch.arange(8) * 2)
    assert [None if p is None else p.tolist() for p in first] == [
        [0, 1, 2, 3, 4, 5],
        None,
        [0, 2, 4, 6, 8, 10],
    ]
    assert [None if p is None else p.tolist() for p in last] == [[6, 7], None, [12, 14]]


@pytest.mark.parametrize("fraction", [-0.5, 1.0, 2.0, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction: float) -> None:
    with pytest.raises(InputError, match="> 0 and < 1"):
        split_last(fraction, torch.arange(8))


TARGETS = {
    "numbers": torch.tensor([0, 1, 2, 1]),
    "floats": torch.tensor([0.0, 1.0, 2.0, 1.0]),
    "a column": torch.tensor([[0], [1], [2], [1]]),
    "one-hot": torch.eye(3)[torch.tensor([0, 1, 2, 1])],
}


@pytest.mark.parametrize("targets", TARGETS.values(), ids=TARGETS)
def test_each_example_weighs_what_its_class_weighs(targets: torch.Tensor) -> None:
    weights = class_weights_as_sample_weights(targets, {1: 5.0, 2: 0.5})
    assert weights.tolist() == [1.0, 5.0, 0.5, 5.0]


def test_a_class_without_examples_may_have_a_weight() -> None:
    assert class_weights_as_sample_weights(torch.tensor([0, 1]), {9: 3.0}).tolist() == [1.0, 1.0]


def test_a_weight_needs_one_class_an_example() -> None:
    with pytest.raises(InputError, match="Give sample_weight instead"):
        class_weights_as_sample_weights(torch.zeros(2, 3, 4), {0: 1.0})


def test_a_run_with_class_weights_is_the_run_that_keras_makes_of_them() -> None:
    dice = np.random.default_rng(8)
    x, y = dice.normal(size=(30, 4)).astype("float32"), dice.integers(0, 3, 30)
    models: list[Any] = []
    for k in (keras, latih):
        model = k.Sequential([k.Input((4,)), k.layers.Dense(3, activation="softmax")])
        model.compile("sgd", loss="sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
        models.append(model)
    theirs, ours = models
    ours.set_weights(theirs.get_weights())
    given = {
        "class_weight": {0: 2.0, 1: 0.25},
        "sample_weight": dice.uniform(0, 2, 30).astype("float32"),
        "epochs": 2,
        "batch_size": 8,
        "shuffle": False,
        "verbose": 0,
    }
    try:
        wanted = theirs.fit(x, y, **given).history
    except ValueError:  # Keras takes one of the two
        given["sample_weight"] = None
        wanted = theirs.fit(x, y, **given).history
    got = ours.fit(x, y, **given).history
    for name, values in wanted.items():
        assert got[name] == pytest.approx([float(value) for value in values], rel=1e-5)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
