"""What of a recorded step must be done again, and what need not."""

from collections.abc import Collection, Sequence

import torch

from latih.engine.capture.recorder import Operation, memories
from latih.random import Draw

Entry = Operation | Draw

aten = torch.ops.aten
ONLY_SHAPES = frozenset(
    (
        *(aten.ones_like.default, aten.zeros_like.default, aten.empty_like.default),
        *(aten.new_zeros.default, aten.new_ones.default, aten.new_empty.default),
        *(aten.full_like.default, aten.new_full.default),
    )
)
"""Operations that look at the shape of what they are given, and not at its numbers."""


def made_by(entries: Sequence[Entry]) -> set[int]:
    """Return the memories that came of the step itself."""
    made: set[int] = set()
    known: set[int] = set()
    for entry in entries:
        if isinstance(entry, Operation):
            known |= memories(entry.read)
            made |= memories(entry.results) - known
    return made


def touched_by(entries: Sequence[Entry]) -> set[int]:
    """Return the memories that a step reads or writes."""
    touched: set[int] = set()
    for entry in entries:
        if isinstance(entry, Operation):
            touched |= memories(entry.read) | memories(entry.results)
    return touched


def without_views(entries: Sequence[Entry]) -> list[Entry]:
    """Leave out what only looks at memory in another shape: the view is there, and stays."""
    kept: list[Entry] = []
    for entry in entries:
        if (
            isinstance(entry, Operation)
            and not memories(entry.changed)
            and memories(entry.results) <= memories(entry.read)
        ):
            continue
        kept.append(entry)
    return kept


def without_constants(entries: Sequence[Entry], made: Collection[int]) -> list[Entry]:
    """Leave out what gives the same numbers at each step: they are there, and stay.

    It is made from nothing, or from such numbers, without chance, and nobody writes over it.
    """
    changed = {
        memory
        for entry in entries
        if isinstance(entry, Operation)
        for memory in memories(entry.changed)
    }
    constant: set[int] = set()
    kept: list[Entry] = []
    for entry in entries:
        if isinstance(entry, Operation):
            results = memories(entry.results)
            if is_constant(entry, constant) and results <= set(made) - changed:
                constant |= results
                continue
        kept.append(entry)
    return kept


def is_constant(operation: Operation, constant: set[int]) -> bool:
    """Say whether an operation gives the same numbers at each step.

    Args:
        operation: what is done.
        constant: memories whose numbers are the same at each step.
    """
    return (
        not memories(operation.changed)
        and (operation.function in ONLY_SHAPES or memories(operation.read) <= constant)
        and torch.Tag.nondeterministic_seeded not in operation.function.tags
    )


def without_unused(
    entries: Sequence[Entry], made: Collection[int], wanted: Collection[int]
) -> list[Entry]:
    """Leave out what nobody reads: neither a later operation, nor who asked for the step.

    Args:
        entries: the step.
        made: the memories that came of it; what is written elsewhere (sums of metrics, moving
            statistics) is always read by somebody.
        wanted: the memories that are read after the step.
    """
    read = set(wanted)
    kept: list[Entry] = []
    for entry in reversed(entries):
        if isinstance(entry, Operation):
            written = memories(entry.changed) | memories(entry.results)
            if written <= set(made) and not written & read:
                if torch.Tag.nondeterministic_seeded not in entry.function.tags:
                    continue
            if entry.function not in ONLY_SHAPES:
                read |= memories(entry.read)
        kept.append(entry)
    return kept[::-1]
