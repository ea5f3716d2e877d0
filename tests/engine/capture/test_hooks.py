"""Hooks of PyTorch are called as often as without records, those that come and go, too."""

from collections.abc import Callable
from typing import Any

import pytest
from small_training import at_epochs, case_of, model_of, train
from torch import nn

from latih import layers

CASES: dict[str, Callable[..., Any]] = {}
case = case_of(CASES)


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


@pytest.mark.filterwarnings("ignore:.*backward hook.*")
@pytest.mark.parametrize("name", CASES)
def test_numbers_are_those_of_the_usual_way(name: str, assert_replay_changes_nothing: Any) -> None:
    assert_replay_changes_nothing(CASES[name])
