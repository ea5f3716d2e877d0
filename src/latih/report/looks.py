"""What the doctor saw of a run: its facts and its looks, read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latih.report.checks import (
    finite_or_none,
    is_measure,
    read_whole,
    require_count,
    require_list,
    require_table,
)
from latih.run_directory import RunDirectory

NO_NUMBERS = frozenset({"NaN", "Infinity", "-Infinity"})
"""What stands in these files for a number that is none; null is what was not measured."""

Values = Mapping[str, float | None]
"""What was measured, by name; None for what was NaN, infinite or out of all measure."""


@dataclass(frozen=True)
class Look:
    """One look at the net.

    Args:
        step: after how many steps.
        values: of the whole net.
        layers: of each layer, by its name.
    """

    step: int
    values: Values
    layers: Mapping[str, Values]


@dataclass(frozen=True)
class Watch:
    """All that was seen of a training.

    Args:
        looks: in the order of the steps, each step once.
        layers: the names of the layers, in the order in which they are called.
        epoch_steps: how many steps an epoch has; None if nobody knew.
        trivial_loss: the loss of the best constant prediction; None if nobody knew, or if there are
            several outputs.
    """

    looks: tuple[Look, ...]
    layers: tuple[str, ...]
    epoch_steps: int | None
    trivial_loss: float | None

    def end_of(self, epoch: int) -> int | None:
        """Return after how many steps an epoch of the log ended; None if nobody knows.

        A training that goes on with a treated model counts its steps from 0, and not its epochs.
        """
        if not self.epoch_steps:
            return None
        before = 0
        if self.looks:
            first = self.looks[0]
            before = int(first.values.get("epoch") or 0) - first.step // self.epoch_steps
        return (epoch - before) * self.epoch_steps

    def measured(self, *signs: str) -> list[str]:
        """Return the names of the layers of which one of some signs was ever measured."""
        return [
            name
            for name in self.layers
            if any(sign in look.layers.get(name, {}) for look in self.looks for sign in signs)
        ]

    def of_layer(self, name: str, sign: str) -> list[tuple[int, float | None]]:
        """Return step and value of a sign of a layer, where it was measured."""
        return [
            (look.step, look.layers[name][sign])
            for look in self.looks
            if sign in look.layers.get(name, {})
        ]

    def of_net(self, name: str) -> list[tuple[int, float | None]]:
        """Return step and value of a number of the whole net, where it was measured."""
        return [(look.step, look.values[name]) for look in self.looks if name in look.values]


def read_watch(run: RunDirectory) -> Watch | None:
    """Read what the doctor saw.

    Args:
        run: the directory.

    Returns:
        None if no doctor looked on.

    Raises:
        FileFormatError: a file is there and is not what its name promises.
    """
    if not run.facts.path.is_file() and not run.layers.path.is_file():
        return None
    file = run.facts.path
    content = read_whole(file, run.facts.read)
    facts = require_table(content.get("facts"), file, "'facts'")
    looks = _read_looks(run)
    named = [
        require_table(row, file, "'layers'").get("name")
        for row in require_list(facts.get("layers"), file, "'layers'")
    ]
    seen = [name for look in looks for name in look.layers]
    return Watch(
        looks=looks,
        layers=tuple(dict.fromkeys([*(n for n in named if isinstance(n, str)), *seen])),
        epoch_steps=None
        if facts.get("steps") is None
        else require_count(facts["steps"], file, "'steps'"),
        trivial_loss=_trivial_loss(facts, file),
    )


def _trivial_loss(facts: Mapping[str, Any], file: Path) -> float | None:
    outputs = require_list(facts.get("outputs"), file, "'outputs'")
    if len(outputs) != 1:
        return None
    return numbers_of(require_table(outputs[0], file, "'outputs'")).get("trivial_loss")


def _read_looks(run: RunDirectory) -> tuple[Look, ...]:
    file = run.layers.path
    lines = read_whole(file, run.layers.read)
    looks: dict[int, Look] = {}
    for number, content in enumerate(lines, start=1):
        where = f"line {number}"
        step = require_count(content.get("step"), file, f"the step of {where}")
        layers = require_table(content.get("layers"), file, f"the layers of {where}")
        # A run that was resumed from a snapshot looks again: what came later holds.
        looks[step] = Look(
            step,
            numbers_of(content),
            {
                name: numbers_of(require_table(signs, file, f"a layer of {where}"))
                for name, signs in layers.items()
            },
        )
    return tuple(looks[step] for step in sorted(looks))


def numbers_of(table: Mapping[str, object]) -> dict[str, float | None]:
    """Return the numbers that a table of the doctor's holds; what is null was not measured.

    Example:
        >>> numbers_of({"loss": 0.5, "accuracy": None, "skill": "NaN", "finite": True})
        {'loss': 0.5, 'skill': None}
    """
    found: dict[str, float | None] = {}
    for name, value in table.items():
        if isinstance(value, str) and value in NO_NUMBERS:
            found[name] = None
        elif isinstance(value, int | float) and is_measure(value):
            found[name] = finite_or_none(value)
    return found
