"""How much an example counts, worked by hand; and what else two readers found in models."""

import copy
from typing import Any

import keras
import numpy as np
import pytest
import torch

import latih
from latih.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

_draw = np.random.default_rng(3)
X = _draw.normal(size=(12, 4)).astype("float32")
LABELS = _draw.integers(0, 3, 12)
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
WEIGHTS = _draw.uniform(0.5, 2.0, 12).astype("float32")
CLASSES = {0: 1.0, 1: 5.0, 2: 0.25}
BY_CLASS = np.array([CLASSES[label] for label in LABELS], "float32")


def classifier(loss: Any = "sparse_categorical_crossentropy", **arguments: Any) -> Any:
    latih.utils.set_random_seed(0)
    model = latih.Sequential([latih.Input([4]), latih.layers.Dense(3, activation="softmax")])
    model.compile(latih.optimizers.SGD(0.1), loss=loss, **arguments)
    return model


def crossentropies(model: Any) -> np.ndarray:
    return -np.log(model.predict(X, verbose=0)[np.arange(12), LABELS])


@pytest.mark.parametrize("shape", [(12,), (12, 1)], ids=str)
def test_weights_of_examples_times_weights_of_classes(shape: tuple[int, ...]) -> None:
    model = classifier(weighted_metrics=["accuracy"])
    wanted = (crossentropies(model) * WEIGHTS * BY_CLASS).mean()
    right = model.predict(X, verbose=0).argmax(axis=1) == LABELS
    accuracy = (right * WEIGHTS * BY_CLASS).sum() / (WEIGHTS * BY_CLASS).sum()
    got = model.train_on_batch(X, LABELS, WEIGHTS.reshape(shape), CLASSES, return_dict=True)
    assert got["loss"] == pytest.approx(wanted, rel=1e-5)
    assert got["accuracy"] == pytest.approx(accuracy, rel=1e-5)


