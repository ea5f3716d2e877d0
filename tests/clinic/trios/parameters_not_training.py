"""Somebody called ``detach()``: nothing behind it ever moves.

The near miss has a base that is frozen on purpose, and a head that learns from it.
"""

from typing import Any

import torch
from making import Trio, adam, dense, of_clothes, of_quadrants

from latih import layers


class Detached(layers.Layer):
    """Gives what it gets, without its history."""

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.detach()


def frozen(units: int) -> Any:
    layer = dense(units)()
    layer.trainable = False
    return layer


TRIO = Trio(
    "parameters-not-training",
    sick=of_quadrants(dense(8), dense(8), Detached, optimizer=adam(1e-2)),
    healthy=of_quadrants(dense(8), dense(8), optimizer=adam(1e-2)),
    near_miss=of_clothes(lambda: frozen(512)),
)
