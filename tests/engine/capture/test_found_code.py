"""Code that is found only by looking for it: methods by other names, operators, decorators."""

import functools
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from small_training import case_of, model_of, train
from torch import nn

from latih import layers

CASES: dict[str, Callable[..., Any]] = {}
case = case_of(CASES)


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


@case
def a_property_in_the_place_of_a_setting(**way: Any) -> Any:
    seen: list[int] = []

    class Annealed(layers.Dropout):
        @property
        def rate(self) -> float:
            seen.append(1)
            return 1 / (1 + len(seen))

        @rate.setter
        def rate(self, rate: float) -> None:
            pass

    return train(model_of(layers.Dense(9), Annealed(0.5)), way)


@case
def a_method_that_pytorch_calls(**way: Any) -> Any:
    seen: list[int] = []

    class Counting(nn.Linear):
        def __getattr__(self, name: str) -> Any:
            if name == "weight" and seen:
                seen.append(1)
                return super().__getattr__(name) / len(seen)
            return super().__getattr__(name)

    class Holding(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Counting(4, 4)
            seen.append(1)

        def call(self, x: Any) -> Any:
            return self.inner(x)

    return train(model_of(Holding()), way)


@pytest.mark.parametrize("name", CASES)
def test_numbers_are_those_of_the_usual_way(name: str, assert_replay_changes_nothing: Any) -> None:
    assert_replay_changes_nothing(CASES[name])
