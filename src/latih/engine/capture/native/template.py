"""Finding operations in a step that do what a kernel does.

What a kernel does is written down once, as PyTorch's operations on small tensors. They are
recorded, as steps are, and looked for in the step: the same operations, in the same order wherever
one uses what another made, on tensors of the same layout. Where anything differs, nothing is found.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch

from latih.engine.capture.dataflow import Entry, without_views
from latih.engine.capture.native.fused import Row
from latih.engine.capture.recorder import Operation, Recorder, memory_of, plain


class Template:
    """Operations that are looked for.

    Args:
        trace: does them on small tensors, whose sizes are primes above 4 that differ, and returns
            tensors by name. Two sizes of a step may be the same, those here may not.
        outputs: names of what others may use too; what else is made is private.
        numbers: names of numbers that may differ in a step, by what they are here.
        first: how many of the operations are done at one place, the rest at a later one; None if
            all are done at one.
    """

    def __init__(
        self,
        trace: Callable[[], Mapping[str, torch.Tensor]],
        outputs: Collection[str],
        numbers: Mapping[float, str] | None = None,
        first: int | None = None,
    ) -> None:
        with torch.no_grad(), Recorder() as recorder:
            named = trace()
        # What is made from nothing is what is given to the step.
        self.operations = [
            one
            for one in without_views(recorder.entries)
            if isinstance(one, Operation) and any(True for _ in one.read)
        ]
        self.functions = frozenset(one.function for one in self.operations)
        self.named = {name: plain(tensor) for name, tensor in named.items()}
        self.numbers = dict(numbers or {})
        self.outputs = {memory_of(self.named[name]) for name in outputs}
        self.first = first or len(self.operations)

    def matches(self, row: Row) -> list["Match"]:
        """Return where a step does these operations; no operation is in two of the matches."""
        taken: set[int] = set()
        found: list[Match] = []
        for number in row.by_function.get(self.operations[0].function, ()):
            match = Match(self, row, taken)
            if match.complete(number):
                taken.update(match.found)
                found.append(match)
        return found


class Match:
    """One place where a step does what a template says.

    Args:
        template: what is looked for.
        row: the step.
        taken: operations that belong to other matches.
    """

    def __init__(self, template: Template, row: Row, taken: Collection[int]) -> None:
        self._template, self._row, self._taken = template, row, taken
        self.found: list[int] = []
        self.places: list[int] = []
        self._addresses: dict[int, int] = {}
        self._sizes: dict[int, int] = {0: 0, 1: 1}
        self._tensors: dict[Any, torch.Tensor] = {}
        self._memories: dict[int, int] = {}
        self._numbers: dict[str, Any] = {}

    def complete(self, first: int) -> bool:
        """Look for all operations, the first of which is at a place that is given."""
        candidates = [first]
        for operation in self._template.operations:
            number = next((one for one in candidates if self._fits(operation, one)), None)
            if number is None:
                return False
            self.found.append(number)
            candidates = self._candidates(len(self.found))
        private = self._memories.keys() - self._template.outputs - self._given()
        if not all(self._row.is_private(self._memories[one], self.found) for one in private):
            return False
        if len(self.parts) > 1 and self._is_changed_between():
            return False
        places = [self._row.place(part) for part in self.parts]
        self.places = [place for place in places if place is not None]
        return len(self.places) == len(places)

    def _is_changed_between(self) -> bool:
        """Say whether another operation changes what the first part was given.

        A kernel of the later part may read it again, where the operation that it replaces did not.
        """
        early = self._template.operations[: self._template.first]
        made = {memory_of(one) for operation in early for one in operation.results}
        given = {memory_of(one) for operation in early for one in operation.read} - made
        kept = {self._memories[one] for one in given if one in self._memories}
        between = range(self.found[0], self.found[-1])
        return any(kept & self._row.writes[one] for one in between if one not in self.found)

    @property
    def parts(self) -> list[list[int]]:
        """The operations that are done together, a list for each place."""
        parts = [self.found[: self._template.first], self.found[self._template.first :]]
        return [part for part in parts if part]

    def tensor(self, name: str) -> torch.Tensor:
        """Return the step's tensor for a named one of the template."""
        named = self._template.named[name]
        return self._tensors[named.data_ptr(), named.shape]

    def number(self, name: str) -> Any:
        """Return the step's number for a named one of the template."""
        return self._numbers[name]

    def _given(self) -> set[int]:
        """The memories of the template that it does not make."""
        given: set[int] = set()
        made: set[int] = set()
        for operation in self._template.operations:
            given |= {memory_of(one) for one in operation.read} - made
            made |= {memory_of(one) for one in operation.results}
        return given

    def _candidates(self, count: int) -> list[int]:
        """Where the next operation can be: after those found that make what it uses."""
        if count == len(self._template.operations):
            return []
        wanted = self._template.operations[count]
        touched = {
            self._memories[memory_of(one)]
            for one in (*wanted.read, *wanted.results)
            if memory_of(one) in self._memories
        }
        last = -1
        for number in self.found:
            if touched & self._row.writes[number]:
                last = max(last, number)
        return [
            number
            for number in self._row.by_function.get(wanted.function, ())
            if number > last and number not in self.found
        ]

    def _fits(self, wanted: Operation, number: int) -> bool:
        """Take an operation of the step for one of the template, if it is the same."""
        given = self._row.entries[number]
        if number in self._taken or not isinstance(given, Operation):
            return False
        if given.function is not wanted.function:
            return False
        before = (
            dict(self._addresses),
            dict(self._sizes),
            dict(self._tensors),
            dict(self._memories),
            dict(self._numbers),
        )
        if (
            self._same(wanted.arguments, given.arguments)
            and self._same(wanted.keywords, given.keywords)
            and self._same(wanted.results, given.results)
        ):
            return True
        self._addresses, self._sizes, self._tensors, self._memories, self._numbers = before
        return False

    def _same(self, wanted: Any, given: Any) -> bool:
        if isinstance(wanted, torch.Tensor):
            return isinstance(given, torch.Tensor) and self._same_tensor(wanted, given)
        if isinstance(wanted, list | tuple):
            return (
                isinstance(given, list | tuple)
                and len(wanted) == len(given)
                and all(self._same(one, other) for one, other in zip(wanted, given, strict=True))
            )
        if isinstance(wanted, Mapping):
            return wanted.keys() == given.keys() and all(
                self._same(one, given[name]) for name, one in wanted.items()
            )
        if type(wanted) is not type(given):
            return False
        if wanted in self._template.numbers and not isinstance(wanted, bool):
            name = self._template.numbers[wanted]
            return self._numbers.setdefault(name, given) == given
        if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted in self._sizes:
            return self._sizes[wanted] == given
        return wanted == given

    def _same_tensor(self, wanted: torch.Tensor, given: torch.Tensor) -> bool:
        if wanted.numel() == 0:  # what is made only to be empty
            return given.shape == wanted.shape and given.dtype == wanted.dtype
        if (
            given.numel() == 0
            or given.device.type != "cpu"
            or wanted.dtype != given.dtype
            or wanted.ndim != given.ndim
        ):
            return False
        for one, other in zip(wanted.shape, given.shape, strict=True):
            if self._sizes.setdefault(one, other) != other:
                return False
        for one, other, size in zip(wanted.stride(), given.stride(), given.shape, strict=True):
            # Along an axis of one element no stride is ever used.
            if size > 1 and self._sizes.setdefault(one, other) != other:
                return False
        address, memory = wanted.data_ptr(), memory_of(wanted)
        if self._addresses.setdefault(address, given.data_ptr()) != given.data_ptr():
            return False
        if self._memories.setdefault(memory, memory_of(given)) != memory_of(given):
            return False
        self._tensors[address, wanted.shape] = given
        return True


class Kind:
    """A run of operations, and what is done in its place.

    Args:
        trace, outputs, numbers, first: see :class:`Template`, which is made when it is asked for.
        replacement: makes, of a match, what is done instead, for each of its places; None leaves
            things as they are.
    """

    def __init__(
        self,
        trace: Callable[[], Mapping[str, torch.Tensor]],
        outputs: Collection[str],
        replacement: Callable[[Match], Sequence[Sequence[Entry]] | None],
        numbers: Mapping[float, str] | None = None,
        first: int | None = None,
    ) -> None:
        self._template = trace, outputs, numbers, first
        self.replacement = replacement

    @cached_property
    def template(self) -> Template:
        """The operations that are looked for."""
        return Template(*self._template)
