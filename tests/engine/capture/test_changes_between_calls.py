"""What is changed between two calls of a model's methods is followed."""

from collections.abc import Callable
from typing import Any

import pytest
from small_training import X, Y, case_of, model_of, train

from latih import layers

CASES: dict[str, Callable[..., Any]] = {}
case = case_of(CASES)


@case
def the_rate_between_calls_of_train_on_batch(**way: Any) -> Any:
    layer = layers.Dropout(0.5)
    model = model_of(layers.Dense(9), layer)
    model.compile("sgd", "mse", **way)
    losses = []
    for step in range(9):
        layer.rate = 0.5 if step < 4 else 0.1
        losses.append(model.train_on_batch(X, Y))
    return model, losses


@case
def freezing_between_calls_of_train_on_batch(**way: Any) -> Any:
    layer = layers.BatchNormalization()
    model = model_of(layers.Dense(9), layer)
    model.compile("sgd", "mse", **way)
    losses = []
    for step in range(9):
        layer.trainable = step % 4 != 3
        losses.append(model.train_on_batch(X, Y))
    return model, losses


@case
def a_layer_between_calls_of_predict(**way: Any) -> Any:
    layer = layers.LeakyReLU(0.5)
    model = train(model_of(layers.Dense(9), layer), way)
    told = []
    for step in range(9):
        layer.negative_slope = 0.1 * step
        told.append(model.predict(X, batch_size=8, verbose=0))
        told.append(model.predict_on_batch(X))
        told.append(model.evaluate(X, Y, batch_size=8, verbose=0))
        told.append(model.test_on_batch(X, Y))
    return model, told


@pytest.mark.parametrize(
    "name",
    CASES,
)
def test_numbers_are_those_of_the_usual_way(name: str, assert_replay_changes_nothing: Any) -> None:
    assert_replay_changes_nothing(CASES[name])
