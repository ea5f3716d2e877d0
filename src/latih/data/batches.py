"""One stream of batches from arrays in memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from latih import random
from latih.arguments import whole
from latih.data.arrays import require_same_length
from latih.data.fingerprint import fingerprint
from latih.errors import InputError
from latih.structures import flatten, is_nested, map_structure, only_one_or_all, unflatten


@dataclass(frozen=True, slots=True)
class Batch:
    """The examples of one step.

    Args:
        inputs: a tensor, or a list or dict of tensors, as the model takes them.
        targets: one for each output of the model, None where nothing is compared with it; none
            for prediction.
        weights: as many as targets, each a tensor or None.
        size: how many examples there are.

    Shapes:
        each of the inputs and targets: ``(size, ...)``; each of the weights: ``(size,)``.
    """

    inputs: Any
    targets: list[torch.Tensor | None]
    weights: list[torch.Tensor | None]
    size: int

    @property
    def tensors(self) -> list[torch.Tensor]:
        """All that it holds: inputs, targets, weights."""
        parts = [*flatten(self.inputs), *self.targets, *self.weights]
        return [part for part in parts if part is not None]

    @property
    def shapes(self) -> tuple[Any, ...]:
        """What two batches have in common to which the same kernels can be applied."""
        inputs = _shape(self.inputs) if is_nested(self.inputs) else _shape_of(self.inputs)
        return (
            inputs,
            tuple(None if target is None else _shape_of(target) for target in self.targets),
            tuple(None if weight is None else _shape_of(weight) for weight in self.weights),
        )

    def copy(self) -> "Batch":
        """Return the same numbers in memory of their own."""

        def own(part: torch.Tensor) -> torch.Tensor:
            return part.detach().clone(memory_format=torch.contiguous_format)

        return Batch(
            map_structure(own, self.inputs),
            [None if target is None else own(target) for target in self.targets],
            [None if weight is None else own(weight) for weight in self.weights],
            self.size,
        )


def _shape_of(tensor: torch.Tensor) -> tuple[Any, ...]:
    return tensor.shape, tensor.dtype, tensor.device


def _shape(inputs: Any) -> Any:
    """Return nested inputs with the shape of each in its place, as what can be a key."""
    if isinstance(inputs, Mapping):
        return tuple((name, _shape(inputs[name])) for name in inputs)
    if isinstance(inputs, list | tuple):
        return type(inputs), tuple(_shape(part) for part in inputs)
    return _shape_of(inputs)


class ReusedBatch:
    """A batch in memory that is filled anew for each step.

    Args:
        batch: the batch.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.tensors = batch.tensors


