"""Models and data of all kinds, judged before the first step: sick ones named, healthy ones not."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from trainings import training_of

import latih as keras
from latih.doctor.data_facts import output_facts
from latih.doctor.diagnosis import Diagnosis, diagnose
from latih.doctor.evidence import Evidence
from latih.doctor.fact_records import Facts, OutputFacts
from latih.doctor.facts import facts_of
from latih.doctor.rules import RULES

L = keras.layers
DRAW = np.random.default_rng(5)
X = DRAW.normal(size=(400, 6)).astype("float32")
LABELS = np.argmax(X[:, :3] + 0.3 * DRAW.normal(size=(400, 3)), axis=1)
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
YES = (X[:, 0] > 0).astype("float32")
NUMBERS = (X @ DRAW.normal(size=6) / 2.5).astype("float32")


def judged(last: Any, loss: Any, x: Any = X, y: Any = LABELS, hidden: Any = None, **fit: Any):
    keras.utils.set_random_seed(2)
    first = [L.Dense(16, "relu")] if hidden is None else hidden
    model = keras.Sequential([keras.Input((6,)), *first, *last])
    model.compile("adam", loss)
    facts = facts_of(training_of(model, x, y, **fit))
    return facts, diagnose(Evidence(facts), RULES)


def labelled(loss: Any, width: int, y: Any) -> Any:
    """Judge targets alone: in a model, `fit` refuses these before anybody is asked."""
    output, _ = output_facts("y", torch.from_numpy(y), loss, width)
    return None, diagnose(Evidence(Facts(outputs=(output,))), RULES)


def faults(diagnosis: Diagnosis) -> list[str]:
    return [one.code for one in diagnosis.faults]


def own_cross_entropy(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    return -(y_true * y_pred.clamp(1e-32, 1e9).log()).sum(dim=-1)


class OwnSquares(keras.losses.Loss):
    """Compares each target with every output, as ``(n,) - (n, 1)`` is ``(n, n)``."""

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> torch.Tensor:
        return torch.mean((y_true - y_pred) ** 2)

    def call(self, y_true: Any, y_pred: Any) -> torch.Tensor:
        return (y_true - y_pred) ** 2


def over_the_batch(x: torch.Tensor) -> torch.Tensor:
    return torch.softmax(x, dim=0)


SCE = "sparse_categorical_crossentropy"
CLASSES = keras.losses.SparseCategoricalCrossentropy()
YES_OR_NO = keras.losses.BinaryCrossentropy()
FROM_LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

SICK: list[tuple[str, Callable[[], tuple[Any, Diagnosis]]]] = [
    ("wrong-output-activation", lambda: judged([L.Dense(1, "softmax")], "mse", y=YES)),
    ("wrong-output-activation", lambda: judged([L.Dense(1, "sigmoid")], "mse", y=NUMBERS)),
    ("wrong-output-activation", lambda: judged([L.Dense(1, "relu")], "mae", y=NUMBERS)),
    ("wrong-output-activation", lambda: judged([L.Dense(3, "relu")], SCE)),
    ("wrong-output-activation", lambda: judged([L.Dense(3), L.Activation(over_the_batch)], SCE)),
    ("wrong-loss", lambda: judged([L.Dense(3, "softmax")], "binary_crossentropy", y=ONE_HOT)),
    ("wrong-loss", lambda: judged([L.Dense(3, "softmax")], FROM_LOGITS)),
    ("wrong-loss", lambda: judged([L.Dense(3), L.Softmax()], FROM_LOGITS)),
    ("wrong-loss", lambda: judged([L.Dense(3)], SCE)),
    ("wrong-loss", lambda: judged([L.Dense(1)], "binary_crossentropy", y=YES)),
    ("wrong-loss", lambda: judged([L.Dense(1)], "categorical_crossentropy", y=NUMBERS[:, None])),
    ("wrong-loss", lambda: judged([L.Dense(3)], own_cross_entropy, y=ONE_HOT)),
    ("label-range", lambda: labelled(CLASSES, 3, LABELS + 1)),
    ("label-range", lambda: labelled(CLASSES, 3, LABELS - 1)),
    ("label-range", lambda: labelled(CLASSES, 3, LABELS / 255)),
    ("label-range", lambda: judged([L.Dense(3, "softmax")], SCE, y=0 * LABELS)),
    ("label-range", lambda: labelled(YES_OR_NO, 1, 2 * YES - 1)),
    ("label-range", lambda: judged([L.Dense(1)], OwnSquares(), y=NUMBERS)),
    (
        "missing-shuffle",
        lambda: judged([L.Dense(3, "softmax")], SCE, y=np.sort(LABELS), shuffle=False),
    ),
    (
        "bad-initialisation",
        lambda: judged(
            [L.Dense(3, "softmax")],
            SCE,
            hidden=[L.Dense(16, "relu", kernel_initializer=keras.initializers.Constant(0.01))],
        ),
    ),
    (
        "train-validation-mismatch",
        lambda: judged([L.Dense(3, "softmax")], SCE, validation_data=(X[:100], LABELS[:100])),
    ),
    (
        "train-validation-mismatch",
        lambda: judged([L.Dense(3, "softmax")], SCE, validation_data=(255 * X + 99, LABELS)),
    ),
]


@pytest.mark.parametrize("number", range(len(SICK)), ids=[code for code, _ in SICK])
def test_a_contradiction_is_named_first(number: int) -> None:
    code, judge = SICK[number]
    assert faults(judge()[1])[:1] == [code]


HEALTHY: list[Callable[[], tuple[Any, Diagnosis]]] = [
    lambda: judged([L.Dense(3, "softmax")], SCE),
    lambda: judged([L.Dense(3)], FROM_LOGITS),
    lambda: judged([L.Dense(3, "softmax")], "categorical_crossentropy", y=ONE_HOT),
    lambda: judged([L.Dense(3, "sigmoid")], "binary_crossentropy", y=ONE_HOT),
    lambda: judged([L.Dense(3, "sigmoid")], "categorical_crossentropy", y=ONE_HOT),
    lambda: judged([L.Dense(1, "sigmoid")], "binary_crossentropy", y=YES),
    lambda: judged([L.Dense(1, "tanh")], "hinge", y=2 * YES - 1),
    lambda: judged([L.Dense(1)], "mse", y=NUMBERS),
    lambda: judged([L.Dense(1)], "mse", y=NUMBERS[:, None]),
    lambda: judged([L.Dense(1)], lambda y, p: torch.mean((y - p[:, 0]) ** 2), y=NUMBERS),
    lambda: judged([L.Dense(1, "relu")], "mse", y=np.abs(NUMBERS)),
    lambda: judged([L.Dense(2, "sigmoid")], "binary_crossentropy", y=(X[:, :2] > 1) * 1.0),
    lambda: judged([L.Dense(6, "sigmoid")], "binary_crossentropy", y=1 / (1 + np.exp(-X))),
    lambda: judged([L.Dense(3, "softmax")], SCE, hidden=[]),
    lambda: judged([L.Dense(3, "softmax")], SCE, shuffle=False),
    lambda: judged([L.Dense(3, "softmax")], SCE, split=0.2),
    lambda: judged([L.Dense(3, "softmax")], SCE, x=(X > 0) * 1.0, split=0.2),
    lambda: judged([L.Dense(3, "softmax")], SCE, hidden=[L.Dense(16, "relu") for _ in range(12)]),
]


@pytest.mark.parametrize("number", range(len(HEALTHY)))
def test_what_may_train_has_no_fault(number: int) -> None:
    assert faults(HEALTHY[number]()[1]) == []


def output_of(*arguments: Any, **known: Any) -> OutputFacts:
    return judged(*arguments, **known)[0].outputs[0]


def test_a_sum_doubles_with_the_rows_and_a_mean_does_not() -> None:
    mean = keras.losses.MeanSquaredError()
    summed = keras.losses.MeanSquaredError(reduction="sum")
    assert output_of([L.Dense(1)], mean, y=NUMBERS).loss_growth == pytest.approx(1.0, rel=1e-5)
    assert output_of([L.Dense(1)], summed, y=NUMBERS).loss_growth == pytest.approx(2.0, rel=1e-5)


def test_a_loss_that_broadcasts_is_another_in_the_outputs_shape() -> None:
    broadcast = output_of([L.Dense(1)], OwnSquares(), y=NUMBERS)
    assert abs(broadcast.reshaped_loss / broadcast.first_loss - 1) > 0.01
    own = output_of([L.Dense(1)], "mse", y=NUMBERS)
    assert own.reshaped_loss == pytest.approx(own.first_loss, rel=1e-5)
    assert own.output_shape == (1,)
    assert math.isnan(output_of([L.Dense(3, "softmax")], SCE).reshaped_loss)


def test_a_softmax_over_the_batch_sums_to_one_the_other_way() -> None:
    assert output_of([L.Dense(3), L.Activation(over_the_batch)], SCE).column_sums < 1e-5
    assert output_of([L.Dense(3, "softmax")], SCE).column_sums > 1


def test_quantiles_are_those_of_numpy() -> None:
    told = output_of([L.Dense(1)], "mse", y=NUMBERS)
    wanted = np.quantile(NUMBERS, np.linspace(0, 1, 21), method="nearest")
    assert told.quantiles == pytest.approx(wanted, abs=0.05) and not told.is_whole
    assert output_of([L.Dense(3, "softmax")], SCE).is_whole


def test_rows_that_repeat_in_the_training_are_told() -> None:
    twice = np.concatenate([X, X[:100]]), np.concatenate([LABELS, LABELS[:100]])
    held = {"validation_data": (X[:50], LABELS[:50])}
    facts, _ = judged([L.Dense(3, "softmax")], SCE, twice[0], twice[1], **held)
    assert facts.duplicates == pytest.approx(1.0)
    assert facts.own_duplicates == pytest.approx(200 / 500)
