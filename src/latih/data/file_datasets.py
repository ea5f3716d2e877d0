"""What is read from files batch by batch: the face that every such data set shows."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from latih import random
from latih.arguments import whole
from latih.data.own_generators import OwnGenerators


class FileDataset(ABC):
    """Batches that are read from files while others are trained on.

    It is a source of batches (see :class:`~latih.data.sources.Source`) whose order is a pure
    function of (seed, pass), so that a run that is resumed sees what it would have seen. It can
    also be iterated, one pass at a time.

    Args:
        examples: how many there are.
        batch_size: how many a batch has, >= 1; the last one may be smaller.
        shuffle: whether each pass has an order of its own.
        seed: what these orders follow from; None for the seed of ``fit()``.
    """

    repeats = True
    starts_anywhere = True
    ends_with_steps = True
    may_draw = False
    unrepeatable: str | None = None
    workers_are_kept = False

    def __init__(self, examples: int, batch_size: int, shuffle: bool, seed: int | None) -> None:
        owner = type(self).__name__
        size = whole(batch_size, "batch_size", owner, least=1)
        self.batch_size: int | None = size
        self.seed = None if seed is None else whole(seed, "seed", owner, least=0)
        self.examples: int | None = examples
        self.steps: int | None = -(-examples // size)
        self.shuffle = bool(shuffle)
        self.kind = f"a data set of {owner}"
        self.own_generators = OwnGenerators({})
        self._seed_of_iteration: int | None = None
        self._passes = 0

    def __len__(self) -> int:
        """Return how many batches a pass has."""
        return self.steps or 0

    def __iter__(self) -> Iterator[Any]:
        """Yield the batches of the next pass."""
        if self._seed_of_iteration is None:
            self._seed_of_iteration = random.make_seed()
        self._passes += 1
        return self.items(self._seed_of_iteration, self._passes - 1, 0)

    def items(self, seed: int, epoch: int, first: int) -> Iterator[Any]:
        """Yield the batches of a pass from one on; those before are not read.

        Args:
            seed: what the orders follow from, unless the data set was given a seed.
            epoch: the pass, counted from 0.
            first: the batch to begin with.
        """
        return self._read(seed if self.seed is None else self.seed, epoch, first)

    def use_workers(self, *, kept: bool) -> None:
        """Have none that a pass could differ by."""
        return

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """Return what tells the files from others without reading them all."""

    @abstractmethod
    def _read(self, seed: int, epoch: int, first: int) -> Iterator[Any]:
        """Yield the batches of a pass from one on."""
