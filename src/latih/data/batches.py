"""One stream of batches from arrays in memory."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from latih import random
from latih.arguments import whole
from latih.data.arrays import require_same_length


@dataclass(frozen=True, slots=True)
class Batch:
    """The examples of one step.

    Shapes:
        inputs: ``(size, ...)``; targets: ``(size, ...)`` or None; weights: ``(size,)`` or None.
    """

    inputs: torch.Tensor
    targets: torch.Tensor | None
    weights: torch.Tensor | None
    size: int


class ArrayBatches:
    """Batches of arrays that are in memory.

    A batch is gathered by one ``index_select`` into a buffer that is used again for the next: a
    loop over examples costs more than the step of a small net. The order is a pure function of
    ``(seed, pass)``, so that a run that is resumed sees what it would have seen.

    Args:
        inputs: the examples.
        targets: what they should come out as; None for prediction.
        weights: a weight for each example; None for ones.
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
        inputs: torch.Tensor,
        targets: torch.Tensor | None = None,
        weights: torch.Tensor | None = None,
        *,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        require_same_length(x=inputs, y=targets, sample_weight=weights)
        self.inputs, self.targets, self.weights = inputs, targets, weights
        self.batch_size = whole(batch_size, "batch_size", "fit()", least=1)
        self.shuffle = shuffle
        self.seed = seed
        self.device = torch.device(device)

    @property
    def examples(self) -> int:
        """How many examples there are."""
        return len(self.inputs)

    def __len__(self) -> int:
        """Return how many steps an epoch has."""
        return -(-self.examples // self.batch_size)

    def order(self, epoch: int) -> torch.Tensor:
        """Return the order of the examples in a pass over them: a function of the seed and it."""
        if not self.shuffle:
            return torch.arange(self.examples)
        return torch.randperm(self.examples, generator=random.generator(self.seed, epoch))

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of one pass over the data."""
        return self.stream(epoch * len(self), len(self))

    def stream(self, first: int, count: int) -> Iterator[Batch]:
        """Yield some batches of an endless stream of passes; a batch is good until the next.

        Args:
            first: the step to begin with, counted from the beginning of the first pass.
            count: how many steps.
        """
        step, last = first, first + count
        while step < last:
            epoch, offset = divmod(step, len(self))
            end = min(len(self), offset + last - step)
            yield from self._part(epoch, offset, end)
            step += end - offset

    def _part(self, epoch: int, start: int, end: int) -> Iterator[Batch]:
        bounds = range(start * self.batch_size, end * self.batch_size, self.batch_size)
        if not self.shuffle:
            for begin in bounds:
                chosen = slice(begin, min(begin + self.batch_size, self.examples))
                yield self._batch([part[chosen].to(self.device) for part in self._parts()])
            return
        order = self.order(epoch).to(self.inputs.device)
        parts = self._parts()
        buffers = [part.new_empty((self.batch_size, *part.shape[1:])) for part in parts]
        for begin in bounds:
            chosen = order[begin : begin + self.batch_size]
            size = len(chosen)
            yield self._batch(
                [
                    torch.index_select(part, 0, chosen, out=buffer[:size]).to(self.device)
                    for part, buffer in zip(parts, buffers, strict=True)
                ]
            )

    def _parts(self) -> list[torch.Tensor]:
        return [part for part in (self.inputs, self.targets, self.weights) if part is not None]

    def _batch(self, parts: list[torch.Tensor]) -> Batch:
        rest = iter(parts[1:])
        return Batch(
            parts[0],
            None if self.targets is None else next(rest),
            None if self.weights is None else next(rest),
            len(parts[0]),
        )