@pytest.mark.parametrize("targets", [LABELS, LABELS.reshape(12, 1)], ids=["(n,)", "(n, 1)"])
def test_a_column_of_weights_trains_as_a_row_of_them(targets: np.ndarray) -> None:
    row, column = classifier(), classifier()
    asked = {"class_weight": CLASSES, "validation_split": 0.25, "shuffle": False}
    wanted = row.fit(X, targets, 5, 3, 0, sample_weight=WEIGHTS, **asked).history
    got = column.fit(X, targets, 5, 3, 0, sample_weight=WEIGHTS[:, None], **asked).history
    assert got == wanted
    for one, other in zip(column.get_weights(), row.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_of_the_places_of_a_sequence_times_weights_of_classes() -> None:
    def each(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        return (y_true - y_pred) ** 2  # a value for each place

    model = classifier(each)
    weights = _draw.uniform(0.5, 2.0, (12, 3)).astype("float32")
    off = (ONE_HOT - model.predict(X, verbose=0)) ** 2
    wanted = (off * weights * BY_CLASS[:, None]).mean()
    got = model.train_on_batch(X, ONE_HOT, weights, CLASSES)
    assert got == pytest.approx(wanted, rel=1e-5)


# Which weights learn


def nested(k: Any) -> tuple[Any, Any]:
    inner = k.Sequential([k.Input((4,)), k.layers.Dense(3), k.layers.BatchNormalization()])
    return k.Sequential([k.Input((4,)), inner, k.layers.Dense(2)]), inner


FLAGS: dict[str, list[tuple[str, bool]]] = {
    "outer off, inner on": [("outer", False), ("inner", True)],
    "inner off": [("inner", False)],
    "outer off": [("outer", False)],
    "inner off, outer on": [("inner", False), ("outer", True)],
    "outer off, inner on, outer on": [("outer", False), ("inner", True), ("outer", True)],
    "outer off, inner's first on": [("outer", False), ("first", True)],
    "inner off, its first on": [("inner", False), ("first", True)],
}


@pytest.mark.parametrize("flags", FLAGS)
def test_what_is_frozen_around_freezes_what_is_within_as_in_keras(flags: str) -> None:
    counts: list[Any] = []
    for k in (keras, latih):
        outer, inner = nested(k)
        named = {"outer": outer, "inner": inner, "first": inner.layers[0]}
        for name, trainable in FLAGS[flags]:
            named[name].trainable = trainable
        counts.append(
            {
                (name, kind): sorted(tuple(weight.shape) for weight in getattr(layer, kind))
                for name, layer in named.items()
                for kind in ("trainable_weights", "non_trainable_weights")
            }
        )
    assert counts[1] == counts[0]
    if flags == "outer off, inner on":
        assert outer.trainable_weights == []


def test_a_model_that_is_frozen_around_a_layer_that_is_not_has_nothing_to_learn() -> None:
    outer, inner = nested(latih)
    outer.trainable = False
    inner.trainable = True
    assert outer.trainable_weights == [] and len(inner.trainable_weights) == 4
    outer.compile("sgd", loss="mse")
    with pytest.raises(InputError, match="leave some weight trainable"):
        outer.fit(X, X[:, :2], verbose=0)


def test_a_frozen_model_has_no_penalty_on_weights() -> None:
    outer = latih.Sequential(
        [latih.Sequential([latih.Input([4]), latih.layers.Dense(3, kernel_regularizer="l2")])]
    )
    assert len(outer.losses) == 1
    outer.trainable = False
    outer.layers[0].trainable = True
    assert outer.losses == []


# What else was found


@pytest.mark.parametrize("k", [keras, latih], ids=["keras", "latih"])
def test_a_model_that_begins_with_a_built_one_is_built(k: Any) -> None:
    first = k.Sequential([k.Input((4,)), k.layers.Dense(3)])
    model = k.Sequential([first, k.layers.Dense(2)])
    assert model.built
    assert tuple(model.input_shape) == (None, 4)
    assert tuple(model.output_shape) == (None, 2)
    assert [tuple(weight.shape) for weight in model.weights] == [(4, 3), (3,), (3, 2), (2,)]


@pytest.mark.parametrize("k", [keras, latih], ids=["keras", "latih"])
def test_a_model_that_begins_with_one_not_built_is_not(k: Any) -> None:
    model = k.Sequential([k.Sequential([k.layers.Dense(3)]), k.layers.Dense(2)])
    assert not model.built and model.weights == []
    model.build((None, 4))
    assert [tuple(weight.shape) for weight in model.weights] == [(4, 3), (3,), (3, 2), (2,)]


def test_a_loss_of_the_users_own_is_not_judged_by_the_name_it_has() -> None:
    class Huber(latih.losses.Loss):
        def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
            return (y_true.float() - y_pred.sum(dim=-1)).abs()

    model = classifier(Huber())
    wanted = np.abs(LABELS - model.predict(X, verbose=0).sum(axis=-1)).mean()
    assert model.train_on_batch(X, LABELS) == pytest.approx(wanted, rel=1e-5)
    with pytest.raises(InputError):
        classifier(latih.losses.Huber()).train_on_batch(X, LABELS)


def test_a_function_of_the_users_own_is_not_judged_by_the_name_it_has() -> None:
    def mean_squared_error(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        return (y_true.float() - y_pred.sum(dim=-1)) ** 2

    model = classifier(mean_squared_error)
    wanted = ((LABELS - model.predict(X, verbose=0).sum(axis=-1)) ** 2).mean()
    assert model.train_on_batch(X, LABELS) == pytest.approx(wanted, rel=1e-5)


def test_a_model_with_penalised_outputs_can_be_copied_after_it_was_trained() -> None:
    model = latih.Sequential([latih.Input([4]), latih.layers.Dense(3, activity_regularizer="l2")])
    model.compile("sgd", loss="mse")
    model.fit(X, ONE_HOT, epochs=2, verbose=0)
    twin = copy.deepcopy(model)
    for one, other in zip(twin.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    twin.fit(X, ONE_HOT, verbose=0)
    assert not np.array_equal(twin.get_weights()[0], model.get_weights()[0])
    model.train_on_batch(X, ONE_HOT)
    copy.deepcopy(model)


@pytest.mark.parametrize("name", ["bce", "BCE"])
def test_bce_is_known_as_a_loss_and_as_a_metric(name: str) -> None:
    model = latih.Sequential([latih.Input([4]), latih.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", loss=name, metrics=[name])
    truth = (LABELS > 0).astype("float32")[:, None]
    p = model.predict(X, verbose=0).astype("float64")
    wanted = -(truth * np.log(p) + (1 - truth) * np.log(1 - p)).mean()
    assert model.evaluate(X, truth, verbose=0) == pytest.approx([wanted, wanted], rel=1e-5)
    assert latih.losses.get(name) is latih.losses.get("binary_crossentropy")
