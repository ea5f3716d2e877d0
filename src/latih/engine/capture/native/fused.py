"""A run of operations that one kernel does, and where in the step it may be done."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from latih.engine.capture.dataflow import Entry
from latih.engine.capture.native import library
from latih.engine.capture.recorder import Operation, memories


@dataclass(eq=False, slots=True)
class Fused(Operation):
    """A call of a kernel, in the place of the operations that it does.

    Args:
        function: the kernel's name.
        arguments: what it takes: tensors, numbers, None.
        keywords: under ``"changed"`` the tensors among the arguments that it changes.
        results: the tensors that it fills; they come after its arguments.
    """

    @property
    def changed(self) -> Iterator[torch.Tensor]:
        """The tensors among those given that it changes."""
        yield from self.keywords.get("changed", ())

    def call(self, made_anew: Collection[int]) -> Callable[[], Any]:
        """Return a function without arguments that does it.

        Args:
            made_anew: memories that other operations make anew each time; the tensors among the
                arguments are turned to them.
        """
        if memories(self.read) & set(made_anew):
            return self._do
        return self._bound()

    def _bound(self) -> Callable[[], Any]:
        elements = max(one.numel() for one in (*self.read, *self.results))
        return library.bind(self.function, elements, [*self.arguments, *self.results])

    def _do(self) -> None:
        self._bound()()


class Row:
    """The operations of a step, with the memories that each of them reads and writes.

    Args:
        entries: the step.
        wanted: memories that are read after it.
    """

    def __init__(self, entries: Sequence[Entry], wanted: Collection[int]) -> None:
        self.entries = list(entries)
        self.wanted = frozenset(wanted)
        self.reads: list[set[int]] = []
        self.writes: list[set[int]] = []
        self.by_function: dict[Any, list[int]] = {}
        self.touched: dict[int, list[int]] = {}
        for number, entry in enumerate(self.entries):
            if not isinstance(entry, Operation):
                self.reads.append(set())
                self.writes.append(set())
                continue
            self.reads.append(memories(entry.read))
            self.writes.append(memories(entry.changed) | memories(entry.results))
            self.by_function.setdefault(entry.function, []).append(number)
            for memory in self.reads[number] | self.writes[number]:
                self.touched.setdefault(memory, []).append(number)

    def is_private(self, memory: int, numbers: Collection[int]) -> bool:
        """Tell whether only some operations touch a memory, of which the first makes it."""
        touching = self.touched[memory]
        return (
            memory not in self.wanted
            and all(number in numbers for number in touching)
            and memory not in self.reads[touching[0]]
        )

    def place(self, numbers: Collection[int]) -> int | None:
        """Return where some operations can be done together; None if nowhere.

        Each may move over operations that neither change what it reads, nor touch what it writes.
        """
        lowest, highest = 0, len(self.entries) - 1
        for number in numbers:
            lowest = max(lowest, self._moved(number, numbers, -1))
            highest = min(highest, self._moved(number, numbers, 1))
        places = [number for number in sorted(numbers) if lowest <= number <= highest]
        return places[0] if places else None

    def _moved(self, number: int, together: Collection[int], step: int) -> int:
        furthest = min(together) if step < 0 else max(together)
        reads, writes = self.reads[number], self.writes[number]
        while number != furthest:
            other = number + step
            if other not in together and (
                writes & (self.reads[other] | self.writes[other]) or reads & self.writes[other]
            ):
                return number
            number = other
        return number
