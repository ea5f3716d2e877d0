"""Optimizers of many kinds, each with a rate that suits small nets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import latih as keras
from latih.optimizers import schedules


@dataclass(frozen=True)
class Way:
    """An optimizer for a share of its rate, and how many times as many epochs it needs."""

    make: Callable[[float], Any]
    longer: float = 1.0


def cyclical(least: float, most: float, period: int) -> Any:
    """A rate that rises and falls in straight lines, by the number of the step."""

    class Cyclical(schedules.LearningRateSchedule):
        def __call__(self, step: Any) -> Any:
            place = (step / period) % 1.0
            return least + (most - least) * (1.0 - abs(2.0 * place - 1.0))

        def get_config(self) -> dict[str, Any]:
            return {}

    return Cyclical()


_SGD, _ADAM = keras.optimizers.SGD, keras.optimizers.Adam
WAYS: dict[str, Way] = {
    "adam": Way(lambda _: _ADAM(2e-3)),
    "momentum": Way(lambda share: _SGD(0.02 * share, momentum=0.9)),
    "rmsprop": Way(lambda _: keras.optimizers.RMSprop(1e-3)),
    "adagrad": Way(lambda share: keras.optimizers.Adagrad(0.1 * share)),
    "nesterov": Way(lambda share: _SGD(0.02 * share, momentum=0.9, nesterov=True)),
    "adamw": Way(lambda _: keras.optimizers.AdamW(2e-3, weight_decay=1e-2)),
    "cyclical": Way(
        lambda share: _SGD(cyclical(0.005 * share, 0.1 * share, 60), momentum=0.8), longer=1.25
    ),
    "sgd": Way(lambda share: _SGD(0.1 * share), longer=1.5),
    "clipped": Way(lambda _: _ADAM(2e-3, clipnorm=1.0)),
    "cosine": Way(lambda _: _ADAM(schedules.CosineDecay(4e-3, 250))),
    "nadam": Way(lambda _: keras.optimizers.Nadam(2e-3)),
    "adamax": Way(lambda _: keras.optimizers.Adamax(4e-3)),
}
"""By name, with the rates that suit shallow nets; a net takes its share of those that depend."""
