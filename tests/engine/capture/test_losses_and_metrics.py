"""Losses, metrics and penalties of the user's that do more than calculate."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from small_training import at_epochs, case_of, model_of, train

import latih as keras
from latih import layers

CASES: dict[str, Callable[..., Any]] = {}
case = case_of(CASES)


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


@pytest.mark.parametrize("name", CASES)
def test_numbers_are_those_of_the_usual_way(name: str, assert_replay_changes_nothing: Any) -> None:
    assert_replay_changes_nothing(CASES[name])
