"""What a program is trained on: arrays, and what all of them are made with."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Data:
    """Examples to train on, and examples held back.

    Args:
        x: one row an example.
        y: class numbers, one-hot rows, or values.
        x_val: None if nothing is held back.
        y_val: None if nothing is held back.
    """

    x: Array
    y: Array
    x_val: Array | None = None
    y_val: Array | None = None

    @property
    def validation(self) -> tuple[Array, Array] | None:
        """As ``validation_data`` of ``fit``."""
        return None if self.x_val is None or self.y_val is None else (self.x_val, self.y_val)

    def but(self, **changes: Any) -> "Data":
        """Return it with some parts changed."""
        return replace(self, **changes)


def parted(x: Array, y: Array, held_back: int) -> Data:
    """Return data whose last rows are held back."""
    count = len(x) - held_back
    return Data(single(x[:count]), y[:count], single(x[count:]), y[count:])


def mixed(x: Array, y: Array, seed: int) -> tuple[Array, Array]:
    """Return the rows in another order, each with its target."""
    order = np.random.default_rng(seed).permutation(len(x))
    return x[order], y[order]


def single(array: Array) -> Array:
    """Return the array as 32-bit fractions."""
    return np.ascontiguousarray(array, dtype=np.float32)


def one_hot(labels: Array, classes: int) -> Array:
    """Return a row of zeros and a one for each class number."""
    return np.eye(classes, dtype=np.float32)[np.asarray(labels, dtype=np.int64)]


def scaled(data: Data, way: str) -> Data:
    """Return the data with features scaled by what the training rows are.

    Args:
        data: to scale.
        way: ``"z-score"`` or ``"min-max"``.
    """
    if way == "z-score":
        centre, width = data.x.mean(axis=0), data.x.std(axis=0)
    else:
        centre, width = data.x.min(axis=0), np.ptp(data.x, axis=0)
    width = np.where(width == 0, 1, width)
    held = None if data.x_val is None else single((data.x_val - centre) / width)
    return data.but(x=single((data.x - centre) / width), x_val=held)
