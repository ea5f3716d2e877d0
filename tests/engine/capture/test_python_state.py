"""Layers that keep something in Python are not recorded, or not as if they did not."""

import collections
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from small_training import case_of, model_of, train

from latih import layers

CASES: dict[str, Callable[..., Any]] = {}
case = case_of(CASES)


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


@pytest.mark.parametrize("name", CASES)
def test_numbers_are_those_of_the_usual_way(name: str, assert_replay_changes_nothing: Any) -> None:
    assert_replay_changes_nothing(CASES[name])
