"""Weights and gradients of a step in bfloat16, which Adam writes and reads without a cast."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import torch
from torch.autograd.graph import increment_version

from latih.engine.capture.dataflow import Entry, made_by
from latih.engine.capture.memory import moved
from latih.engine.capture.native import adam, cast
from latih.engine.capture.native.fused import Fused, Row
from latih.engine.capture.recorder import Operation, memory_of
from latih.optimizers import Optimizer
from latih.optimizers.flat import FlatParameters
from latih.optimizers.short import Pace

aten = torch.ops.aten
CASTS = (aten._to_copy.default, "lengthen")

LEAST_OF_RUN = 1 << 16
"""Elements: where gradients of both types take turns after fewer, on the average, it does not pay
to go from run to run."""


class ShortCopies:
    """The weights of an optimizer and their gradients, in the type of the products of a step.

    A step of a mixed policy begins with a cast of all weights, and ends with one of most gradients,
    which Adam reads after it: a third of what such a step moves through memory. So the gradients
    stay as they are, and whoever asks the optimizer for them has them cast then; if it is its
    kernel alone, nobody does. The kernel leaves the weights in both types for the next step. Where
    they may have been written since, they are cast as before; the numbers are the same in any case.

    Args:
        optimizer: what moves the weights; it is built.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        assert optimizer.flat is not None
        self._optimizer = optimizer
        self._flat: FlatParameters = optimizer.flat
        self._gradients: torch.Tensor | None = None
        self._values: torch.Tensor | None = None
        self._runs: Sequence[tuple[int, torch.Tensor]] = ()
        self._versions_left: list[int] | None = None

    # In a record

    def put_into(
        self, entries: Sequence[Entry], wanted: Collection[int]
    ) -> tuple[list[Entry], Callable[[], None]]:
        """Let a step leave its gradients here, where that can be and pays.

        They are those of the record to begin with.

        Args:
            entries: the step.
            wanted: memories that are read after it.

        Returns:
            The step, and what tells the optimizer where it leaves them.
        """
        found = self._put_into(list(entries), wanted)
        return found or (list(entries), self._leave_nothing)

    def _put_into(
        self, entries: list[Entry], wanted: Collection[int]
    ) -> tuple[list[Entry], Callable[[], None]] | None:
        values, target = self._flat.values, self._flat.gathered
        if (
            not self._optimizer.reads_short
            or (values.dtype, values.device.type) != (torch.float32, "cpu")
            or values.numel() < cast.LEAST
            or not adam.same_bits(torch.get_num_threads())
        ):
            return None
        row = Row(entries, wanted)
        touching = row.touched.get(memory_of(target), [])
        gathering = entries[touching[0]] if len(touching) == 1 else None
        if not isinstance(gathering, Operation) or gathering.function is not aten.cat.out:
            return None
        pieces: Sequence[torch.Tensor] = gathering.arguments[0]
        casts = _casts_of(pieces, row, touching[0])
        if not any(casts):
            return None
        self._gradients = self._buffer(self._gradients)
        runs: list[tuple[int, torch.Tensor]] = []
        gathered: list[Entry] = []
        start = 0
        for is_long, pairs in groupby(
            zip(pieces, casts, strict=True), lambda pair: pair[1] is None
        ):
            parts = [piece for piece, _ in pairs]
            stop = start + sum(part.numel() for part in parts)
            run = (target if is_long else self._gradients)[start:stop]
            runs.append((start, run))
            if is_long:
                gathered.append(Operation(aten.cat.out, [parts], {"out": run}, [run]))
            start = stop
        short = sum(run.numel() for _, run in runs if run.dtype == torch.bfloat16)
        if 2 * short < start or (len(runs) > 2 and len(runs) * LEAST_OF_RUN > start):
            return None
        places: dict[int, torch.Tensor] = {}
        for one, part in zip(casts, self._flat.views(self._gradients), strict=True):
            if one is not None:
                source: torch.Tensor = one.arguments[0]
                part.copy_(source.view(part.shape))
                places[memory_of(source)] = part.view(-1)
        leave = partial(self._leave, runs)
        leave()
        before, after = entries[: touching[0]], entries[touching[0] + 1 :]
        rest = [one for one in (*before, *gathered, *after) if one not in casts]
        return self._with_values(moved(rest, places)), leave

    def _with_values(self, entries: list[Entry]) -> list[Entry]:
        """Let the cast of all weights be left out wherever it is known what comes of it."""
        values = self._flat.values
        for number, entry in enumerate(entries):
            if (
                isinstance(entry, Fused)
                and entry.function == "shorten"
                and entry.arguments[0].data_ptr() == values.data_ptr()
                and entry.arguments[0].numel() == values.numel()
            ):
                if self._values is None:  # nobody has written what the new one holds
                    self.distrust()
                self._values = self._buffer(self._values)
                kept = Kept(entry.function, entry.arguments, {"by": self}, entry.results)
                entries[number] = kept
                return moved(entries, {memory_of(entry.results[0]): self._values})
        return entries

    def _buffer(self, known: torch.Tensor | None) -> torch.Tensor:
        if known is not None:
            return known
        return torch.empty_like(self._flat.values, dtype=torch.bfloat16)

    @property
    def memories(self) -> set[int]:
        """What must stay where it is."""
        return {memory_of(one) for one in (self._gradients, self._values) if one is not None}

    @property
    def left(self) -> set[int]:
        """What others read after a step."""
        return set() if self._gradients is None else {memory_of(self._gradients)}

    # In a replay

    def _leave(self, runs: Sequence[tuple[int, torch.Tensor]]) -> None:
        """Tell the optimizer that gradients of the step lie here, and which."""
        self._runs = runs
        self._flat.short = self

    def _leave_nothing(self) -> None:
        """Tell it that all of them lie in its buffer."""
        self._flat.short = None

    def bring(self, cast_values: Callable[[], Any]) -> None:
        """Cast the weights, unless what the kernel has left is still what would come of it."""
        if self._versions_left != self._versions():
            cast_values()

    def distrust(self) -> None:
        """Cast the weights in the next step: they may have been written in a way unseen."""
        self._versions_left = None

    def let_go(self) -> None:
        """Give the memory back; the gradients are to be had where they are without this."""
        if self._flat.short is self:
            _ = self._flat.gradients
        self._gradients = self._values = self._versions_left = None
        self._runs = ()

    def _versions(self) -> list[int]:
        # PyTorch counts what is written by its operations, for each weight and for the buffer.
        return [one._version for one in (self._flat.values, *self._flat.parameters)]

    # What the optimizer asks for

    def lengthen(self, gradients: torch.Tensor) -> None:
        """Write those that lie here into the buffer, where the others lie."""
        for start, run in self._runs:
            if run.dtype == torch.bfloat16:
                gradients[start : start + run.numel()].copy_(run)

    def adam(self, slots: Sequence[torch.Tensor], pace: Pace) -> bool:
        """Do an update of Adam; say whether it was done."""
        if not adam.same_bits(torch.get_num_threads()):
            return False
        adam.update(self._flat.values, self._runs, slots, self._values, pace)
        increment_version(self._flat.values)
        self._versions_left = self._versions()
        return True


