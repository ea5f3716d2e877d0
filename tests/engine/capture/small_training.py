"""What the tests of this folder train: a model so small that every case takes a moment."""

from collections.abc import Callable
from typing import Any

import numpy as np

import latih as keras
from latih import layers

_draw = np.random.default_rng(3)
X = _draw.normal(size=(28, 4)).astype("float32")
Y = _draw.normal(size=(28, 2)).astype("float32")


def model_of(*inside: Any) -> Any:
    return keras.Sequential([keras.Input((4,)), *inside, layers.Dense(2)])


def train(model: Any, way: Any, *listeners: Any, loss: Any = "mse", **more: Any) -> Any:
    """Train for some epochs of steps of which the last is smaller; return the model."""
    model.compile(keras.optimizers.SGD(0.05), loss, metrics=more.pop("metrics", None), **way)
    data = {"x": X, "y": Y, "batch_size": 8, "epochs": 3, "verbose": 0, **more}
    model.fit(**data, callbacks=list(listeners))
    return model


def at_epochs(change: Callable[[Any], None], first: int = 1) -> Any:
    """Return a callback that changes something as an epoch begins."""
    return keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: change(epoch) if epoch >= first else None
    )


class AtSteps(keras.callbacks.Callback):
    """Changes something before each step but the first ones."""

    def __init__(self, change: Callable[[int], None], at: int = 2) -> None:
        super().__init__()
        self.change, self.at, self.steps = change, at, 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.steps += 1
        if self.steps > self.at:
            self.change(self.steps)


def case_of(cases: dict[str, Callable[..., Any]]) -> Callable[..., Any]:
    """Return a decorator that puts a function among some cases, by its name in words."""

    def put(function: Callable[..., Any]) -> Callable[..., Any]:
        cases[function.__name__.replace("_", " ")] = function
        return function

    return put
