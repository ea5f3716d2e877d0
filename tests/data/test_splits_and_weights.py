"""The rows that are held back are Keras's; a class's weight reaches each of its examples."""

import math
from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from keras.src.trainers.data_adapters import array_slicing, data_adapter_utils

import latih
from latih.data import (
    class_weights_as_sample_weights,
    sample_weights_as_list,
    split_last,
    targets_as_list,
)
from latih.data.weights import ClassWeights
from latih.errors import InputError, LatihWarning

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


def test_a_class_without_examples_may_have_a_weight_and_is_warned_of() -> None:
    with pytest.warns(LatihWarning, match="names 8, 9, and no example is of these classes"):
        weights = class_weights_as_sample_weights(torch.tensor([0, 1]), {9: 3.0, 1: 2.0, 8: 1.0})
    assert weights.tolist() == [1.0, 2.0]


@given(
    st.lists(st.integers(-3, 12), min_size=1, max_size=30),
    st.dictionaries(
        st.integers(-3, 15), st.floats(0, 9, width=32, allow_subnormal=False), max_size=8
    ),
)
def test_weights_are_looked_up_as_keras_looks_them_up(
    labels: list[int], class_weight: dict[int, float]
) -> None:
    wanted = data_adapter_utils.class_weight_to_sample_weights(np.array(labels), class_weight)
    got = ClassWeights(class_weight)(torch.tensor(labels))
    np.testing.assert_array_equal(got.numpy(), wanted)
    assert ClassWeights(class_weight).absent(torch.tensor(labels)) == sorted(
        set(class_weight) - set(labels)
    )


def test_floats_are_rounded_to_class_numbers_as_keras_rounds_them() -> None:
    labels = torch.tensor([[0.9999], [2.0001]])
    wanted = data_adapter_utils.class_weight_to_sample_weights(labels.numpy(), {1: 3.0, 2: 4.0})
    assert ClassWeights({1: 3.0, 2: 4.0})(labels).tolist() == wanted.tolist() == [3.0, 4.0]


@pytest.mark.parametrize("key", ["cat", 1.5, None, (0,), float("nan")])
def test_a_key_that_is_no_class_number_is_refused(key: Any) -> None:
    with pytest.raises(InputError, match="expected class numbers as keys, got"):
        ClassWeights({key: 1.0})


@pytest.mark.parametrize("weight", [-1.0, float("nan"), "heavy"])
def test_a_weight_that_is_no_weight_is_refused(weight: Any) -> None:
    with pytest.raises(InputError, match="`class_weight` of fit"):
        ClassWeights({0: weight})
    with pytest.raises(InputError, match="a weight for each class number"):
        ClassWeights([1.0, 2.0])  # type: ignore[arg-type]


def told(weights: list[torch.Tensor | None]) -> list[Any]:
    return [None if w is None else w.tolist() for w in weights]


def test_sample_weights_come_as_a_list_for_the_outputs() -> None:
    one, other = np.array([1.0, 2.0]), np.array([[3], [4]])
    a, b = [1.0, 2.0], [3.0, 4.0]
    names = ["left", "right"]
    assert sample_weights_as_list(None, "w", 2) == [None, None]
    assert told(sample_weights_as_list(other, "w", 1)) == [b]
    assert told(sample_weights_as_list(a, "w", 1)) == [a]
    assert told(sample_weights_as_list([one], "w", 1)) == [a]
    # One array weighs every output, as in Keras.
    assert told(sample_weights_as_list(other, "w", 2, names)) == [b, b]
    assert told(sample_weights_as_list([one, other], "w", 2, names)) == [a, b]
    assert told(sample_weights_as_list((None, other), "w", 2)) == [None, b]
    assert told(sample_weights_as_list({"right": one, "left": other}, "w", 2, names)) == [b, a]
    assert told(sample_weights_as_list({"right": one}, "w", 2, names)) == [None, a]
    assert told(sample_weights_as_list({"b": one, "a": other}, "w", 2)) == [b, a]


REFUSED: list[tuple[Any, str]] = [
    ([np.ones(2)] * 3, "expected 2 arrays, for 'left', 'right', got 3"),
    ([np.ones(2)], "expected 2 arrays"),
    (np.ones((2, 5)), r"weighs the parts of an example.*got shape \(2, 5\)"),
    ({"rigth": np.ones(2)}, "'left' or 'right', got 'rigth'. Did you mean 'right'"),
    ({"left": [1.0, np.nan]}, r"`w\[0\]` holds NaN"),
]


@pytest.mark.parametrize(("given", "sentence"), REFUSED)
def test_sample_weights_that_fit_no_output_are_refused(given: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        sample_weights_as_list(given, "w", 2, ["left", "right"])


def test_targets_come_as_a_list_in_the_order_of_the_outputs() -> None:
    one, other = np.array([1, 2], "uint8"), np.array([0.5, 1.5])
    both = [[0.5, 1.5], [1, 2]]
    assert [t.tolist() for t in targets_as_list({"a": one, "z": other}, "y", ["z", "a"])] == both
    assert [t.tolist() for t in targets_as_list((other, one), "y", ["z", "a"])] == both
    assert [t.dtype for t in targets_as_list([one, other], "y")] == [torch.int64, torch.float32]
    assert targets_as_list(None, "y") == []
    # To a model of one output a list of arrays is a list of examples.
    assert targets_as_list([one, one], "y", ["a"])[0].tolist() == [[1, 2], [1, 2]]
    with pytest.raises(InputError, match="`y` has no targets for the output 'z'"):
        targets_as_list({"a": one}, "y", ["z", "a"])
    with pytest.raises(InputError, match="an output that the model does not have"):
        targets_as_list({"b": one}, "y", ["z", "a"])


def test_structures_are_parted_alike() -> None:
    rows = torch.arange(10)
    first, last = split_last(0.3, {"a": rows, "b": rows * 2}, [rows, rows * 3], [None, rows])
    assert last[0]["b"].tolist() == [14, 16, 18] and last[1][1].tolist() == [21, 24, 27]
    assert first[2][0] is None and first[2][1].tolist() == list(range(7))


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
