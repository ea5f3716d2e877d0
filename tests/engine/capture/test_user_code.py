"""Code of the user's that does more than calculate: no number may differ from the usual way."""

import collections
import contextlib
import functools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import latih as keras
from latih import layers

_draw = np.random.default_rng(3)
X = _draw.normal(size=(28, 4)).astype("float32")
Y = _draw.normal(size=(28, 2)).astype("float32")
Callback = keras.callbacks.Callback


def model_of(*inside: Any) -> Any:
    return keras.Sequential([keras.Input((4,)), *inside, layers.Dense(2)])


def train(model: Any, way: Any, *listeners: Any, loss: Any = "mse", **more: Any) -> Any:
    model.compile(keras.optimizers.SGD(0.05), loss, metrics=more.pop("metrics", None), **way)
    data = {"x": X, "y": Y, "batch_size": 8, "epochs": 3, "verbose": 0, **more}
    model.fit(**data, callbacks=list(listeners))
    return model


def at_epochs(change: Callable[[Any], None], first: int = 1) -> Any:
    """A callback that changes something as an epoch begins."""
    return keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: change(epoch) if epoch >= first else None
    )


class AtSteps(Callback):
    """Changes something before each step but the first ones."""

    def __init__(self, change: Callable[[int], None], at: int = 2) -> None:
        super().__init__()
        self.change, self.at, self.steps = change, at, 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.steps += 1
        if self.steps > self.at:
            self.change(self.steps)


CASES: dict[str, Callable[..., Any]] = {}
WRONG = {
    "the rate between calls of train on batch": "train_on_batch() does not ask whether a record "
    "still holds (step.refresh()), as fit(), evaluate() and predict() do"
}
"""Cases that come out wrong, and why."""


def case(function: Callable[..., Any]) -> Callable[..., Any]:
    CASES[function.__name__.replace("_", " ")] = function
    return function


# Layers that keep something in Python


@case
def a_counter(**way: Any) -> Any:
    class Counting(layers.Layer):
        seen = 0

        def call(self, x: Any) -> Any:
            self.seen += 1
            return x * self.seen

    layer = Counting()
    return train(model_of(layer), way), layer.seen


