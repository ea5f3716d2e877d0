"""Healthy programs: nets of many kinds on data of many kinds, by many optimizers.

Each row of :data:`PLAN` is a data set and the nets that suit it. Every net is trained twice, by
two of the optimizers in turn, so that each optimizer meets each data set and most nets. A run
counts as healthy only if it reaches ``enough`` on the rows held back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import images
import numpy as np
import shapes
import tables
from data import Array, Data, mixed, parted, scaled
from nets import NETS, SHARES
from program import Program
from ways import WAYS

import latih as keras
from latih import layers


@dataclass(frozen=True)
class Source:
    """Where data come from, and what the net gives for them.

    Args:
        make: gives the data for a seed.
        width: numbers the net gives for an example.
        activation: of its output.
        loss: by its name.
        needs: gives None while the package that holds the data is not there.
    """

    make: Callable[[int], Data]
    width: int
    activation: str | None
    loss: str
    needs: Callable[[], object] = lambda: True


def _clothes(seed: int, shape: tuple[int, ...] = (784,)) -> Data:
    chosen = images.piece(images.embedded(), 2000, 500, seed)
    assert chosen.x_val is not None
    x, x_val = (np.float32(part / 255.0) for part in (chosen.x, chosen.x_val))
    return chosen.but(x=images.shaped(x, shape), x_val=images.shaped(x_val, shape))


def _of_table(
    read: Callable[[], tables.Table | None], seed: int, rows: int = 2500, way: str = "z-score"
) -> Data:
    found = read()
    assert found is not None, "asked for by `needs`"
    x, y = mixed(*found, seed)
    x, y = x[:rows], y[:rows]
    return scaled(parted(x, y, held_back=len(x) // 5), way)


def _values(read: Callable[[], tables.Table | None], seed: int, rows: int = 2500) -> Data:
    data = _of_table(read, seed, rows)
    centre, width = data.y.mean(), data.y.std()
    y, y_val = (np.float32((part - centre) / width).reshape(-1, 1) for part in (data.y, data.y_val))
    return data.but(y=y, y_val=y_val)


def _column(y: Array) -> Array:
    return np.float32(y).reshape(len(y), -1)


def _two_classes(read: Callable[[], tables.Table | None], seed: int) -> Data:
    data = _of_table(read, seed)
    assert data.y_val is not None
    return data.but(y=_column(data.y), y_val=_column(data.y_val))


def _moons(seed: int) -> Data:
    x, y = shapes.moons(1000, 0.15, seed)
    return parted(x, _column(y), 200)


def _quadrants(seed: int) -> Data:
    x, y = shapes.quadrants(1500, 4, 0.0, seed)
    return parted(x, _column(y), 300)


def _taught(seed: int) -> Data:
    x, y = shapes.taught(1500, 6, 1, seed, noise=0.1)
    return parted(x, np.float32(y), 300)


def _tagged(seed: int) -> Data:
    x, y = shapes.taught(1500, 8, 5, seed)
    return parted(x, np.float32(y > 0.3), 300)


_SOFTMAX = ("softmax", "sparse_categorical_crossentropy")
_SIGMOID = ("sigmoid", "binary_crossentropy")
_LINEAR = (None, "mse")
SOURCES: dict[str, Source] = {
    "clothes": Source(_clothes, 10, *_SOFTMAX),
    "clothes-images": Source(partial(_clothes, shape=(28, 28, 1)), 10, *_SOFTMAX),
    "digits": Source(
        partial(_of_table, tables.digits, way="min-max"), 10, *_SOFTMAX, tables.digits
    ),
    "cancer": Source(
        partial(_two_classes, tables.breast_cancer), 1, *_SIGMOID, tables.breast_cancer
    ),
    "wine": Source(partial(_of_table, tables.wine), 3, *_SOFTMAX, tables.wine),
    "iris": Source(partial(_of_table, tables.iris), 3, *_SOFTMAX, tables.iris),
    "diabetes": Source(partial(_values, tables.diabetes), 1, *_LINEAR, tables.diabetes),
    "diamonds": Source(partial(_values, tables.diamonds), 1, *_LINEAR, tables.diamonds),
    "letters": Source(partial(_of_table, tables.letters, rows=5000), 26, *_SOFTMAX, tables.letters),
    "adult": Source(partial(_two_classes, tables.adult), 1, *_SIGMOID, tables.adult),
    "moons": Source(_moons, 1, *_SIGMOID),
    "quadrants": Source(_quadrants, 1, *_SIGMOID),
    "taught": Source(_taught, 1, None, "mse"),
    "huber": Source(_taught, 1, None, "huber"),
    "tagged": Source(_tagged, 5, *_SIGMOID),
}


@dataclass(frozen=True)
class Row:
    """A data set and the nets that it is learned by."""

    source: str
    batch: int
    epochs: int
    enough: float
    nets: str


PLAN: Sequence[Row] = (
    Row("clothes", 64, 10, 0.7, "one two wide deep elu dropout batch-norm layer-norm"),
    Row(
        "clothes-images",
        64,
        8,
        0.7,
        "conv conv-batch-norm conv-dropout conv-strided conv-separable conv-average",
    ),
    Row("digits", 32, 10, 0.9, "one two deep selu tanh dropout batch-norm residual two-ways"),
    Row("cancer", 16, 10, 0.9, "one narrow tanh sigmoid silu dropout layer-norm"),
    Row("wine", 16, 30, 0.8, "one narrow elu gelu noise"),
    Row("iris", 16, 30, 0.8, "one two narrow tanh leaky"),
    Row("diabetes", 16, 12, 0.15, "one narrow decayed"),
    Row("diamonds", 64, 10, 0.85, "one two deep selu silu residual layer-norm"),
    Row("letters", 64, 8, 0.6, "two wide deep elu batch-norm gelu two-ways"),
    Row("adult", 64, 8, 0.78, "one two tanh dropout batch-norm"),
    Row("moons", 32, 12, 0.85, "one two deep tanh elu leaky"),
    Row("quadrants", 32, 15, 0.85, "two wide gelu silu residual"),
    Row("taught", 32, 12, 0.7, "two tanh deep-batch-norm silu layer-norm"),
    Row("huber", 32, 12, 0.65, "one leaky two-ways"),
    Row("tagged", 32, 12, 0.8, "two selu gelu dropout residual"),
)


def programs() -> tuple[list[Program], list[str]]:
    """Return the healthy programs, and the names of those whose data are not there."""
    found: list[Program] = []
    missing: list[str] = []
    turn = 0
    names = list(WAYS)
    for row in PLAN:
        there = SOURCES[row.source].needs() is not None
        for net in row.nets.split():
            for _ in range(2):
                way, turn = names[turn % len(names)], turn + 1
                program = _program(row, net, way)
                if there:
                    found.append(program)
                else:
                    missing.append(program.name)
        turn += 1  # or a data set whose nets divide the optimizers would meet the same again
    return found, missing


def _program(row: Row, net: str, way: str) -> Program:
    source, how = SOURCES[row.source], WAYS[way]

    def make_model(data: Data) -> Any:
        start = keras.Input(data.x.shape[1:])
        output = layers.Dense(source.width, activation=source.activation)
        return keras.Model(start, output(NETS[net](start)))

    return Program(
        name=f"{row.source}/{net}/{way}",
        make_data=source.make,
        make_model=make_model,
        make_optimizer=lambda: how.make(SHARES.get(net, 1.0)),
        make_loss=lambda: source.loss,
        batch_size=row.batch,
        epochs=round(row.epochs * how.longer),
        origin="own healthy",
        enough=row.enough,
    )
