"""Training with several outputs against Keras: the same weights and data give the same numbers.

Every case is a function of ``k``, which is ``keras`` once and ``latih`` once.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

import latih

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning",
    "ignore:The structure of `inputs` doesn't match:UserWarning",
    "ignore:Gradients do not exist for variables:UserWarning",
    "ignore:.*have no gradient:latih.errors.LatihWarning",
)

N, EPOCHS = 28, 3  # batches of 8, 8, 8 and 4
_draw = np.random.default_rng(11)
WIDE = _draw.normal(size=(N, 4)).astype("float32")
DEEP = _draw.normal(size=(N, 3)).astype("float32")
REAL = _draw.normal(size=(N, 1)).astype("float32")
PAIR = _draw.normal(size=(N, 2)).astype("float32")
CLASSES = _draw.integers(0, 3, N)
YES_NO = (REAL > 0).astype("float32")
W1 = _draw.uniform(0, 3, N).astype("float32")
W2 = _draw.uniform(0, 3, N).astype("float32")


def graph(k: Any, structure: type = list, third: bool = True) -> Any:
    """Return a wide and deep net: main (1), aux (2), kind (3 classes)."""
    wide, deep = k.Input((4,), name="wide"), k.Input((3,), name="deep")
    hidden = k.layers.Dense(6, activation="tanh")(deep)
    joined = k.layers.Concatenate()([wide, k.layers.Dense(5, activation="tanh")(hidden)])
    outputs = {
        "main": k.layers.Dense(1, name="main")(joined),
        "aux": k.layers.Dense(2, name="aux")(hidden),
    }
    if third:
        outputs["kind"] = k.layers.Dense(3, activation="softmax", name="kind")(joined)
    return k.Model([wide, deep], outputs if structure is dict else list(outputs.values()))


def mean_distance(y_true: Any, y_pred: Any) -> Any:
    return abs(y_pred - y_true)


def two(k: Any) -> Any:
    return graph(k, third=False)


def two_by_key(k: Any) -> Any:
    return graph(k, dict, third=False)


def three(k: Any) -> Any:
    return graph(k)


def three_by_key(k: Any) -> Any:
    return graph(k, dict)


def one(k: Any) -> Any:
    model = graph(k)
    return k.Model(model.inputs, model.outputs[2])


X = [WIDE, DEEP]
TWO = [REAL, PAIR]
THREE = [REAL, PAIR, CLASSES]
TWO_KEYS = {"main": REAL, "aux": PAIR}
THREE_KEYS = {"main": REAL, "aux": PAIR, "kind": CLASSES}
SCE = "sparse_categorical_crossentropy"
Case = tuple[Callable[[Any], Any], dict[str, Any], Any, dict[str, Any]]

CASES: dict[str, Case] = {
    "one loss for all": (two, {"loss": "mse"}, TWO, {}),
    "a list": (three, {"loss": ["mse", "mae", SCE]}, THREE, {}),
    "a dict": (three, {"loss": {"aux": "mae", "kind": SCE, "main": "mse"}}, THREE, {}),
    "objects and functions": (
        two,
        lambda k: {"loss": [k.losses.Huber(0.5), mean_distance]},
        TWO,
        {},
    ),
    "none for one, in a list": (three, {"loss": ["mse", None, SCE]}, THREE, {}),
    "none for one, by key": (
        three_by_key,
        {"loss": {"kind": SCE, "main": "mse", "aux": None}},
        THREE_KEYS,
        {},
    ),
    "a metric where there is no loss": (
        three,
        {"loss": ["mse", None, SCE], "metrics": [[], ["mae"], ["accuracy"]]},
        THREE,
        {},
    ),
    "weights of losses": (
        three,
        {"loss": ["mse", "mae", SCE], "loss_weights": [0.5, 2.0, 0.1]},
        THREE,
        {},
    ),
    "weights of losses by name": (
        three,
        {
            "loss": {"main": "mse", "aux": "mae", "kind": SCE},
            "loss_weights": {"aux": 0.2, "kind": 3.0, "main": 1.0},
        },
        THREE,
        {},
    ),
    "one list of metrics an output": (
        three,
        {"loss": ["mse", "mae", SCE], "metrics": [["mae", "mse"], ["mae"], ["accuracy"]]},
        THREE,
        {},
    ),
    "one metric an output": (
        three,
        {"loss": ["mse", "mae", SCE], "metrics": ["mae", None, "accuracy"]},
        THREE,
        {},
    ),
    "metrics by name": (
        three,
        {"loss": ["mse", "mae", SCE], "metrics": {"kind": ["acc", SCE], "main": "mae"}},
        THREE,
        {},
    ),
    "weighted metrics": (
        two,
        {
            "loss": "mse",
            "metrics": [["mae"], ["mae"]],
            "weighted_metrics": [["mae"], ["mae", "mse"]],
        },
        TWO,
        {"sample_weight": [W1, W2]},
    ),
    "weighted metrics by name": (
        two,
        {"loss": "mse", "weighted_metrics": {"aux": ["mae"]}},
        TWO,
        {"sample_weight": [W1, W2]},
    ),
    "one weight for all outputs": (
        two,
        {"loss": "mse", "weighted_metrics": {"aux": ["mae"]}},
        TWO,
        {"sample_weight": W1},
    ),
    "targets by name": (two, {"loss": {"main": "mse", "aux": "mae"}}, TWO_KEYS, {}),
    # For such outputs the list that Keras's evaluate() gives has the order of the dict of losses.
    "outputs by key": (two_by_key, {"loss": {"aux": "mae", "main": "mse"}}, TWO_KEYS, {}),
    "outputs by key, all there is": (
        three_by_key,
        {
            "loss": {"aux": "mae", "kind": SCE, "main": "mse"},
            "loss_weights": {"main": 0.1, "aux": 0.2, "kind": 0.7},
            "metrics": {"main": ["mae"], "kind": ["accuracy"]},
            "weighted_metrics": {"main": ["mse"]},
        },
        THREE_KEYS,
        {"sample_weight": {"main": W1, "aux": W2, "kind": W1}},
    ),
    "outputs by key, one loss": (two_by_key, {"loss": "mse"}, TWO_KEYS, {}),
    "two of a kind": (
        two,
        lambda k: {
            "loss": "mse",
            "metrics": [[k.metrics.MeanAbsoluteError(), k.metrics.MeanAbsoluteError()], []],
        },
        TWO,
        {},
    ),
    "validation": (
        two,
        {"loss": "mse", "metrics": [["mae"], ["mae"]]},
        TWO,
        {"validation_data": ([WIDE[:9], DEEP[:9]], [REAL[:9], PAIR[:9]])},
    ),
    "weighted validation": (
        two,
        {"loss": "mse", "weighted_metrics": [["mae"], ["mae"]]},
        TWO,
        {"validation_data": ([WIDE[:9], DEEP[:9]], [REAL[:9], PAIR[:9]], [W1[:9], W2[:9]])},
    ),
    "a split": (two, {"loss": "mse"}, TWO, {"validation_split": 0.25}),
    "one output after all": (
        one,
        {"loss": SCE, "metrics": ["accuracy"], "weighted_metrics": [SCE]},
        CLASSES,
        {"class_weight": {0: 1.0, 1: 3.0, 2: 0.5}},
    ),
    "one output, by name": (
        one,
        {"loss": {"kind": SCE}, "metrics": {"kind": ["accuracy"]}},
        CLASSES,
        {},
    ),
    "accuracy for all": (
        two,
        {"loss": "binary_crossentropy", "metrics": [["accuracy"], ["accuracy"]]},
        [YES_NO, (PAIR > 0).astype("float32")],
        {},
    ),
}


def compiled(k: Any, case: Case) -> Any:
    model, arguments = case[0](k), case[1]
    model.compile(
        optimizer=k.optimizers.SGD(0.05, momentum=0.5),
        **(arguments(k) if callable(arguments) else arguments),
    )
    return model


def twins(name: str) -> tuple[Any, Any]:
    theirs, ours = compiled(keras, CASES[name]), compiled(latih, CASES[name])
    ours.set_weights(theirs.get_weights())
    return theirs, ours


def assert_same_numbers(got: Any, wanted: Any) -> None:
    assert sorted(got) == sorted(wanted)
    for name, values in wanted.items():
        np.testing.assert_allclose(got[name], values, rtol=1e-5, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("name", CASES)
def test_training_gives_keras_numbers(name: str) -> None:
    theirs, ours = twins(name)
    _, _, y, fit = CASES[name]
    arguments = {"batch_size": 8, "epochs": EPOCHS, "shuffle": False, "verbose": 0, **fit}
    wanted, got = (model.fit(X, y, **arguments).history for model in (theirs, ours))
    assert_same_numbers(got, wanted)
    for own, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_evaluation_and_single_batches_give_keras_numbers(name: str) -> None:
    theirs, ours = twins(name)
    y, weights = CASES[name][2], CASES[name][3].get("sample_weight")
    given = {"sample_weight": weights}
    asked = {**given, "batch_size": 8, "verbose": 0}
    assert_same_numbers(
        ours.evaluate(X, y, return_dict=True, **asked),
        theirs.evaluate(X, y, return_dict=True, **asked),
    )
    np.testing.assert_allclose(
        ours.evaluate(X, y, **asked), theirs.evaluate(X, y, **asked), rtol=1e-5
    )
    for ask in ("test_on_batch", "train_on_batch", "train_on_batch"):
        got, wanted = (
            getattr(model, ask)(X, y, return_dict=True, **given) for model in (ours, theirs)
        )
        assert_same_numbers(got, wanted)


@pytest.mark.parametrize("make", [two, two_by_key, one])
def test_predictions_come_in_the_structure_of_the_outputs(make: Any) -> None:
    theirs, ours = make(keras), make(latih)
    ours.set_weights(theirs.get_weights())
    for got, wanted in (
        (ours.predict(X, batch_size=8, verbose=0), theirs.predict(X, batch_size=8, verbose=0)),
        (ours.predict_on_batch(X), theirs.predict_on_batch(X)),
    ):
        assert type(got) is type(wanted)
        for own, other in zip(
            *(latih.structures.flatten(given) for given in (got, wanted)), strict=True
        ):
            np.testing.assert_allclose(own, other, rtol=1e-5, atol=1e-6)


# What Keras refuses, and what it takes and means the same.
SAME: dict[str, tuple[Any, Any]] = {
    "a dict of losses may leave an output out": (
        (three, {"loss": {"main": "mse", "kind": SCE}}, THREE, {}),
        (three, {"loss": ["mse", None, SCE]}, THREE, {}),
    ),
    "a dict of weights may leave an output out": (
        (two, {"loss": ["mse", "mae"], "loss_weights": {"aux": 0.2}}, TWO, {}),
        (two, {"loss": ["mse", "mae"], "loss_weights": [1.0, 0.2]}, TWO, {}),
    ),
    "weights of examples by name": (
        (two, {"loss": "mse"}, TWO, {"sample_weight": {"aux": W2, "main": W1}}),
        (two, {"loss": "mse"}, TWO, {"sample_weight": [W1, W2]}),
    ),
    "weights of examples for one output": (
        (two, {"loss": "mse"}, TWO, {"sample_weight": {"aux": W2}}),
        (two, {"loss": "mse"}, TWO, {"sample_weight": [np.ones(N, "float32"), W2]}),
    ),
    "no targets for an output without a loss, by name": (
        (two, {"loss": {"main": "mse"}}, {"main": REAL}, {}),
        (two, {"loss": ["mse", None]}, TWO, {}),
    ),
    "no targets for an output without a loss, in a list": (
        (two, {"loss": [None, "mse"]}, [PAIR], {}),
        (two, {"loss": [None, "mse"]}, TWO, {}),
    ),
    "targets of one output by name": (
        (one, {"loss": SCE}, {"kind": CLASSES}, {}),
        (one, {"loss": SCE}, CLASSES, {}),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_what_keras_refuses_means_what_it_looks_like(name: str) -> None:
    logs: list[Any] = []
    weights: Any = None
    for case in SAME[name]:
        model = compiled(latih, case)
        weights = weights or model.get_weights()
        model.set_weights(weights)
        arguments = {"batch_size": 8, "epochs": 2, "shuffle": False, "verbose": 0, **case[3]}
        logs.append(model.fit(X, case[2], **arguments).history)
    assert_same_numbers(logs[0], logs[1])