@case
def a_list_that_is_filled(**way: Any) -> Any:
    class Keeping(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.kept = [torch.zeros(1)]

        def call(self, x: Any) -> Any:
            self.kept.append(x.detach().mean().reshape(1))
            return x + len(self.kept)

    layer = Keeping()
    return train(model_of(layer), way), len(layer.kept), layer.kept


@case
def a_list_given_in_the_constructor(**way: Any) -> Any:
    class Keeping(layers.Layer):
        def __init__(self, into: Any) -> None:
            super().__init__()
            self.put = into.append

        def call(self, x: Any) -> Any:
            self.put(x.detach())
            return x

    kept: list[Any] = []
    return train(model_of(Keeping(kept)), way), kept


@case
def a_deque(**way: Any) -> Any:
    class Keeping(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.kept = collections.deque([1.0], maxlen=1)

        def call(self, x: Any) -> Any:
            last = self.kept[0]
            self.kept.append(0.9 * last)
            return x * last

    return train(model_of(Keeping()), way)


@case
def a_dictionary_updated(**way: Any) -> Any:
    class Keeping(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.seen = {"calls": 0}

        def call(self, x: Any) -> Any:
            self.seen.update(calls=self.seen["calls"] + 1)
            return x * self.seen["calls"]

    layer = Keeping()
    return train(model_of(layer), way), layer.seen


@case
def an_object_of_ones_own(**way: Any) -> Any:
    class Clock:
        def __init__(self) -> None:
            self.time = 0

        def tick(self) -> int:
            self.time += 1
            return self.time

    class Timed(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.clock = Clock()

        def call(self, x: Any) -> Any:
            return x * self.clock.tick()

    return train(model_of(Timed()), way)


@case
def dice_of_numpy(**way: Any) -> Any:
    class Noisy(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.dice = np.random.default_rng(0)

        def call(self, x: Any) -> Any:
            return x * self.dice.normal()

    return train(model_of(Noisy()), way)


@case
def dice_of_python(**way: Any) -> Any:
    class Noisy(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.draw = random.Random(0).random

        def call(self, x: Any) -> Any:
            return x * self.draw()

    return train(model_of(Noisy()), way)


@case
def an_iterator(**way: Any) -> Any:
    class Next(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.rates = iter(np.linspace(0, 1, 1000))

        def call(self, x: Any) -> Any:
            return x * float(self.rates.__next__())

    return train(model_of(Next()), way)


@case
def a_module_as_an_attribute(**way: Any) -> Any:
    class Noisy(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.of_numbers = np

        def call(self, x: Any) -> Any:
            return x * float(self.of_numbers.random.uniform())

    return train(model_of(Noisy()), way)


@case
def a_default_argument_that_counts(**way: Any) -> Any:
    class Noisy(layers.Layer):
        def call(self, x: Any, dice: Any = random.Random(0)) -> Any:  # noqa: B008
            return x * dice.random()

    Noisy.call.__defaults__[0].seed(0)
    return train(model_of(Noisy()), way)


@case
def numbers_read_in_python(**way: Any) -> Any:
    class Reading(layers.Layer):
        def call(self, x: Any) -> Any:
            return x / x.abs().max().item()

    return train(model_of(Reading()), way)


@case
def a_branch_on_a_tensor(**way: Any) -> Any:
    class Branching(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * 2 if x.mean() > 0 else x

    return train(model_of(Branching()), way)


@case
def numpy_in_between(**way: Any) -> Any:
    class Through(layers.Layer):
        def call(self, x: Any) -> Any:
            return x + torch.as_tensor(np.sort(x.detach().numpy(), 1))

    return train(model_of(Through()), way)


@case
def printing(**way: Any) -> Any:
    class Telling(layers.Layer):
        def call(self, x: Any) -> Any:
            print(x.shape)
            return x

    return train(model_of(Telling()), way)


# Code that is found only by looking for it


@case
def a_property_that_counts(**way: Any) -> Any:
    class Scaled(layers.Layer):
        seen = 0

        @property
        def scale(self) -> int:
            self.seen += 1
            return self.seen

        def call(self, x: Any) -> Any:
            return x * self.scale

    return train(model_of(Scaled()), way)


@case
def a_class_method_that_counts(**way: Any) -> Any:
    class Scaled(layers.Layer):
        seen = 0

        @classmethod
        def scale(cls) -> int:
            cls.seen += 1
            return cls.seen

        def call(self, x: Any) -> Any:
            return x * self.scale()

    return train(model_of(Scaled()), way)


@case
def a_method_of_the_parents(**way: Any) -> Any:
    class Parent(layers.Layer):
        seen = 0

        def call(self, x: Any) -> Any:
            self.seen += 1
            return x * self.seen

    class Child(Parent):
        def call(self, x: Any) -> Any:
            return super().call(x) + 1

    return train(model_of(Child()), way)


@case
def a_helper_of_a_layer_inside(**way: Any) -> Any:
    class Inner(layers.Layer):
        seen = 0

        def encode(self, x: Any) -> Any:
            self.seen += 1
            return x * self.seen

    class Outer(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Inner()

        def call(self, x: Any) -> Any:
            return self.inner.encode(x)

    return train(model_of(Outer()), way)


@case
def a_method_under_another_name(**way: Any) -> Any:
    class Scaled(layers.Layer):
        seen = 0

        def once(self, x: Any) -> Any:
            self.seen += 1
            return x * self.seen

        def call(self, x: Any) -> Any:
            return getattr(self, "on" + "ce")(x)

    return train(model_of(Scaled()), way)


@case
def an_operator_that_counts(**way: Any) -> Any:
    class Inner(layers.Layer):
        seen = 0

        def __getitem__(self, x: Any) -> Any:
            self.seen += 1
            return x * self.seen

    class Outer(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Inner()

        def call(self, x: Any) -> Any:
            return self.inner[x]

    return train(model_of(Outer()), way)


@case
def a_decorator_that_counts(**way: Any) -> Any:
    def counted(method: Any) -> Any:
        seen = 0

        @functools.wraps(method)
        def counting(self: Any, x: Any) -> Any:
            nonlocal seen
            seen += 1
            return method(self, x) * seen

        return counting

    class Decorated(layers.Layer):
        @counted
        def call(self, x: Any) -> Any:
            return x + 1

    return train(model_of(Decorated()), way)


@case
def a_cached_method(**way: Any) -> Any:
    class Cached(layers.Layer):
        @functools.lru_cache  # noqa: B019
        def scale(self, width: int) -> float:
            return random.random()

        def call(self, x: Any) -> Any:
            self.scale.cache_clear()
            return x * self.scale(x.shape[-1])

    return train(model_of(Cached()), way)


@case
def a_call_put_on_the_object(**way: Any) -> Any:
    layer = layers.Dense(3)
    seen = [0]
    usual = layer.call

    def counting(x: Any) -> Any:
        seen[0] += 1
        return usual(x) * seen[0]

    vars(layer)["call"] = counting
    return train(model_of(layer), way)


@case
def an_activation_that_counts(**way: Any) -> Any:
    seen = [0]

    def counting(x: Any) -> Any:
        seen.append(1)
        return x * len(seen)

    return train(model_of(layers.Activation(counting)), way)


@case
def a_partial_activation(**way: Any) -> Any:
    seen: list[int] = []

    def counting(x: Any, into: Any) -> Any:
        into.append(1)
        return x * len(into)

    return train(model_of(layers.Activation(functools.partial(counting, into=seen))), way)


@case
def an_object_as_activation(**way: Any) -> Any:
    class Counting:
        __name__ = "counting"
        seen = 0

        def __call__(self, x: Any) -> Any:
            self.seen += 1
            return x * self.seen

    return train(model_of(layers.Activation(Counting())), way)


@case
def functions_in_a_list(**way: Any) -> Any:
    seen: list[int] = []

    def counting(x: Any) -> Any:
        seen.append(1)
        return x * len(seen)

    class Listing(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.steps = [torch.tanh, counting]

        def call(self, x: Any) -> Any:
            for step in self.steps:
                x = step(x)
            return x

    return train(model_of(Listing()), way)


# Losses, metrics, regularizers


@case
def a_loss_that_counts(**way: Any) -> Any:
    seen = 0

    def loss(y: Any, p: Any) -> Any:
        nonlocal seen
        seen += 1
        return (y - p).square().mean(-1) * seen

    return train(model_of(), way, loss=loss)


@case
def a_partial_loss(**way: Any) -> Any:
    def counting(y: Any, p: Any, into: Any) -> Any:
        into.append(1)
        return (y - p).square().mean(-1) * len(into)

    return train(model_of(), way, loss=functools.partial(counting, into=[]))


@case
def a_method_as_loss(**way: Any) -> Any:
    class Losses:
        seen = 0

        def squared(self, y: Any, p: Any) -> Any:
            self.seen += 1
            return (y - p).square().mean(-1) * self.seen

    return train(model_of(), way, loss=Losses().squared)


@case
def an_object_as_loss(**way: Any) -> Any:
    class Squared:
        seen = 0

        def __call__(self, y: Any, p: Any) -> Any:
            self.seen += 1
            return (y - p).square().mean(-1) * self.seen

    return train(model_of(), way, loss=Squared())


@case
def a_loss_that_asks_the_optimizer(**way: Any) -> Any:
    model = model_of()

    def annealed(y: Any, p: Any) -> Any:
        return (y - p).square().mean(-1) * (1 + model.optimizer.iterations)

    return train(model, way, loss=annealed)


@case
def a_regularizer_that_counts(**way: Any) -> Any:
    seen: list[int] = []

    def counting(weight: Any) -> Any:
        seen.append(1)
        return 0.01 * len(seen) * weight.square().sum()

    class Weighted(layers.Layer):
        def build(self, shape: Any) -> None:
            self.add_weight((shape[-1],), "ones", regularizer=counting, name="scale")

        def call(self, x: Any) -> Any:
            return x * self.scale

    return train(model_of(Weighted()), way)


@case
def a_metric_that_keeps_what_it_sees(**way: Any) -> Any:
    class Keeping(keras.metrics.Metric):
        def __init__(self) -> None:
            super().__init__(name="kept")
            self.kept: list[Any] = [torch.zeros(1)]
            self.total = self.add_variable((), name="total")

        def update_state(self, y: Any, p: Any, sample_weight: Any = None) -> None:
            self.kept.append(y)
            self.kept.append(p)
            self.total.assign_add(y.sum())

        def result(self) -> Any:
            return self.total.clone()

    metric = Keeping()
    return train(model_of(), way, metrics=[metric]), list(metric.kept)


@case
def a_metric_that_begins_with_another_tensor(**way: Any) -> Any:
    class Renewed(keras.metrics.Metric):
        def __init__(self) -> None:
            super().__init__(name="renewed")
            self.total = torch.zeros(())

        def reset_state(self) -> None:
            self.total = torch.zeros(())

        def update_state(self, y: Any, p: Any, sample_weight: Any = None) -> None:
            self.total.add_(y.sum())

        def result(self) -> Any:
            return self.total.clone()

    return train(model_of(), way, metrics=[Renewed()])


@case
def a_metric_function_with_a_closure(**way: Any) -> Any:
    power = 1.0

    def powered(y: Any, p: Any) -> Any:
        return (y - p).abs().pow(power).mean(-1)

    def change(epoch: int) -> None:
        nonlocal power
        power = 1.0 + epoch

    return train(model_of(), way, at_epochs(change), metrics=[powered])


# What callbacks change


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


@case
def a_hook_that_is_there(**way: Any) -> Any:
    layer = layers.Dense(3)
    seen: list[int] = []

    def hook(module: Any, inputs: Any, outputs: Any) -> Any:
        seen.append(1)
        return outputs * len(seen)

    layer.register_forward_hook(hook)
    return train(model_of(layer), way), len(seen)


@case
def a_hook_that_comes(**way: Any) -> Any:
    layer = layers.Dense(3)

    def change(epoch: int) -> None:
        layer.register_forward_hook(lambda module, inputs, outputs: outputs * 0.5)

    return train(model_of(layer), way, at_epochs(change))


@case
def a_hook_that_another_takes_the_place_of(**way: Any) -> Any:
    layer = layers.Dense(3)
    handles = [layer.register_forward_hook(lambda module, inputs, outputs: outputs * 0.5)]

    def change(epoch: int) -> None:
        handles.pop().remove()
        handles.append(layer.register_forward_hook(lambda module, inputs, outputs: outputs * 2))

    return train(model_of(layer), way, at_epochs(change))


@case
def a_backward_hook_that_comes(**way: Any) -> Any:
    layer = layers.Dense(3)

    def change(epoch: int) -> None:
        layer.register_full_backward_hook(lambda module, back, forth: tuple(g * 0.5 for g in back))

    return train(model_of(layers.Dense(4), layer), way, at_epochs(change))


@case
def a_hook_on_a_weight_that_comes(**way: Any) -> Any:
    layer = layers.Dense(3)

    def change(epoch: int) -> None:
        layer.kernel.register_hook(lambda gradient: gradient * 0.5)

    return train(model_of(layer), way, at_epochs(change, 2))


@case
def a_hook_on_a_weight_that_counts(**way: Any) -> Any:
    layer = layers.Dense(3)
    model = model_of(layer)
    seen: list[int] = []

    def hook(gradient: Any) -> Any:
        seen.append(1)
        return gradient * len(seen)

    layer.kernel.register_hook(hook)
    return train(model, way), len(seen)


@case
def a_hook_for_all_modules(**way: Any) -> Any:
    handles: list[Any] = []

    def change(epoch: int) -> None:
        if not handles:
            handles.append(
                nn.modules.module.register_module_forward_hook(
                    lambda module, inputs, outputs: outputs * 0.9
                )
            )

    try:
        return train(model_of(layers.Dense(3)), way, at_epochs(change))
    finally:
        for handle in handles:
            handle.remove()


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


# What PyTorch does with dice and numbers


@case
def a_generator_seeded_in_the_call(**way: Any) -> Any:
    class Noisy(layers.Layer):
        def call(self, x: Any) -> Any:
            return x + torch.randn(x.shape, generator=torch.Generator().manual_seed(3))

    return train(model_of(Noisy()), way)


@case
def seeding_in_the_call(**way: Any) -> Any:
    class Noisy(layers.Layer):
        def call(self, x: Any) -> Any:
            torch.manual_seed(3)
            return x + torch.randn_like(x)

    return train(model_of(Noisy()), way)


@case
def dice_of_torch(**way: Any) -> Any:
    class Noisy(layers.Layer):
        def call(self, x: Any) -> Any:
            noise = torch.randn_like(x) + torch.rand(4) + torch.randint(0, 3, (4,))
            return F.dropout(x + noise, 0.3) + torch.randperm(4) + torch.normal(0.0, 1.0, (4,))

    return train(model_of(Noisy()), way), torch.rand(1)


@case
def seeds_of_the_process(**way: Any) -> Any:
    class Noisy(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * (keras.random.SeedGenerator().next() % 7)

    return train(model_of(Noisy()), way)


@case
def a_gradient_checkpoint(**way: Any) -> Any:
    class Checkpointed(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))

        def call(self, x: Any) -> Any:
            return torch.utils.checkpoint.checkpoint(self.inner, x, use_reentrant=False)

    return train(model_of(Checkpointed()), way)


@case
def a_context_of_ones_own(**way: Any) -> Any:
    seen: list[int] = []

    @contextlib.contextmanager
    def counted() -> Any:
        seen.append(1)
        yield len(seen)

    class Within(layers.Layer):
        def call(self, x: Any) -> Any:
            with counted() as number:
                return x * number

    return train(model_of(Within()), way)


@pytest.mark.filterwarnings("ignore:.*(backward hook|have no gradient).*")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xfail(reason=WRONG[name])) if name in WRONG else name
        for name in CASES
    ],
)
def test_numbers_are_those_of_the_usual_way(name: str, assert_replay_changes_nothing: Any) -> None:
    assert_replay_changes_nothing(CASES[name])
