"""Weights in a shorter type: one cast of all, where each layer asks for its own."""

from collections.abc import Sequence, Set

import torch

from latih.engine.capture.dataflow import Entry, made_by
from latih.engine.capture.memory import moved
from latih.engine.capture.native.cast import cast
from latih.engine.capture.recorder import Operation, memories, memory_of

aten = torch.ops.aten


def cast_together(entries: Sequence[Entry], wanted: Set[int]) -> list[Entry]:
    """Cast what lies in one memory by one kernel, and not part by part.

    The weights that are trained lie in one buffer. Mixed precision makes shorter numbers of them in
    each step, a kernel for each weight; one for all of them costs what the largest costs.

    Args:
        entries: the step.
        wanted: the memory that is read afterwards; what goes there stays a cast of its own.
    """
    casts: dict[tuple[int, torch.dtype], list[Operation]] = {}
    for entry in _before_changes(entries):
        if isinstance(entry, Operation) and _is_cast(entry):
            source, result = entry.arguments[0], entry.results[0]
            if memory_of(result) not in wanted:
                casts.setdefault((memory_of(source), result.dtype), []).append(entry)
    made = made_by(entries)
    together: list[Entry] = []
    places: dict[int, torch.Tensor] = {}
    gone: set[Operation] = set()
    for (memory, dtype), parts in casts.items():
        numbers = sum(part.results[0].numel() for part in parts)
        first: torch.Tensor = parts[0].arguments[0]
        whole = first.untyped_storage().nbytes() // first.element_size()
        # Of a buffer most of which nobody asks for, the parts are cheaper.
        if memory in made or len(parts) < 2 or 2 * numbers < whole:
            continue
        source = first.as_strided((whole,), (1,), 0)
        target = torch.empty(whole, dtype=dtype, device=first.device)
        together.append(
            cast(source, target) or Operation(aten.copy_.default, [target, source], {}, [target])
        )
        for part in parts:
            offset = part.arguments[0].storage_offset()
            places[memory_of(part.results[0])] = target[offset:]
            gone.add(part)
    rest = [_faster(entry) for entry in entries if entry not in gone]
    return [*together, *moved(rest, places)]


def _faster(entry: Entry) -> Entry:
    """Put a native kernel in the place of a cast, if there is one for it."""
    if not isinstance(entry, Operation) or not _is_cast(entry):
        return entry
    return cast(entry.arguments[0], entry.results[0]) or entry


def _before_changes(entries: Sequence[Entry]) -> list[Entry]:
    """Return the operations whose inputs nobody changes in the step: order does not matter."""
    changed = {
        memory
        for entry in entries
        if isinstance(entry, Operation)
        for memory in memories(entry.changed)
    }
    return [
        entry
        for entry in entries
        if isinstance(entry, Operation) and not (memories([*entry.read, *entry.results]) & changed)
    ]


def _is_cast(operation: Operation) -> bool:
    if operation.function is not aten._to_copy.default:
        return False
    source, result = operation.arguments[0], operation.results[0]
    return (
        source.is_floating_point()
        and result.dtype != source.dtype
        and source.device == result.device
        and source.is_contiguous()
        and result.is_contiguous()
    )