class Batches(Protocol):
    """A source of batches: what the engine trains on, whatever the data are."""

    @property
    def batch_size(self) -> int | None:
        """How many examples a step takes; None where the data decide."""
        ...

    @property
    def examples(self) -> int | None:
        """How many examples there are; None where nobody knows."""
        ...

    @property
    def steps(self) -> int | None:
        """How many steps a pass has; None where nobody knows."""
        ...

    @property
    def seed(self) -> int:
        """What the orders of the passes follow from."""
        ...

    @property
    def exhausted(self) -> bool:
        """Whether there will be no further batch: a generator has ended."""
        ...

    @property
    def runs_user_code(self) -> bool:
        """Whether code that is not Latih's runs to make a batch, and may change the model."""
        ...

    @property
    def unrepeatable(self) -> str | None:
        """Why a resumed run may get other batches, as a sentence; None if it gets the same."""
        ...

    def reuse(self, memory: Mapping[int, ReusedBatch]) -> None:
        """Take memory, by how many examples it holds, that batches may be gathered into.

        Such a batch holds its examples until the next one is asked for. More memory may be put into
        the mapping at any time.
        """
        ...

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Yield the batches of one pass, from one on."""
        ...

    def stream(self, first: int, count: int | None) -> Iterator[Batch]:
        """Yield some batches of an endless stream of passes, or those to the end of a pass."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return the position in the data, as JSON values and tensors."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where :meth:`state_dict` found other batches of the same data."""
        ...

    def fingerprint(self) -> dict[str, Any]:
        """Return what tells the data from others, as data that JSON can hold."""
        ...


class ArrayBatches:
    """Batches of arrays that are in memory, or mapped into it.

    A batch is gathered by one ``index_select`` an array: a loop over examples costs more than the
    step of a small net. It is memory of its own, which a metric may keep, unless there is memory to
    be reused. The order is a pure function of ``(seed, pass)``, so that a run that is resumed sees
    what it would have seen.

    Args:
        inputs: the examples: a tensor, or a list or dict of tensors.
        targets: what they should come out as, one or None for each output; empty for prediction.
        weights: a weight for each example, or None for ones, as many as targets; empty for none.
        batch_size: how many examples a step takes, >= 1; the last batch may be smaller.
        shuffle: whether each epoch has an order of its own.
        seed: what the orders follow from.
        device: where the batches go.

    Raises:
        InputError: the lengths differ, or the batch size is not a positive whole number.

    Example:
        >>> batches = ArrayBatches(torch.arange(5), batch_size=2)
        >>> [batch.inputs.tolist() for batch in batches.epoch(0)]
        [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        inputs: Any,
        targets: Sequence[torch.Tensor | None] = (),
        weights: Sequence[torch.Tensor | None] = (),
        *,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        self.inputs, self.targets = inputs, list(targets)
        self.weights = list(weights) or [None] * len(self.targets)
        _require_one_array_each(self.targets, self.weights)
        require_same_length(
            x=inputs,
            y=only_one_or_all(self.targets),
            sample_weight=only_one_or_all(self.weights),
        )
        self.batch_size = whole(batch_size, "batch_size", "fit()", least=1)
        self.shuffle = shuffle
        self.seed = seed
        self.device = torch.device(device)
        leaves = flatten(inputs)
        compared = [target for target in self.targets if target is not None]
        weighted = [weight for weight in self.weights if weight is not None]
        # What a step reads: inputs, targets and weights in one list, with the type of each as it
        # goes to the model. Only a memory map is of float64 here.
        self._parts: list[torch.Tensor] = [*leaves, *compared, *weighted]
        self._dtypes = [torch.float32 if p.dtype == torch.float64 else p.dtype for p in self._parts]
        self._single = isinstance(inputs, torch.Tensor)
        self._first_target = len(leaves)
        self._first_weight = len(leaves) + len(compared)
        self._reused: Mapping[int, ReusedBatch] = {}
        self._fitting: ReusedBatch | None = None

    kind = "arrays"
    exhausted = False
    unrepeatable: str | None = None
    runs_user_code = False

    def reuse(self, memory: Mapping[int, ReusedBatch]) -> None:
        """Gather batches into this memory, where one of that size fits the arrays."""
        self._reused = memory

    @property
    def examples(self) -> int:
        """How many examples there are."""
        return len(self._parts[0])

    @property
    def steps(self) -> int:
        """How many steps a pass has."""
        return -(-self.examples // self.batch_size)

    def __len__(self) -> int:
        """Return how many steps a pass has."""
        return self.steps

    def peek(self) -> Batch:
        """Return the first examples in their own order: what a model is built by."""
        return self._batch([part[: self.batch_size] for part in self._parts])

    def order(self, epoch: int) -> torch.Tensor:
        """Return the order of the examples in a pass over them: a function of the seed and it."""
        return order(self.examples, self.shuffle, self.seed, epoch)

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Yield the batches of one pass over the data.

        Args:
            epoch: the pass, counted from 0.
            first: the batch to begin with, counted from the beginning of the pass.
        """
        return self.stream(epoch * self.steps + first, self.steps - first)

    def stream(self, first: int, count: int | None) -> Iterator[Batch]:
        """Yield some batches of an endless stream of passes.

        Args:
            first: the step to begin with, counted from the beginning of the first pass.
            count: how many steps; None for those to the end of the pass.
        """
        steps = self.steps
        step, last = first, first + (steps - first % steps if count is None else count)
        while step < last:
            epoch, offset = divmod(step, steps)
            end = min(steps, offset + last - step)
            yield from self._part(epoch, offset, end)
            step += end - offset

    def state_dict(self) -> dict[str, Any]:
        """Return what the orders follow from: any batch of any pass can be made at once."""
        return {"kind": self.kind, "seed": self.seed}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the orders of the run in which :meth:`state_dict` was called.

        Raises:
            InputError: the state is none of arrays.
        """
        if state.get("kind") != self.kind:
            raise InputError(
                "the data are of another kind than those of the run that is resumed",
                expected=str(state.get("kind", "the state of arrays")),
                got=self.kind,
            )
        self.seed = whole(state.get("seed"), "seed", f"the state of {self.kind}")

    def _part(self, epoch: int, start: int, end: int) -> Iterator[Batch]:
        bounds = range(start * self.batch_size, end * self.batch_size, self.batch_size)
        if not self.shuffle:
            for begin in bounds:
                chosen = slice(begin, begin + self.batch_size)
                yield self._batch([part[chosen] for part in self._parts])
            return
        order = self.order(epoch).to(self._parts[0].device)
        for chosen in order[bounds.start : bounds.stop].split(self.batch_size):
            yield self._gathered(self._parts, chosen)

    def _gathered(self, parts: Sequence[torch.Tensor], rows: torch.Tensor) -> Batch:
        """Return some rows as a batch, in memory that is reused if there is some that fits."""
        reused = self._reused.get(len(rows))
        if reused is None or not (reused is self._fitting or self._fits(reused)):
            return self._batch([torch.index_select(part, 0, rows) for part in parts])
        self._fitting = reused
        for part, place in zip(parts, reused.tensors, strict=True):
            torch.index_select(part, 0, rows, out=place)
        return reused.batch

    def _fits(self, reused: ReusedBatch) -> bool:
        # Of the same structure, and of tensors that hold what the arrays hold.
        rows = torch.arange(reused.batch.size, device=self._parts[0].device)
        batch = self._batch([torch.index_select(part, 0, rows) for part in self._parts])
        kinds = [part.dtype for part in self._parts]
        return batch.shapes == reused.batch.shapes and kinds == self._dtypes

    def _batch(self, parts: list[torch.Tensor]) -> Batch:
        parts = [p.to(self.device, kind) for p, kind in zip(parts, self._dtypes, strict=True)]
        targets = iter(parts[self._first_target : self._first_weight])
        weights = iter(parts[self._first_weight :])
        return Batch(
            parts[0] if self._single else unflatten(self.inputs, parts),
            [None if target is None else next(targets) for target in self.targets],
            [None if weight is None else next(weights) for weight in self.weights],
            len(parts[0]),
        )

    def fingerprint(self) -> dict[str, Any]:
        """Return what tells the data from others: their kind and the hashes of the arrays."""
        parts = {"inputs": self.inputs, "targets": self.targets, "weights": self.weights}
        told = map_structure(lambda part: None if part is None else fingerprint(part), parts)
        return {"source": "arrays", "examples": self.examples, **told}


def order(examples: int, shuffle: bool, seed: int, epoch: int) -> torch.Tensor:
    """Return the order of the examples in a pass: a pure function of the seed and the pass.

    Example:
        >>> order(3, False, 0, 0).tolist(), sorted(order(3, True, 7, 5).tolist())
        ([0, 1, 2], [0, 1, 2])
    """
    if not shuffle:
        return torch.arange(examples)
    return torch.randperm(examples, generator=random.generator(seed, epoch))


def _require_one_array_each(targets: list[Any], weights: list[Any]) -> None:
    if len(targets) != len(weights):
        raise InputError(
            "`sample_weight` does not fit `y`",
            expected=f"a weight or None for each of {len(targets)} targets",
            got=str(len(weights)),
        )
