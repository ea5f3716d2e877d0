"""Where a recorded step reads its batch, and where its results go."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

import torch

from latih.engine.capture.dataflow import Entry, made_by
from latih.engine.capture.native.fused import Fused
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


def with_views_of_its_own(entries: Sequence[Entry], wanted: Collection[int]) -> list[Entry]:
    """Let a step look at some memories by tensors of its own, which can be turned elsewhere.

    Args:
        entries: the step.
        wanted: the memories.
    """

    def look(tensor: torch.Tensor) -> torch.Tensor:
        if memory_of(tensor) not in wanted:
            return tensor
        # What is detached knows what it came of, and would hold that, and so its memory.
        storage, start = tensor.untyped_storage(), tensor.storage_offset()
        return tensor.new_empty(0).set_(storage, start, tensor.shape, tensor.stride())

    return [entry.moved(look) if isinstance(entry, Operation) else entry for entry in entries]


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


def last_touched(operations: Sequence[Operation], wanted: Collection[int]) -> dict[int, list[int]]:
    """Return the memories of some that nobody touches any more, by the operation that was last.

    Args:
        operations: the step.
        wanted: the memories that are asked about.
    """
    last = {
        memory: number
        for number, operation in enumerate(operations)
        for memory in memories([*operation.read, *operation.results])
        if memory in wanted
    }
    ended: dict[int, list[int]] = {}
    for memory, number in last.items():
        ended.setdefault(number, []).append(memory)
    return ended


class Place:
    """A view, and where in its memory it lies.

    Args:
        view: the view.
    """

    def __init__(self, view: torch.Tensor) -> None:
        self._view, self._offset = view, view.storage_offset()
        self._shape, self._strides = view.shape, view.stride()
        self._nothing = torch.UntypedStorage(0, device=view.device)

    def give_back(self) -> None:
        """Let the memory go."""
        self._view.set_(self._nothing, 0, (0,), (1,))

    def turn_to(self, storage: torch.UntypedStorage, start: int = 0) -> None:
        """Look at the same place of another memory.

        Args:
            storage: the memory.
            start: with which of its elements begins what takes the place of the whole memory.
        """
        self._view.set_(storage, start + self._offset, self._shape, self._strides)


class Entrance:
    """Where a step reads a tensor of its batch: it may read another one in its stead.

    To tell some views where the next batch lies costs less than to copy the batch.

    Args:
        own: the tensor, which is the whole of its memory.
        views: all tensors by which the step reads it.

    Example:
        >>> own = torch.zeros(2)
        >>> view = own.view(1, 2)
        >>> entrance = Entrance(own, [view])
        >>> entrance.takes(torch.arange(6.0)[3:5])
        True
        >>> entrance.turn_to(torch.arange(6.0)[3:5])
        >>> view
        tensor([[3., 4.]])
        >>> entrance.turn_back()
        >>> view
        tensor([[0., 0.]])
    """

    def __init__(self, own: torch.Tensor, views: Sequence[torch.Tensor]) -> None:
        self._storage, self._strides = own.untyped_storage(), own.stride()
        self._places = [Place(view) for view in views]

    def takes(self, given: torch.Tensor) -> bool:
        """Say whether the step can read a tensor of the same shape and type where it lies."""
        return given.stride() == self._strides and not given.is_neg()

    def turn_to(self, given: torch.Tensor) -> None:
        """Let the step read a tensor that it :meth:`takes`."""
        storage, start = given.untyped_storage(), int(given.storage_offset())
        for place in self._places:
            place.turn_to(storage, start)

    def turn_back(self) -> None:
        """Let the step read its own memory; the other can be freed then."""
        for place in self._places:
            place.turn_to(self._storage)


def entrance(
    operations: Sequence[Operation], own: torch.Tensor, kept: Collection[int]
) -> Entrance | None:
    """Return where a step reads a tensor of its batch; None where the numbers must be copied.

    They must where the step writes over them, returns them, or knows them by their address, as
    native kernels do, and it is cheaper where they are few.

    Args:
        operations: the step.
        own: the tensor.
        kept: memories that are read after the step.
    """
    memory, size = memory_of(own), own.untyped_storage().nbytes()
    if size < LEAST_SHARED or size != own.nbytes or own.device.type != "cpu" or memory in kept:
        return None
    views: list[torch.Tensor] = []
    for operation in operations:
        if memory in memories([*operation.changed, *operation.results]):
            return None
        read = [one for one in operation.read if memory_of(one) == memory]
        # Of another width, a view counts its place in other elements.
        if read and (
            isinstance(operation, Fused)
            or any(one.element_size() != own.element_size() for one in read)
        ):
            return None
        views += read
    return Entrance(own, views)
