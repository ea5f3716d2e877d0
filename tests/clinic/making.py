"""What the trios are made of: a sick net, its healthy twin, and one that only looks sick."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import images
import numpy as np
import shapes
from data import Array, Data, parted
from program import Program

import latih as keras
from latih import layers

SOFTMAX, SIGMOID, LINEAR = "softmax", "sigmoid", None
CLASSES, TWO, VALUES = "sparse_categorical_crossentropy", "binary_crossentropy", "mse"


@dataclass(frozen=True)
class Trio:
    """Three programs that differ in as little as possible.

    Args:
        code: what the first has.
        sick: has it.
        healthy: the same without it.
        near_miss: looks as if it had it, and is healthy.
    """

    code: str
    sick: Program
    healthy: Program
    near_miss: Program

    def __post_init__(self) -> None:
        named = {"sick": (self.code,), "healthy": (), "near_miss": ()}
        for role, codes in named.items():
            program = getattr(self, role).but(
                name=f"{self.code}/{role.replace('_', '-')}",
                codes=codes,
                labels={code: (code,) for code in codes},
                origin=f"trios: {role.replace('_', ' ')}",
            )
            object.__setattr__(self, role, program)

    @property
    def programs(self) -> tuple[Program, ...]:
        """All three."""
        return self.sick, self.healthy, self.near_miss


def dense(units: int, activation: Any = "relu", init: Any = "he_normal", **more: Any) -> Any:
    """Return a maker of a hidden layer."""
    return partial(layers.Dense, units, activation=activation, kernel_initializer=init, **more)


def adam(rate: float = 2e-3, **more: Any) -> Callable[[], Any]:
    return partial(keras.optimizers.Adam, rate, **more)


def sgd(rate: float = 0.1, **more: Any) -> Callable[[], Any]:
    return partial(keras.optimizers.SGD, rate, **more)


def program(
    make_data: Callable[[int], Data],
    *hidden: Callable[[], Any],
    units: int = 1,
    output: Any = SIGMOID,
    loss: Any = TWO,
    optimizer: Callable[[], Any] | None = None,
    init: Any = "glorot_uniform",
    **more: Any,
) -> Program:
    """Return a program of a stack of layers; a trio gives it its name.

    Args:
        make_data: gives the data for a seed.
        hidden: makers of the layers but the last.
        units: of the last layer.
        output: its activation.
        loss: what is made small.
        optimizer: gives a new one; by default Adam.
        init: of the last layer.
        more: of :class:`program.Program`.
    """

    def make_model(data: Data) -> Any:
        last = layers.Dense(units, activation=output, kernel_initializer=init)
        stack = [make() for make in hidden]
        return keras.Sequential([keras.Input(data.x.shape[1:]), *stack, last])

    return Program("", make_data, make_model, optimizer or adam(), lambda: loss, **more)


# Data


def column(y: Array) -> Array:
    return np.float32(y).reshape(len(y), -1)


def moons(seed: int, count: int = 1000, noise: float = 0.12) -> Data:
    """Two half moons: easily learned, not by a straight line."""
    x, y = shapes.moons(count + 200, noise, seed)
    return parted(x, column(y), 200)


def quadrants(seed: int, count: int = 1000, features: int = 4, noise: float = 0.0) -> Data:
    """XOR with two features more that say nothing: no straight line has any skill."""
    x, y = shapes.quadrants(count + 200, features, noise, seed)
    return parted(x, column(y), 200)


def taught(seed: int, count: int = 1000, noise: float = 0.1) -> Data:
    """What a small random net says of six features, mean 0, deviation 1."""
    x, y = shapes.taught(count + 200, 6, 1, seed, noise)
    return parted(x, np.float32(y), 200)


def clothes(seed: int, count: int = 2000) -> Data:
    """Grey images of clothes, flat, 0..1."""
    chosen = images.piece(images.embedded(), count, 500, seed)
    assert chosen.x_val is not None
    flat = (np.float32(part.reshape(len(part), -1) / 255.0) for part in (chosen.x, chosen.x_val))
    x, x_val = flat
    return chosen.but(x=x, x_val=x_val)


of_clothes = partial(
    program, clothes, units=10, output=SOFTMAX, loss=CLASSES, batch_size=64, epochs=8
)
"""Ten kinds of clothes, in 250 steps."""

of_quadrants = partial(program, quadrants, batch_size=32, epochs=12)
"""XOR, in 380 steps."""

of_moons = partial(program, moons, batch_size=32, epochs=10)
"""Two moons, in 310 steps."""

of_taught = partial(program, taught, output=LINEAR, loss=VALUES, batch_size=32, epochs=12)
"""A regression, in 380 steps."""
