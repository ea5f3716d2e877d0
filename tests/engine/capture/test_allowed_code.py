"""Code of the user's that only calculates is recorded, and what callbacks change is followed."""

import functools
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
FACTORS = {"low": 0.5, "high": 2.0}
SHIFT = torch.tensor([0.1, 0.2, 0.3, 0.4])


def train(inside: Any, way: Any, loss: Any = "mse", **more: Any) -> Any:
    parts = inside if isinstance(inside, list) else [inside]
    model = keras.Sequential([keras.Input((4,)), *parts, layers.Dense(2)])
    model.compile(keras.optimizers.SGD(0.05), loss, metrics=more.pop("metrics", None), **way)
    model.fit(X, Y, batch_size=8, epochs=3, verbose=0, **more)
    return model


def of_layer(kind: Any) -> Callable[..., Any]:
    return lambda **way: train(kind(), way)


class Helped(layers.Layer):
    """Methods of all kinds, and constants of all kinds."""

    factor = 2.0

    def __init__(self) -> None:
        super().__init__()
        self.inner = layers.Dense(4)
        self.blocks = [layers.Dense(4, "tanh") for _ in range(2)]
        self.by_name = {"last": layers.Dense(4)}
        self.settings = {"rate": 0.3, "power": (1, 2)}
        self.numbers = np.linspace(0, 1, 4, dtype="float32")

    @property
    def rate(self) -> float:
        return self.settings["rate"] * self.factor

    @staticmethod
    def squared(x: Any) -> Any:
        return x.square()

    @classmethod
    def scaled(cls, x: Any) -> Any:
        return x * cls.factor

    def helped(self, x: Any, times: int = 2) -> Any:
        for _ in range(times):
            x = F.relu(self.inner(x)) + self.squared(x) * 0.1
        return x

    def call(self, x: Any, training: Any = None) -> Any:
        kept = []
        for block in self.blocks:
            x = block(x)
            kept.append(x)
        x = self.helped(torch.stack(kept).sum(0)) + torch.tensor(self.numbers)
        if training:
            x = self.scaled(x) * self.rate
        return self.by_name["last"](x + SHIFT * FACTORS["low"])


class Child(Helped):
    def call(self, x: Any, training: Any = None) -> Any:
        return super().call(x, training=training) + 1


class Torch(layers.Layer):
    """PyTorch's modules, and one of the user's own among them."""

    class Module(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4))
            self.register_buffer("seen", torch.zeros(()))

        def forward(self, x: Any) -> Any:
            with torch.no_grad():
                self.seen.add_(x.abs().mean())
            return x * self.weight / (1 + self.seen)

    def __init__(self) -> None:
        super().__init__()
        self.inside = nn.Sequential(
            nn.Linear(4, 6), nn.BatchNorm1d(6), nn.GELU(), nn.Dropout(0.3), nn.Linear(6, 4)
        )
        self.own = Torch.Module()

    def call(self, x: Any) -> Any:
        return self.own(self.inside(x))


class Adding(layers.Layer):
    def call(self, x: Any) -> Any:
        self.add_loss(0.01 * x.square().mean())
        return x


class Counted(layers.Layer):
    """A counter that is a variable counts on."""

    def build(self, shape: Any) -> None:
        self.seen = self.add_weight((), "zeros", trainable=False, name="seen")

    def call(self, x: Any) -> Any:
        self.seen.assign_add(1.0)
        return x * self.seen