class Kept(Fused):
    """A cast of all weights that is left out where their copy is known."""

    __slots__ = ()

    def call(self, made_anew: Collection[int]) -> Callable[[], Any]:
        """Return a function without arguments that does it where it must."""
        return partial(self.keywords["by"].bring, Fused.call(self, made_anew))


def _casts_of(pieces: Sequence[torch.Tensor], row: Row, gathering: int) -> list[Operation | None]:
    """Return the cast that each gradient comes of, if that is all; None for the others."""
    made = made_by(row.entries)
    casts = [_cast_of(piece, row, made, gathering) for piece in pieces]
    sources = Counter(memory_of(one.arguments[0]) for one in casts if one is not None)
    return [one if one and sources[memory_of(one.arguments[0])] == 1 else None for one in casts]


def _cast_of(
    piece: torch.Tensor, row: Row, made: Collection[int], gathering: int
) -> Operation | None:
    first, *others = row.touched[memory_of(piece)]
    one = row.entries[first]
    if (
        others != [gathering]
        or memory_of(piece) in row.wanted
        or not isinstance(one, Operation)
        or one.function not in CASTS
    ):
        return None
    source, result = one.arguments[0], one.results[0]
    memory = memory_of(source)
    later = range(first + 1, len(row.entries))
    if (
        (source.dtype, result.dtype) == (torch.bfloat16, torch.float32)
        and source.is_contiguous()
        and result.is_contiguous()
        and source.numel() == piece.numel()
        and source.nbytes == source.untyped_storage().nbytes()
        and memory in made
        and memory not in row.wanted
        and not any(memory in row.writes[number] for number in later)
    ):
        return one
    return None
