"""Random numbers that are not drawn by layers' own generators."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from small_training import case_of, model_of, train
from torch import nn
from torch.nn import functional as F

import latih as keras
from latih import layers

CASES: dict[str, Callable[..., Any]] = {}
case = case_of(CASES)


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


@case
def a_layer_made_in_the_call(**way: Any) -> Any:
    class Noisy(layers.Layer):
        def call(self, x: Any) -> Any:
            return layers.Dropout(0.5)(x, training=True)

    return train(model_of(Noisy()), way)


@pytest.mark.parametrize(
    "name",
    CASES,
)
def test_numbers_are_those_of_the_usual_way(name: str, assert_replay_changes_nothing: Any) -> None:
    assert_replay_changes_nothing(CASES[name])
