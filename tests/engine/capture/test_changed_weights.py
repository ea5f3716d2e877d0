"""What callbacks change of weights, modes and scales is followed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from small_training import AtSteps, at_epochs, case_of, model_of, train
from torch import nn

from latih import layers

CASES: dict[str, Callable[..., Any]] = {}
case = case_of(CASES)


@case
def the_loss_scale(**way: Any) -> Any:
    model = model_of(layers.Dense(3, "tanh"))

    def change(epoch: int) -> None:
        model.optimizer.loss_scale_factor = 8.0 * (1 + epoch)

    return train(model, way, at_epochs(change))


@case
def the_mode_of_one_layer(**way: Any) -> Any:
    layer = layers.BatchNormalization()

    def change(step: int) -> None:
        layer.eval()

    return train(model_of(layer), way, AtSteps(change, 5))


@case
def weights_set(**way: Any) -> Any:
    layer = layers.Dense(3)

    def change(step: int) -> None:
        layer.set_weights([np.full((4, 3), 0.1 * step), np.zeros(3)])

    return train(model_of(layer), way, AtSteps(change, 4))


@case
def a_start_from_data_taken_back(**way: Any) -> Any:
    layer = layers.WeightNormalization(layers.Dense(3))
    model = model_of(layer)
    before = model.get_weights()

    def change(epoch: int) -> None:
        model.set_weights(before)

    return train(model, way, at_epochs(change))


@case
def numbers_of_a_weight_replaced(**way: Any) -> Any:
    layer = layers.BatchNormalization()

    def change(epoch: int) -> None:
        layer.moving_mean.data = torch.full((4,), float(epoch))

    return train(model_of(layer), way, at_epochs(change))


@case
def a_buffer_replaced(**way: Any) -> Any:
    norm = nn.BatchNorm1d(4)

    class Inside(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.norm = norm

        def call(self, x: Any) -> Any:
            return self.norm(x)

    def change(epoch: int) -> None:
        norm.running_mean = torch.full((4,), float(epoch))

    return train(model_of(Inside()), way, at_epochs(change))


@case
def weights_moved(**way: Any) -> Any:
    layer = layers.BatchNormalization()
    model = model_of(layer)
    return train(model, way, at_epochs(lambda epoch: model.to("cpu")))


@pytest.mark.parametrize("name", CASES)
def test_numbers_are_those_of_the_usual_way(name: str, assert_replay_changes_nothing: Any) -> None:
    assert_replay_changes_nothing(CASES[name])