class Measured(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.size = keras.metrics.Mean(name="size")

    def call(self, x: Any) -> Any:
        self.size.update_state(x.abs().mean(1))
        return x


class WithoutGradients(layers.Layer):
    @torch.no_grad()
    def call(self, x: Any) -> Any:
        return x.cumsum(1)


class Written(layers.Layer):
    """Writes into tensors by methods."""

    def call(self, x: Any) -> Any:
        y = torch.zeros_like(x)
        y.index_copy_(1, torch.tensor([2, 0]), x[:, :2])
        y.narrow(1, 1, 1).copy_(x[:, 3:])
        return y.masked_fill(x > 1, 0.5)


def pinball(y: Any, p: Any, quantile: float) -> Any:
    return torch.maximum(quantile * (y - p), (quantile - 1) * (y - p)).mean(-1)


def a_function_of_a_loss_object(**way: Any) -> Any:
    huber = keras.losses.Huber(0.5)
    return train([], way, lambda y, p: huber(y, p) + 0.1 * (y - p).abs().mean())


def a_partial(**way: Any) -> Any:
    return train([], way, functools.partial(pinball, quantile=0.9))


def a_metric_function(**way: Any) -> Any:
    return train([], way, metrics=[lambda y, p: (y - p).abs().amax(-1)])


def a_penalty(**way: Any) -> Any:
    return train(layers.Dense(3, kernel_regularizer=lambda w: 0.01 * w.abs().sum()), way)


def another_model(**way: Any) -> Any:
    judge = keras.Sequential([keras.Input((2,)), layers.Dense(5, "tanh")])
    return train([], way, lambda y, p: (judge(y) - judge(p)).square().mean(-1))


CASES: dict[str, Callable[..., Any]] = {
    **{
        kind.__name__: of_layer(kind)
        for kind in (Helped, Child, Torch, Adding, Counted, Measured, WithoutGradients, Written)
    },
    "a lambda": lambda **way: train(layers.Activation(lambda x: x * torch.sigmoid(x)), way),
    "a function of a loss object": a_function_of_a_loss_object,
    "a partial": a_partial,
    "a metric function": a_metric_function,
    "a penalty": a_penalty,
    "another model": another_model,
}


@pytest.mark.filterwarnings("ignore:.*have no gradient.*")
@pytest.mark.parametrize("name", CASES)
def test_it_is_replayed_to_the_same_numbers(name: str, assert_replay_changes_nothing: Any) -> None:
    told = assert_replay_changes_nothing(CASES[name])
    assert told.startswith("A step is replayed"), told


CHANGES: dict[str, tuple[Callable[[], Any], Callable[[Any, float], None]]] = {
    "a rate": (lambda: layers.Dropout(0.5), lambda layer, to: setattr(layer, "rate", to / 2)),
    "a slope": (
        lambda: layers.LeakyReLU(0.5),
        lambda layer, to: setattr(layer, "negative_slope", to),
    ),
    "a dictionary": (Helped, lambda layer, to: layer.settings.update(rate=to)),
    "numbers": (Helped, lambda layer, to: layer.numbers.fill(to)),
    "a class": (Child, lambda layer, to: setattr(Helped, "factor", to)),
    "a buffer": (Torch, lambda layer, to: setattr(layer.own, "seen", torch.tensor(to))),
    "a torch module": (Torch, lambda layer, to: setattr(layer.inside[3], "p", to / 2)),
    "a global": (Helped, lambda layer, to: FACTORS.update(low=to)),
    "a layer put in place": (Helped, lambda layer, to: setattr(layer, "inner", layer.blocks[0])),
}


@pytest.mark.filterwarnings("ignore:.*have no gradient.*")
@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_train_batch_begin", "on_train_batch_end"])
def test_what_a_callback_changes_is_recorded_anew(
    name: str, hook: str, assert_replay_changes_nothing: Any
) -> None:
    make, change = CHANGES[name]

    def run(**way: Any) -> Any:
        Helped.factor = 2.0
        FACTORS.update(low=0.5)
        layer, heard = make(), []

        def hear(*_: Any) -> None:
            heard.append(1)
            # So seldom that there are replays in between.
            if hook == "on_epoch_begin" or len(heard) % 7 == 0:
                change(layer, 1 / (1 + len(heard)))

        listener = keras.callbacks.LambdaCallback(**{hook: hear})
        return train(layer, way, callbacks=[listener])

    assert_replay_changes_nothing(run)
