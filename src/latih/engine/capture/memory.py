"""Where the results of a recorded step go."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

import torch

from latih.engine.capture.dataflow import Entry, made_by
from latih.engine.capture.recorder import Operation, memories, memory_of

LEAST_SHARED = 1 << 16
"""Bytes: smaller results keep memory of their own, as all of them fit into a core's cache."""


def moved(entries: Sequence[Entry], places: Mapping[int, torch.Tensor]) -> list[Entry]:
    """Return a step in which some memories lie elsewhere.

    Args:
        entries: the step.
        places: for each memory that moves, a tensor whose elements take its place, in their order.
    """

    def move(tensor: torch.Tensor) -> torch.Tensor:
        place = places.get(memory_of(tensor))
        if place is None:
            return tensor
        offset = place.storage_offset() + tensor.storage_offset()
        return place.as_strided(tensor.shape, tensor.stride(), offset)

    return [entry.moved(move) if isinstance(entry, Operation) else entry for entry in entries]


def gathered_in_place(entries: Sequence[Entry], kept: Collection[int] = ()) -> list[Entry]:
    """Let what is joined by a ``cat`` into given memory be written there to begin with.

    So gradients are born in the optimizer's buffer, and are not copied.

    Args:
        entries: the step.
        kept: memories that must stay where they are.
    """
    made = made_by(entries)
    for number, entry in enumerate(entries):
        if not isinstance(entry, Operation) or entry.function is not torch.ops.aten.cat.out:
            continue
        target: torch.Tensor = entry.keywords["out"]
        if target.ndim != 1:
            continue
        pieces: Sequence[torch.Tensor] = entry.arguments[0]
        counts = Counter(memory_of(piece) for piece in pieces)
        places: dict[int, torch.Tensor] = {}
        rest: list[Entry] = []
        start = 0
        for piece in pieces:
            part = target[start : start + piece.numel()]
            start += piece.numel()
            memory = memory_of(piece)
            if (
                memory in made
                and memory not in kept
                and counts[memory] == 1
                and piece.dtype == target.dtype
                and piece.is_contiguous()
                and piece.numel() * piece.element_size() == piece.untyped_storage().nbytes()
            ):
                places[memory] = part
            else:
                rest.append(Operation(torch.ops.aten.copy_.default, [part, piece], {}, [part]))
        return [
            *moved(entries[:number], places),
            *rest,
            *moved(gathered_in_place(entries[number + 1 :], kept), places),
        ]
    return list(entries)


def shared(entries: Sequence[Entry], kept: Collection[int]) -> list[Entry]:
    """Let large results lie where earlier ones lay that nobody reads any more.

    It saves memory, and what was used a moment ago is still in the processor's cache.

    Args:
        entries: the step.
        kept: memories that are read after it, or hold what is not made again.
    """
    made = made_by(entries) - set(kept)
    last: dict[int, int] = {}
    for number, entry in enumerate(entries):
        if isinstance(entry, Operation):
            for memory in memories([*entry.read, *entry.results]) & made:
                last[memory] = number
    free: list[torch.Tensor] = []
    places: dict[int, torch.Tensor] = {}
    for number, entry in enumerate(entries):
        if not isinstance(entry, Operation):
            continue
        for result in entry.results:
            memory, size = memory_of(result), result.untyped_storage().nbytes()
            if memory not in made or memory in places or size < LEAST_SHARED:
                continue
            if last[memory] <= number:
                continue
            fitting = [
                one
                for one in free
                if one.dtype == result.dtype
                and one.device == result.device
                and size <= one.untyped_storage().nbytes() <= 2 * size
            ]
            if fitting:
                place = min(fitting, key=lambda one: one.untyped_storage().nbytes())
                free = [one for one in free if one is not place]
            else:
                # Its own memory is taken over, for itself and those after it.
                place = result.as_strided((size // result.element_size(),), (1,), 0)
            places[memory] = place
        for memory in memories([*entry.read, *entry.results]) & places.keys():
            if last[memory] == number:
                free.append(places[memory])
    return moved(entries, places)


def brought(
    entries: Sequence[Entry], kept: Collection[int], brings_memory: Callable[[Operation], bool]
) -> set[int]:
    """Return the large memories that some operations always make anew.

    Args:
        entries: the step.
        kept: memories that must stay where they are.
        brings_memory: says whether an operation does so.
    """
    made = made_by(entries) - set(kept)
    return {
        memory_of(result)
        for entry in entries
        if isinstance(entry, Operation) and brings_memory(entry)
        for result in entry.results
        if memory_of(result) in made and result.untyped_storage().nbytes() >= LEAST_SHARED
    }


def views_of(
    operations: Sequence[Operation], wanted: Collection[int]
) -> dict[int, list[torch.Tensor]]:
    """Return all tensors by which some memories are read, for each of the memories."""
    views: dict[int, list[torch.Tensor]] = {memory: [] for memory in wanted}
    for operation in operations:
        for tensor in operation.read:
            if memory_of(tensor) in views:
                views[memory_of(tensor)].append(tensor)
    return views
