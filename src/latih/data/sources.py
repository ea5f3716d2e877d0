"""What can be iterated, as passes over items: loaders, data sets, generators."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeGuard

from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from latih import random
from latih.arguments import whole
from latih.data.batches import order
from latih.data.file_datasets import FileDataset
from latih.data.own_generators import OwnGenerators
from latih.errors import InputError, LatihWarning


class Source(Protocol):
    """Passes over items, each of which is a batch of examples.

    Args:
        batch_size: how many examples an item has; None where it is not known.
        examples: how many examples a pass has; None where it is not known.
        steps: how many items a pass has; None where it is not known.
        shuffle: whether each pass has an order that follows from the seed.
        repeats: whether it can be passed over again.
        starts_anywhere: whether a pass can begin at any item without those before being read.
        ends_with_steps: whether a pass is sure to end after so many items, if there is a number.
        may_draw: whether random numbers may be drawn as it is read.
        kind: what the user brought, with its article.
        own_generators: the random generators that it holds.
        unrepeatable: why a resumed run may get other items, as a sentence; None if it gets the
            same.
    """

    batch_size: int | None
    examples: int | None
    steps: int | None
    shuffle: bool
    repeats: bool
    starts_anywhere: bool
    ends_with_steps: bool
    may_draw: bool
    kind: str
    own_generators: OwnGenerators
    unrepeatable: str | None

    @property
    def workers_are_kept(self) -> bool:
        """Whether the next pass is read by workers that have read passes before."""
        ...

    def use_workers(self, *, kept: bool) -> None:
        """Have workers that read before, or new ones in the next pass, if any are ever kept."""
        ...

    def items(self, seed: int, epoch: int, first: int) -> Iterator[Any]:
        """Yield the items of a pass: from one on if it can start anywhere, else from the first."""
        ...


def is_stream(x: Any) -> bool:
    """Say whether data are to be iterated, and are no array, table or structure of arrays.

    Example:
        >>> import numpy as np
        >>> is_stream(iter([])), is_stream(np.zeros(3)), is_stream([1, 2]), is_stream({"a": [1]})
        (True, False, False, False)
    """
    if isinstance(x, Dataset | DataLoader):
        return True
    if isinstance(x, Sequence | Mapping | set | frozenset | memoryview):
        return False
    if any(hasattr(x, face) for face in ("__array__", "__array_interface__", "shape", "typecode")):
        return False
    return hasattr(x, "__iter__")


def source_of(data: Any, batch_size: int | None, shuffle: bool, seed: int) -> Source:
    """Return the passes over what the user brings.

    Args:
        data: a ``DataLoader``, a ``Dataset``, a generator, or any object that can be iterated.
        batch_size: how many examples of a ``Dataset`` make an item, 32 by default; what else there
            is comes in batches already.
        shuffle: whether a map-style ``Dataset`` has another order in each pass.
        seed: what these orders follow from.

    Raises:
        InputError: it can be none of these.
    """
    if not is_stream(data):
        raise InputError(
            "`x` cannot be iterated",
            expected="a DataLoader, a torch.utils.data.Dataset, a generator or another iterable",
            got=f"a {type(data).__name__}",
        )
    asked = None if batch_size is None else whole(batch_size, "batch_size", "fit()", least=1)
    if isinstance(data, IterableDataset):
        loader = DataLoader(data, asked or 32, generator=random.generator(seed))
        return IterableSource(loader)
    if isinstance(data, Dataset):
        return DatasetSource(data, asked or 32, shuffle)
    source = _of_batches(data)
    if asked is not None and asked != source.batch_size:
        warnings.warn(
            f"batch_size={asked} is not used: a {type(data).__name__} makes its own batches"
            + (f", of {source.batch_size}." if source.batch_size else "."),
            LatihWarning,
            stacklevel=4,
        )
    return source


def _of_batches(data: Any) -> Source:
    if isinstance(data, FileDataset):
        return data
    return IteratorSource(data) if isinstance(data, Iterator) else IterableSource(data)


class IterableSource:
    """What begins anew each time it is iterated: a ``DataLoader``, or an object with ``__iter__``.

    Its order is its own: a pass is resumed by reading what comes before and leaving it.

    Args:
        iterable: each of its items is a batch.

    Raises:
        InputError: it says that it has no items.
    """

    shuffle = False
    repeats = True
    starts_anywhere = False
    may_draw = True

    def __init__(self, iterable: Iterable[Any]) -> None:
        self._iterable = iterable
        try:
            self.steps: int | None = len(iterable)  # type: ignore[arg-type]
        except (TypeError, NotImplementedError):
            self.steps = None
        if self.steps == 0:
            raise InputError(
                "`x` is empty",
                expected="at least one batch",
                got=f"a {type(iterable).__name__} of 0",
            )
        self.batch_size: int | None = None
        self.examples: int | None = None
        self.kind, self.unrepeatable = "an iterable", None
        self.ends_with_steps = False  # One of a given length may go on forever.
        self.own_generators = OwnGenerators({"iterable": iterable})
        if isinstance(iterable, DataLoader):
            self.batch_size, self.examples = iterable.batch_size, _examples(iterable)
            self.kind, self.unrepeatable = "a DataLoader", _unrepeatable(iterable)
            self.ends_with_steps = not isinstance(iterable.dataset, IterableDataset)
            names = "generator", "sampler", "batch_sampler", "dataset", "collate_fn"
            self.own_generators = OwnGenerators({name: getattr(iterable, name) for name in names})

    @property
    def workers_are_kept(self) -> bool:
        """Whether the next pass is read by workers that have read passes before."""
        return _keeps_workers(self._iterable) and (
            self._iterable._iterator is not None  # type: ignore[reportPrivateUsage]
        )

    def use_workers(self, *, kept: bool) -> None:
        """Have workers that read before, or new ones in the next pass, if any are ever kept.

        A loader draws a seed for workers when it starts them, and none in later passes: the order
        of the examples, which it draws next, depends on it.
        """
        if _keeps_workers(self._iterable) and kept != self.workers_are_kept:
            if kept:
                iter(self._iterable)
            else:
                self._iterable._iterator = None  # type: ignore[reportPrivateUsage]

    def items(self, seed: int, epoch: int, first: int) -> Iterator[Any]:
        """Yield the items of a pass."""
        del seed, epoch, first
        return iter(self._iterable)


class IteratorSource:
    """What can be read once: a generator.

    Args:
        iterator: each of its items is a batch.
    """

    batch_size: int | None = None
    examples: int | None = None
    steps: int | None = None
    shuffle = False
    repeats = False
    starts_anywhere = False
    ends_with_steps = False
    may_draw = True
    kind = "a generator"
    unrepeatable: str | None = None
    workers_are_kept = False

    def __init__(self, iterator: Iterator[Any]) -> None:
        self._iterator = iterator
        # What it draws from is read from the beginning too, when a run is resumed.
        self.own_generators = OwnGenerators({})

    def use_workers(self, *, kept: bool) -> None:
        """Have none."""

    def items(self, seed: int, epoch: int, first: int) -> Iterator[Any]:
        """Yield what is left."""
        del seed, epoch, first
        return self._iterator


class DatasetSource:
    """A map-style ``Dataset``, in an order that is a pure function of the seed and the pass.

    Args:
        dataset: one example an item.
        batch_size: how many examples make a batch.
        shuffle: whether each pass has an order of its own.

    Raises:
        InputError: its length is not known, or is 0.
    """

    repeats = True
    starts_anywhere = True
    ends_with_steps = True
    kind = "a Dataset"
    unrepeatable: str | None = None
    workers_are_kept = False

    def __init__(self, dataset: Dataset[Any], batch_size: int, shuffle: bool) -> None:
        try:
            self.examples: int | None = len(dataset)  # type: ignore[arg-type]
        except TypeError:
            self.examples = None
        if not self.examples:
            raise InputError(
                "`x` cannot be used",
                expected="a Dataset with `__len__` and at least one example, or an IterableDataset",
                got=f"a {type(dataset).__name__} "
                + ("that is empty" if self.examples == 0 else "without a length"),
            )
        self._length = self.examples
        self._dataset = dataset
        self.batch_size: int | None = batch_size
        self._size = batch_size
        self.shuffle = shuffle
        self.steps: int | None = -(-self._length // batch_size)
        # Its tensors give all rows of a batch at once; the loader would ask for each and stack.
        self._is_of_tensors = type(dataset) is TensorDataset
        self.may_draw = not self._is_of_tensors
        self.own_generators = OwnGenerators({"dataset": dataset} if self.may_draw else {})

    def use_workers(self, *, kept: bool) -> None:
        """Have none."""

    def items(self, seed: int, epoch: int, first: int) -> Iterator[Any]:
        """Yield the batches of a pass from one on; those before are not read."""
        chosen = order(self._length, self.shuffle, seed, epoch)[first * self._size :]
        if self._is_of_tensors:
            return (self._dataset[rows] for rows in chosen.split(self._size) if len(rows))
        # A generator of its own: the loader draws from torch's else, once a pass.
        dice = random.generator(seed, epoch)
        return iter(DataLoader(self._dataset, self._size, sampler=chosen.tolist(), generator=dice))


def _examples(loader: DataLoader[Any]) -> int | None:
    # A sampler of batches knows its own sizes only, and an IterableDataset may err in its length.
    if loader.batch_size is None or isinstance(loader.dataset, IterableDataset):
        return None
    try:
        total = len(loader.sampler)  # type: ignore[arg-type]
    except TypeError:
        return None
    return total - total % loader.batch_size if loader.drop_last else total


def _keeps_workers(iterable: Any) -> TypeGuard[DataLoader[Any]]:
    return isinstance(iterable, DataLoader) and bool(
        iterable.num_workers and iterable.persistent_workers
    )


def _unrepeatable(loader: DataLoader[Any]) -> str | None:
    told: list[str] = []
    if _keeps_workers(loader):
        told.append(
            "the workers of a DataLoader with persistent_workers=True keep their random numbers "
            "from epoch to epoch, where nobody else can read them: if examples are drawn at random "
            "there, a resumed run gets others. Set persistent_workers=False."
        )
    if loader.num_workers and not getattr(loader, "in_order", True):
        told.append(
            "a DataLoader with in_order=False gives whatever batch is ready first, so that no two "
            "runs get the same. Set in_order=True."
        )
    return " ".join(told) or None
