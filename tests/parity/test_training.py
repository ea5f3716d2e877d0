"""A training run of Latih against the same run of Keras, from the same initial weights.

Every case is a function of ``k``, which is ``keras`` once and ``latih`` once: the code that people
already have must give the numbers that they already know.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest

import latih

# Keras 3.15's own __array__ lacks an argument that NumPy 2 asks for.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

N, FEATURES, CLASSES, EPOCHS = 56, 6, 3, 3  # batches of 16, 16, 16 and 8
_draw = np.random.default_rng(0)
X = _draw.normal(size=(N, FEATURES)).astype("float32")
LABELS = _draw.integers(0, CLASSES, N)
ONE_HOT = np.eye(CLASSES, dtype="float32")[LABELS]
YES_NO = (LABELS > 0).astype("int64")
REAL = _draw.normal(size=(N, 1)).astype("float32") * 2
WEIGHTS = _draw.uniform(0, 3, N).astype("float32")
BYTES = _draw.integers(0, 256, (N, FEATURES), dtype="uint8")
SEQUENCE = _draw.normal(size=(N, 4, FEATURES)).astype("float32")


def classifier(k: Any, **last: Any) -> list[Any]:
    return [k.layers.Dense(8, activation="relu"), k.layers.Dense(CLASSES, **last or SOFTMAX)]


def normalised_classifier(k: Any) -> list[Any]:
    # An activation stands before each normalisation: the true gradient of a bias right before one
    # is zero, what is computed is rounding error, and Adam makes a whole step of it.
    return [
        k.layers.Dense(8, activation="elu"),
        k.layers.BatchNormalization(),
        k.layers.Dense(6, activation="relu"),
        k.layers.BatchNormalization(momentum=0.9, epsilon=1e-2),
        k.layers.Dense(CLASSES, activation="softmax"),
    ]


SOFTMAX = {"activation": "softmax"}
NETS = {"plain": classifier, "normalised": normalised_classifier}


class Case(NamedTuple):
    layers: Callable[[Any], list[Any]] = classifier
    loss: Any = "sparse_categorical_crossentropy"
    optimizer: Callable[[Any], Any] = lambda k: k.optimizers.SGD(0.1)
    compiled: dict[str, Any] = {"metrics": ["accuracy"]}
    x: Any = X
    y: Any = LABELS
    fit: dict[str, Any] = {}


def model_of(k: Any, case: Case) -> Any:
    model = k.Sequential([k.Input(case.x.shape[1:]), *case.layers(k)])
    compiled = {name: _asked(k, value) for name, value in case.compiled.items()}
    model.compile(optimizer=case.optimizer(k), loss=_asked(k, case.loss), **compiled)
    return model


def _asked(k: Any, value: Any) -> Any:
    if isinstance(value, list):
        return [_asked(k, one) for one in value]
    return value(k) if callable(value) else value


def twins(case: Case) -> tuple[Any, Any]:
    # Some starts carry the last bit of a sum far: a test must not meet them once in a while.
    keras.utils.set_random_seed(7)
    theirs, ours = model_of(keras, case), model_of(latih, case)
    ours.set_weights(theirs.get_weights())
    return theirs, ours


def assert_same_run(case: Case) -> None:
    theirs, ours = twins(case)
    wanted, got = (
        model.fit(
            case.x,
            case.y,
            **{"batch_size": 16, "epochs": EPOCHS, "shuffle": False, "verbose": 0, **case.fit},
        )
        for model in (theirs, ours)
    )
    assert_same_logs(got.history, wanted.history)
    assert got.epoch == wanted.epoch
    assert_same_arrays(ours.get_weights(), theirs.get_weights())
    assert_same_slots(ours.optimizer, theirs.optimizer)


def assert_same_logs(got: Any, wanted: Any) -> None:
    assert sorted(got) == sorted(wanted)
    for name, values in wanted.items():
        wanted_values = np.array([float(value) for value in values])
        np.testing.assert_allclose(got[name], wanted_values, rtol=1e-4, atol=1e-6, err_msg=name)


def assert_same_arrays(got: list[Any], wanted: list[Any]) -> None:
    assert len(got) == len(wanted)
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * np.abs(other).max() + 1e-7)


def assert_same_slots(ours: Any, theirs: Any) -> None:
    got, wanted = ours.variables, [v.value.detach().numpy() for v in theirs.variables]
    assert len(got) == len(wanted)
    for one, other, variable in zip(got, wanted, theirs.variables, strict=True):
        # A moving mean of squares may hold 1e-7 only, and a centred RMSprop divides by the root of
        # a difference of two such: zero is as far as the largest says.
        zero = 5e-4 * np.abs(other).max()
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=zero, err_msg=variable.path)


OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"learning_rate": 0.1}),
    "momentum": ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    "nesterov": ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    "adagrad": ("Adagrad", {"learning_rate": 0.1}),
    "adagrad from 0.5": ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.5}),
    "rmsprop": ("RMSprop", {"learning_rate": 0.01}),
    "rmsprop momentum": ("RMSprop", {"learning_rate": 0.01, "momentum": 0.5, "rho": 0.8}),
    "rmsprop centered": ("RMSprop", {"learning_rate": 0.01, "centered": True}),
    "rmsprop both": ("RMSprop", {"learning_rate": 0.01, "centered": True, "momentum": 0.5}),
    "adam": ("Adam", {"learning_rate": 0.01}),
    "adam of other betas": ("Adam", {"learning_rate": 0.01, "beta_1": 0.7, "beta_2": 0.9}),
    "amsgrad": ("Adam", {"learning_rate": 0.01, "amsgrad": True, "epsilon": 1e-4}),
}

# Limits so low that they bind on every step.
EXTRAS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "weight_decay": {"weight_decay": 0.1},
    "clipnorm": {"clipnorm": 0.02},
    "clipvalue": {"clipvalue": 0.01},
    "global_clipnorm": {"global_clipnorm": 0.02, "weight_decay": 0.01},
}

SCHEDULES: dict[str, dict[str, Any]] = {
    "smooth": {"decay_steps": 4, "decay_rate": 0.5},
    "staircase": {"decay_steps": 3, "decay_rate": 0.8, "staircase": True},
}


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("extra", EXTRAS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_moves_the_weights_as_keras_does(name: str, extra: str, net: str) -> None:
    kind, arguments = OPTIMIZERS[name]
    arguments = arguments | EXTRAS[extra]
    assert_same_run(Case(NETS[net], optimizer=lambda k: getattr(k.optimizers, kind)(**arguments)))


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_follows_a_schedule(name: str, schedule: str) -> None:
    kind, arguments = OPTIMIZERS[name]

    def optimizer(k: Any) -> Any:
        rate = k.optimizers.schedules.ExponentialDecay(
            arguments["learning_rate"], **SCHEDULES[schedule]
        )
        return getattr(k.optimizers, kind)(
            **{**arguments, "learning_rate": rate, "weight_decay": 0.01}
        )

    assert_same_run(Case(optimizer=optimizer))


@pytest.mark.parametrize("name", ["sgd", "adagrad", "rmsprop", "adam"])
def test_an_optimizer_by_its_name_has_keras_defaults(name: str) -> None:
    assert_same_run(Case(optimizer=lambda k: name))


def test_weights_may_be_spared_the_decay() -> None:
    case = Case(optimizer=lambda k: k.optimizers.Adam(0.01, weight_decay=0.5))
    theirs, ours = twins(case)
    for model in (theirs, ours):
        model.optimizer.exclude_from_weight_decay(
            var_list=[layer.bias for layer in model.layers[-2:]]
        )
        model.fit(X, LABELS, batch_size=16, epochs=EPOCHS, shuffle=False, verbose=0)
    assert_same_arrays(ours.get_weights(), theirs.get_weights())


def test_a_rate_that_is_changed_between_two_fits_leaves_the_momentum() -> None:
    theirs, ours = twins(Case(optimizer=lambda k: k.optimizers.SGD(0.1, momentum=0.9)))
    for rate in (0.1, 0.01):
        for model in (theirs, ours):
            model.optimizer.learning_rate = rate
            model.fit(X, LABELS, batch_size=16, epochs=2, shuffle=False, verbose=0)
    assert_same_arrays(ours.get_weights(), theirs.get_weights())


def _dense(**arguments: Callable[[Any], Any] | str) -> Callable[[Any], list[Any]]:
    def layers(k: Any) -> list[Any]:
        made = {name: _asked(k, value) for name, value in arguments.items()}
        return [
            k.layers.Dense(8, activation="tanh", **made),
            k.layers.Dense(CLASSES, activation="softmax"),
        ]

    return layers


def _frozen(k: Any) -> list[Any]:
    layers = normalised_classifier(k)
    layers[1].trainable = layers[2].trainable = False
    return layers


NET_CASES: dict[str, Callable[[Any], list[Any]]] = {
    "L2 of the kernel": _dense(kernel_regularizer=lambda k: k.regularizers.L2(0.05)),
    "L1 of the kernel": _dense(kernel_regularizer=lambda k: k.regularizers.L1(0.05)),
    "L1L2 of the kernel": _dense(kernel_regularizer=lambda k: k.regularizers.L1L2(0.02, 0.03)),
    "l1_l2 of the bias": _dense(bias_regularizer=lambda k: k.regularizers.l1_l2(0.02, 0.03)),
    "a regularizer by its name": _dense(kernel_regularizer="l2", bias_regularizer="l1"),
    "L2 of the outputs": _dense(activity_regularizer=lambda k: k.regularizers.L2(0.05)),
    "L1 of the outputs": _dense(activity_regularizer=lambda k: k.regularizers.L1(0.05)),
    "MaxNorm of the kernel": _dense(kernel_constraint=lambda k: k.constraints.MaxNorm(0.5)),
    "MaxNorm of rows": _dense(kernel_constraint=lambda k: k.constraints.MaxNorm(0.5, axis=1)),
    "MaxNorm of the bias": _dense(bias_constraint=lambda k: k.constraints.MaxNorm(0.01)),
    "a constraint by its name": _dense(kernel_constraint="max_norm"),
    "a penalty and a bound": _dense(
        kernel_regularizer="l2",
        kernel_constraint=lambda k: k.constraints.max_norm(0.7),
        activity_regularizer=lambda k: k.regularizers.l2(0.01),
    ),
    "penalties and bounds of a normalisation": lambda k: [
        k.layers.BatchNormalization(
            gamma_regularizer="l2",
            beta_regularizer="l1",
            gamma_constraint=k.constraints.MaxNorm(1.5),
            beta_constraint="max_norm",
        ),
        k.layers.Dense(CLASSES, activation="softmax"),
    ],
    "a normalisation without scale": lambda k: [
        k.layers.BatchNormalization(scale=False),
        *classifier(k),
    ],
    "a normalisation without centre": lambda k: [
        k.layers.BatchNormalization(center=False),
        *classifier(k),
    ],
    "a dropout of nothing": lambda k: [k.layers.Dropout(0.0), *classifier(k)],
    "layers of activation": lambda k: [
        k.layers.Dense(6),
        k.layers.ELU(0.5),
        k.layers.Dense(6),
        k.layers.LeakyReLU(),
        k.layers.Dense(6),
        k.layers.ReLU(max_value=1.0, negative_slope=0.1),
        *classifier(k),
    ],
    "reshaped and flattened": lambda k: [
        k.layers.Reshape((3, 2)),
        k.layers.Dense(4, activation="selu"),
        k.layers.BatchNormalization(axis=1),
        k.layers.Flatten(),
        *classifier(k),
    ],
    "frozen layers": _frozen,
    "a model in a model": lambda k: [
        k.Sequential([k.Input((FEATURES,)), k.layers.Dense(8, "relu", kernel_regularizer="l2")]),
        k.layers.Dense(CLASSES, activation="softmax"),
    ],
}


@pytest.mark.parametrize("name", NET_CASES)
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_every_part_of_a_net_trains_as_in_keras(name: str, optimizer: str) -> None:
    assert_same_run(
        Case(NET_CASES[name], optimizer=lambda k: getattr(k.optimizers, optimizer)(0.02))
    )


BOTH = {
    "metrics": ["accuracy"],
    "weighted_metrics": [lambda k: k.metrics.SparseCategoricalAccuracy(name="weighted")],
}
VALIDATION = (X[:21] + 0.5, LABELS[:21])
PER_STEP = np.repeat(LABELS[:, None], 4, axis=1)


def _from_bytes(k: Any) -> list[Any]:
    return [k.layers.BatchNormalization(), *classifier(k)]


DATA_CASES: dict[str, Case] = {
    "sample_weight": Case(fit={"sample_weight": WEIGHTS}),
    "sample_weight in a column": Case(fit={"sample_weight": WEIGHTS[:, None]}),
    "sample_weight of float64": Case(fit={"sample_weight": WEIGHTS.astype("float64")}),
    "class_weight": Case(fit={"class_weight": {0: 0.2, 2: 3.0}}),
    "class_weight of one-hot rows": Case(
        loss="categorical_crossentropy", y=ONE_HOT, fit={"class_weight": {0: 0.2, 2: 3.0}}
    ),
    "weighted_metrics with sample_weight": Case(compiled=BOTH, fit={"sample_weight": WEIGHTS}),
    "weighted_metrics with class_weight": Case(compiled=BOTH, fit={"class_weight": {1: 4.0}}),
    "weighted_metrics without weights": Case(compiled=BOTH),
    "validation_data": Case(compiled=BOTH, fit={"validation_data": VALIDATION}),
    "validation_data with weights": Case(
        compiled=BOTH, fit={"validation_data": (*VALIDATION, WEIGHTS[:21])}
    ),
    "validation_data and class_weight": Case(
        compiled=BOTH, fit={"validation_data": VALIDATION, "class_weight": {0: 5.0}}
    ),
    "validation_split": Case(fit={"validation_split": 0.3}),
    "validation_split with sample_weight": Case(
        compiled=BOTH, fit={"validation_split": 0.3, "sample_weight": WEIGHTS}
    ),
    "validation_split with class_weight": Case(
        compiled=BOTH, fit={"validation_split": 0.3, "class_weight": {0: 3.0}}
    ),
    "validation_data before validation_split": Case(
        fit={"validation_data": VALIDATION, "validation_split": 0.3}
    ),
    "validation of a normalised net": Case(normalised_classifier, fit={"validation_split": 0.2}),
    "validation in other batches": Case(
        normalised_classifier, fit={"validation_data": VALIDATION, "validation_batch_size": 5}
    ),
    "validation every second epoch": Case(
        fit={"validation_split": 0.2, "validation_freq": 2, "epochs": 4}
    ),
    "validation for two steps": Case(
        fit={"validation_data": VALIDATION, "validation_batch_size": 5, "validation_steps": 2}
    ),
    "a later initial_epoch": Case(fit={"initial_epoch": 1, "epochs": 3}),
    "one batch": Case(fit={"batch_size": 64}),
    "batches of 32 by default": Case(fit={"batch_size": None}),
    "a last batch of one": Case(fit={"batch_size": 11}),
    "inputs of uint8": Case(_from_bytes, x=BYTES),
    "inputs of float64": Case(x=X.astype("float64")),
    "inputs of int64": Case(_from_bytes, x=BYTES.astype("int64")),
    "inputs of bool": Case(x=X > 0),
    "labels of uint8": Case(y=LABELS.astype("uint8")),
    "labels of int32": Case(y=LABELS.astype("int32")),
    "labels of float32": Case(y=LABELS.astype("float32")),
    "labels in a column": Case(y=LABELS[:, None]),
    "a label for each step of a sequence": Case(x=SEQUENCE, y=PER_STEP),
    "targets of float64": Case(
        lambda k: [k.layers.Dense(1)], "mse", compiled={}, y=REAL.astype("float64")
    ),
    "targets without their last axis": Case(
        lambda k: [k.layers.Dense(1)], "mse", compiled={"metrics": ["mae"]}, y=REAL[:, 0]
    ),
}


@pytest.mark.parametrize("name", DATA_CASES)
def test_data_of_every_kind_are_taken_as_in_keras(name: str) -> None:
    assert_same_run(DATA_CASES[name])


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_an_epoch_of_fewer_steps_than_the_data_goes_on_where_it_stopped(steps: int) -> None:
    assert_same_run(Case(fit={"steps_per_epoch": steps, "epochs": 4}))


def _logits(k: Any) -> list[Any]:
    return classifier(k, activation="linear")


def _yes_no(k: Any) -> list[Any]:
    return [*classifier(k)[:1], k.layers.Dense(1, activation="sigmoid")]


def _yes_no_logits(k: Any) -> list[Any]:
    return [*classifier(k)[:1], k.layers.Dense(1)]


def _several(k: Any) -> list[Any]:
    return [k.layers.Dense(CLASSES, activation="sigmoid")]


def _regression(k: Any) -> list[Any]:
    return [k.layers.Dense(5, activation="elu"), k.layers.Dense(1)]


REGRESSION = {"metrics": ["mse", "mae"]}
ONE_HOT_METRICS = {
    "metrics": ["acc", "categorical_accuracy", lambda k: k.metrics.TopKCategoricalAccuracy(2)]
}
LOSS_CASES: dict[str, Case] = {
    "sparse": Case(
        compiled={
            "metrics": [
                "sparse_categorical_accuracy",
                "sparse_categorical_crossentropy",
                lambda k: k.metrics.SparseTopKCategoricalAccuracy(2),
            ]
        }
    ),
    "sparse from logits": Case(
        _logits, lambda k: k.losses.SparseCategoricalCrossentropy(from_logits=True)
    ),
    "sparse that ignores a class": Case(
        loss=lambda k: k.losses.SparseCategoricalCrossentropy(ignore_class=1)
    ),
    "categorical": Case(loss="categorical_crossentropy", y=ONE_HOT, compiled=ONE_HOT_METRICS),
    "categorical from logits": Case(
        _logits, lambda k: k.losses.CategoricalCrossentropy(from_logits=True), y=ONE_HOT
    ),
    "categorical smoothed": Case(
        loss=lambda k: k.losses.CategoricalCrossentropy(label_smoothing=0.2), y=ONE_HOT
    ),
    "categorical smoothed from logits": Case(
        _logits, lambda k: k.losses.CategoricalCrossentropy(True, 0.2), y=ONE_HOT
    ),
    "binary": Case(_yes_no, "binary_crossentropy", y=YES_NO),
    "binary in a column": Case(
        _yes_no, "binary_crossentropy", y=YES_NO[:, None], compiled={"metrics": ["acc", "mse"]}
    ),
    "binary from logits": Case(
        _yes_no_logits, lambda k: k.losses.BinaryCrossentropy(from_logits=True), y=YES_NO
    ),
    "binary smoothed": Case(
        _yes_no,
        lambda k: k.losses.BinaryCrossentropy(label_smoothing=0.1),
        y=YES_NO,
        compiled={
            "metrics": ["binary_accuracy", lambda k: k.metrics.BinaryAccuracy("b", None, 0.3)]
        },
    ),
    "binary smoothed from logits": Case(
        _yes_no_logits, lambda k: k.losses.BinaryCrossentropy(True, 0.1), y=YES_NO
    ),
    "binary of several outputs": Case(
        _several, "binary_crossentropy", y=ONE_HOT, compiled={"metrics": ["binary_accuracy"]}
    ),
    "mse": Case(_regression, "mse", y=REAL, compiled=REGRESSION),
    "mae": Case(_regression, "mae", y=REAL, compiled=REGRESSION),
    "mean_squared_error": Case(_regression, "mean_squared_error", y=REAL, compiled=REGRESSION),
    "MeanAbsoluteError": Case(_regression, "MeanAbsoluteError", y=REAL, compiled=REGRESSION),
    "huber": Case(_regression, "huber", y=REAL, compiled=REGRESSION),
    "huber of another delta": Case(
        _regression, lambda k: k.losses.Huber(delta=0.3), y=REAL, compiled=REGRESSION
    ),
    "a function of the library": Case(
        _regression, lambda k: k.losses.mean_squared_error, y=REAL, compiled=REGRESSION
    ),
    "a sum": Case(_regression, lambda k: k.losses.MeanSquaredError("sum"), y=REAL, compiled={}),
    "a mean by weights": Case(
        loss=lambda k: k.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight"),
        fit={"sample_weight": WEIGHTS},
    ),
    "a sum by weights": Case(
        _regression,
        lambda k: k.losses.MeanAbsoluteError(reduction="sum"),
        lambda k: k.optimizers.SGD(0.001),
        y=REAL,
        compiled={},
        fit={"sample_weight": WEIGHTS},
    ),
    "a user's function": Case(
        _regression, lambda k: _fourth_power, y=REAL, compiled={"metrics": [lambda k: _off_by]}
    ),
}


def _fourth_power(y_true: Any, y_pred: Any) -> Any:
    return ((y_true - y_pred) ** 2).mean(dim=-1) ** 2 / 10


def _off_by(y_true: Any, y_pred: Any) -> Any:
    return (y_true - y_pred).abs()


@pytest.mark.parametrize("name", LOSS_CASES)
def test_every_loss_and_metric_is_reckoned_as_in_keras(name: str) -> None:
    assert_same_run(LOSS_CASES[name])


def test_evaluate_gives_keras_scores() -> None:
    theirs, ours = twins(Case(normalised_classifier, compiled=BOTH))
    for arguments in ({}, {"sample_weight": WEIGHTS}, {"steps": 2}, {"batch_size": 9}):
        wanted = theirs.evaluate(X, LABELS, verbose=0, return_dict=True, **arguments)
        got = ours.evaluate(X, LABELS, verbose=0, return_dict=True, **arguments)
        assert_same_logs({n: [v] for n, v in got.items()}, {n: [v] for n, v in wanted.items()})
        assert ours.evaluate(X, LABELS, verbose=0, **arguments) == pytest.approx(
            list(got.values()), rel=1e-6
        )


def test_predict_gives_keras_outputs() -> None:
    theirs, ours = twins(Case(normalised_classifier))
    for x in (X, X.astype("float64"), BYTES):
        np.testing.assert_allclose(
            ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-6
        )


def test_train_on_batch_does_keras_update() -> None:
    theirs, ours = twins(Case(normalised_classifier, compiled=BOTH))
    for weights in (None, WEIGHTS):
        theirs.reset_metrics()
        wanted = theirs.train_on_batch(X, LABELS, sample_weight=weights, return_dict=True)
        got = ours.train_on_batch(X, LABELS, sample_weight=weights, return_dict=True)
        assert_same_logs({n: [v] for n, v in got.items()}, {n: [v] for n, v in wanted.items()})
    assert_same_arrays(ours.get_weights(), theirs.get_weights())
