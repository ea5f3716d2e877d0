"""What callbacks change of settings is followed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from small_training import AtSteps, at_epochs, case_of, model_of, train

import latih as keras
from latih import layers

CASES: dict[str, Callable[..., Any]] = {}
case = case_of(CASES)


@case
def a_number_in_a_closure(**way: Any) -> Any:
    power = 2.0

    def loss(y: Any, p: Any) -> Any:
        return (y - p).abs().pow(power).mean(-1)

    def change(step: int) -> None:
        nonlocal power
        power = 1.5 + 0.1 * step

    return train(model_of(), way, AtSteps(change), loss=loss)


RATE = 1.0
SCALE = torch.tensor(1.0)
SETTINGS = [1.0, 2.0]


@case
def a_global_number(**way: Any) -> Any:
    class Scaled(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * RATE

    def change(epoch: int) -> None:
        global RATE
        RATE = 1.0 / (1 + epoch)

    change(0)
    return train(model_of(Scaled()), way, at_epochs(change))


@case
def a_global_tensor_replaced_twice(**way: Any) -> Any:
    class Scaled(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * SCALE

    def change(epoch: int) -> None:
        global SCALE
        # The second may lie, and be, where the first lay.
        SCALE = torch.tensor(9.0)
        SCALE = torch.tensor(1.0 / (1 + epoch))

    change(0)
    return train(model_of(Scaled()), way, at_epochs(change), epochs=6)


@case
def a_global_list(**way: Any) -> Any:
    class Scaled(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * SETTINGS[0]

    def change(epoch: int) -> None:
        SETTINGS[0] = 1.0 / (1 + epoch)

    change(0)
    return train(model_of(Scaled()), way, at_epochs(change))


@case
def a_default_argument_replaced(**way: Any) -> Any:
    def loss(y: Any, p: Any, scale: float = 1.0) -> Any:
        return (y - p).square().mean(-1) * scale

    def change(epoch: int) -> None:
        loss.__defaults__ = (1.0 / (1 + epoch),)

    return train(model_of(), way, at_epochs(change), loss=loss)


@case
def an_attribute_of_a_function(**way: Any) -> Any:
    def scaled(x: Any) -> Any:
        return x * scaled.rate

    def change(epoch: int) -> None:
        scaled.rate = 1.0 / (1 + epoch)

    change(0)
    return train(model_of(layers.Activation(scaled)), way, at_epochs(change))


@case
def code_of_a_function_replaced(**way: Any) -> Any:
    def scaled(x: Any) -> Any:
        return x * 2

    def other(x: Any) -> Any:
        return x * 0.5

    def change(epoch: int) -> None:
        scaled.__code__ = other.__code__

    return train(model_of(layers.Activation(scaled)), way, at_epochs(change))


@case
def a_class_attribute(**way: Any) -> Any:
    class Scaled(layers.Layer):
        rate = 1.0

        def call(self, x: Any) -> Any:
            return x * self.rate

    def change(epoch: int) -> None:
        Scaled.rate = 1.0 / (1 + epoch)

    return train(model_of(Scaled()), way, at_epochs(change))


@case
def a_method_replaced_in_its_class(**way: Any) -> Any:
    class Scaled(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * 2

    def change(epoch: int) -> None:
        Scaled.call = lambda self, x: x * 0.5

    return train(model_of(Scaled()), way, at_epochs(change))


@case
def a_method_replaced_on_the_object(**way: Any) -> Any:
    layer = layers.Dense(4)

    def change(epoch: int) -> None:
        vars(layer)["call"] = lambda x: x * 0.5

    return train(model_of(layer), way, at_epochs(change))


@case
def the_rate_of_a_layer_between_epochs(**way: Any) -> Any:
    layer = layers.Dropout(0.5)

    def change(epoch: int) -> None:
        layer.rate = 0.5 / (1 + epoch)

    return train(model_of(layers.Dense(9), layer), way, at_epochs(change))


@case
def the_rate_of_a_layer_between_steps(**way: Any) -> Any:
    layer = layers.Dropout(0.5)

    def change(step: int) -> None:
        layer.rate = 0.5 if step % 3 else 0.1

    return train(model_of(layers.Dense(9), layer), way, AtSteps(change, 4))


@case
def a_dictionary_of_settings(**way: Any) -> Any:
    class Scaled(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.settings = {"rate": 1.0}

        def call(self, x: Any) -> Any:
            return x * self.settings["rate"]

    layer = Scaled()

    def change(epoch: int) -> None:
        layer.settings["rate"] = 1.0 / (1 + epoch)

    return train(model_of(layer), way, at_epochs(change))


@case
def an_array_of_settings(**way: Any) -> Any:
    class Scaled(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.rates = np.ones(4, "float32")

        def call(self, x: Any) -> Any:
            return x * torch.tensor(self.rates)

    layer = Scaled()

    def change(epoch: int) -> None:
        layer.rates[:] = 1.0 / (1 + epoch)

    return train(model_of(layer), way, at_epochs(change))


@case
def a_tensor_that_is_no_weight(**way: Any) -> Any:
    class Scaled(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.rate = torch.tensor(1.0)

        def call(self, x: Any) -> Any:
            return x * self.rate

    layer = Scaled()

    def change(epoch: int) -> None:
        layer.rate = torch.tensor(1.0 / (1 + epoch))

    return train(model_of(layer), way, at_epochs(change))


@case
def tensors_in_a_list(**way: Any) -> Any:
    class Scaled(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.rates = [torch.tensor(1.0)]

        def call(self, x: Any) -> Any:
            return x * self.rates[0]

    layer = Scaled()

    def change(epoch: int) -> None:
        layer.rates[0] = torch.tensor(1.0 / (1 + epoch))

    return train(model_of(layer), way, at_epochs(change))


@case
def a_layer_outside_the_model(**way: Any) -> Any:
    outside = layers.Dropout(0.5, seed=3)

    class Through(layers.Layer):
        def call(self, x: Any) -> Any:
            return outside(x, training=True)

    def change(epoch: int) -> None:
        outside.rate = 0.5 / (1 + epoch)

    return train(model_of(Through()), way, at_epochs(change)), outside.seed_generator.draws


@case
def a_loss_object_outside(**way: Any) -> Any:
    huber = keras.losses.Huber(delta=1.0)

    def loss(y: Any, p: Any) -> Any:
        return huber(y, p)

    def change(epoch: int) -> None:
        huber.delta = 0.1 / epoch

    return train(model_of(), way, at_epochs(change), loss=loss)


@case
def the_dice_of_a_layer_replaced(**way: Any) -> Any:
    layer = layers.Dropout(0.5, seed=1)

    def change(epoch: int) -> None:
        layer.seed_generator = keras.random.SeedGenerator(epoch)

    return train(model_of(layers.Dense(9), layer), way, at_epochs(change))


@case
def the_strength_of_a_regularizer(**way: Any) -> Any:
    penalty = keras.regularizers.L2(0.1)

    def change(epoch: int) -> None:
        penalty.l2 = 0.1 / (1 + epoch)

    return train(model_of(layers.Dense(3, kernel_regularizer=penalty)), way, at_epochs(change))


@case
def the_strength_of_an_activity_regularizer(**way: Any) -> Any:
    penalty = keras.regularizers.L2(0.1)

    def change(epoch: int) -> None:
        penalty.l2 = 0.1 / (1 + epoch)

    return train(model_of(layers.Dense(3, activity_regularizer=penalty)), way, at_epochs(change))


@case
def an_activation_replaced(**way: Any) -> Any:
    layer = layers.Dense(3, "tanh")

    def change(epoch: int) -> None:
        layer.activation = keras.activations.relu

    return train(model_of(layer), way, at_epochs(change))


@case
def a_global_tensor_written_into(**way: Any) -> Any:
    class Scaled(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * SCALE

    def change(step: int) -> None:
        SCALE.fill_(1.0 / step)

    SCALE.fill_(1.0)
    return train(model_of(Scaled()), way, AtSteps(change))


@pytest.mark.filterwarnings("ignore:.*have no gradient.*")
@pytest.mark.parametrize("name", CASES)
def test_numbers_are_those_of_the_usual_way(name: str, assert_replay_changes_nothing: Any) -> None:
    assert_replay_changes_nothing(CASES[name])
