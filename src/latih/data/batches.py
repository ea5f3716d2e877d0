"""One stream of batches from arrays in memory."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from latih import random
from latih.data.arrays import require_same_length
from latih.errors import InputError


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
    ``(seed, epoch)``, so that a run that is resumed sees what it would have seen.

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
        if isinstance(batch_size, bool) or int(batch_size) != batch_size or batch_size < 1:
            raise InputError(
                "`batch_size` cannot be used", expected="a whole number >= 1", got=repr(batch_size)
            )
        self.inputs, self.targets, self.weights = inputs, targets, weights
        self.batch_size = int(batch_size)
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
        """Return the order of the examples in an epoch: a pure function of the seed and it."""
        if not self.shuffle:
            return torch.arange(self.examples)
        return torch.randperm(self.examples, generator=random.generator(self.seed, epoch))

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Yield the batches of an epoch; a batch is good until the next is asked for."""
        if not self.shuffle:
            yield from self._in_order()
            return
        order = self.order(epoch)
        parts = [p for p in (self.inputs, self.targets, self.weights) if p is not None]
        buffers = [p.new_empty((self.batch_size, *p.shape[1:])) for p in parts]
        for start in range(0, self.examples, self.batch_size):
            chosen = order[start : start + self.batch_size]
            size = len(chosen)
            gathered = iter(
                torch.index_select(part, 0, chosen, out=buffer[:size]).to(self.device)
                for part, buffer in zip(parts, buffers, strict=True)
            )
            yield Batch(
                next(gathered),
                None if self.targets is None else next(gathered),
                None if self.weights is None else next(gathered),
                size,
            )

    def _in_order(self) -> Iterator[Batch]:
        for start in range(0, self.examples, self.batch_size):
            end = min(start + self.batch_size, self.examples)
            inputs, targets, weights = (
                None if part is None else part[start:end].to(self.device)
                for part in (self.inputs, self.targets, self.weights)
            )
            assert inputs is not None
            yield Batch(inputs, targets, weights, end - start)
