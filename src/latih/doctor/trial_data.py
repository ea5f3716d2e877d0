"""What trials train on and what they are judged by, and how long they are."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from latih import random
from latih.data import as_arrays, is_stream
from latih.doctor.rows import spread
from latih.errors import InputError
from latih.structures import flatten, map_structure

SHARE = 10
"""A trial takes one part in so many of the training."""

LEAST_STEPS = 100
LEAST_EPOCHS = 3
"""But at least so many steps or so many epochs, whichever is less."""

MOST_ROWS = 4096
"""So many rows say how inputs are to be scaled."""

HELD_BACK = 5
"""One row in so many is held back where nothing was given to judge by."""


@dataclass(frozen=True)
class Data:
    """What is trained on, and what was held back.

    Args:
        x: the examples.
        y: what they should come out as; None where ``x`` gives it too.
        held_back: as ``validation_data`` of ``fit()``.
        sample_weight: how much each example counts.
        steps_per_epoch: after how many steps an epoch ends; None for all the data.
        validation_steps: after how many steps an evaluation ends; the same.
    """

    x: Any
    y: Any
    held_back: Any
    sample_weight: Any = None
    steps_per_epoch: int | None = None
    validation_steps: int | None = None

    def steps(self, batch_size: int | None) -> int | None:
        """Return how many steps an epoch has; None if nobody knows."""
        return self.steps_per_epoch or steps_of(self.x, batch_size) or None


@dataclass(frozen=True)
class Length:
    """How long to train.

    Args:
        epochs: at most.
        steps_per_epoch: None for all the data.
    """

    epochs: int
    steps_per_epoch: int | None = None


def trial_length(epochs: int, steps: int | None) -> Length:
    """Return how long a trial is.

    Example:
        >>> trial_length(100, 50), trial_length(20, 10), trial_length(3, 5000)
        (Length(epochs=10, steps_per_epoch=None), Length(epochs=3, steps_per_epoch=None), \
Length(epochs=1, steps_per_epoch=1500))
    """
    if steps is None:
        return Length(max(1, math.ceil(epochs / SHARE)))
    planned = epochs * steps
    least = min(LEAST_STEPS, LEAST_EPOCHS * steps, planned)
    return length_of(max(math.ceil(planned / SHARE), least), steps)


def length_of(wanted: int, steps: int) -> Length:
    """Return how long so many steps are, at least, in epochs if they are not less than one.

    Args:
        wanted: how many steps, > 0.
        steps: how many an epoch has.
    """
    return Length(1, wanted) if wanted < steps else Length(math.ceil(wanted / steps))


def steps_of(x: Any, batch_size: int | None) -> int | None:
    """Return how many steps an epoch has; None if nobody knows."""
    if is_stream(x):
        return len(x) if hasattr(x, "__len__") and hasattr(x, "batch_size") else None
    return math.ceil(len(flatten(x)[0]) / (batch_size or 32))


def data_to_try(x: Any, y: Any, held_back: Any, sample_weight: Any, seed: int) -> Data:
    """Return what is trained on and what is held back: if need be, a fifth of the rows."""
    if isinstance(x, Iterator) or isinstance(held_back, Iterator):
        raise InputError(
            "treat() reads the data several times",
            expected="arrays, a Dataset or a DataLoader",
            got="a generator, which can be read once",
            fix="Write a class whose __iter__ begins anew.",
        )
    if is_stream(x) and held_back is not None:
        return Data(x, y, held_back, sample_weight)
    if is_stream(x):
        raise InputError(
            "treat() has nothing to judge by",
            expected="validation_data=, where the data are iterated",
            got="None",
            fix="Hold some examples back.",
        )
    given = {"x": x, "y": y, "sample_weight": sample_weight}
    parts = {name: as_arrays(value, name) for name, value in given.items() if value is not None}
    if held_back is not None:
        return Data(parts["x"], parts.get("y"), held_back, parts.get("sample_weight"))
    count = len(flatten(parts["x"])[0])
    order = torch.randperm(count, generator=random.generator(seed, 0))
    held = order[: max(1, count // HELD_BACK)].sort().values
    trained = order[max(1, count // HELD_BACK) :].sort().values  # in the order that was given

    def chosen(rows: torch.Tensor) -> list[Any]:
        return [map_structure(lambda part: part[rows], value) for value in parts.values()]

    told = dict(zip(parts, chosen(trained), strict=True))
    judged = dict(zip(parts, chosen(held), strict=True))
    return Data(told["x"], told.get("y"), (judged["x"], judged.get("y")), told.get("sample_weight"))


def some_rows(model: Any, data: Data) -> list[torch.Tensor]:
    """Return some rows of each input, in the model's order; none of data that are iterated."""
    if is_stream(data.x):
        return []
    parts = flatten(data.x)
    if isinstance(data.x, dict) and model.is_symbolic and not isinstance(model.input, dict):
        parts = [data.x[name] for name in model.input_names]
    rows = spread(len(parts[0]), MOST_ROWS)
    return [part[rows] for part in parts]
