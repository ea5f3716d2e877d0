"""One stream of batches from what is iterated: loaders, data sets, generators."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import (
    DataLoader,
    Dataset,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
    default_collate,
)

from latih.data.arrays import as_array, as_arrays, convert, require_same_length
from latih.data.batches import Batch, ReusedBatch
from latih.data.file_datasets import FileDataset
from latih.data.fingerprint import fingerprint
from latih.data.outputs import targets_as_list
from latih.data.reader import END, Reader
from latih.data.sources import source_of
from latih.data.weights import ClassWeights, sample_weights_as_list
from latih.errors import InputError, LatihWarning
from latih.structures import flatten, map_structure, only_one_or_all

Parts = Callable[
    [Any, Any, Any, str, Callable[[Any, str], torch.Tensor]],
    tuple[Any, list[torch.Tensor | None], list[torch.Tensor | None]],
]


class StreamBatches:
    """Batches of data that are read as they are needed.

    A map-style ``Dataset`` is read in an order that is a pure function of ``(seed, pass)``, like
    arrays. A ``DataLoader`` and an iterable begin anew each pass, in orders of their own. A
    generator has one pass: the next epoch goes on where the last one ended, and one that ends too
    early is warned of. The stream is read by one reader at a time.

    An item is ``(x, y)``, ``(x, y, sample_weight)``, ``(x,)`` or x alone; x, y and sample_weight
    are arrays, or lists or dicts of arrays where the model has several inputs or outputs.

    Args:
        data: a ``DataLoader``, a ``Dataset``, a generator, or an object that can be iterated.
        batch_size: how many examples of a ``Dataset`` a step takes, 32 by default.
        shuffle: whether each pass over a map-style ``Dataset`` has an order of its own.
        seed: what these orders follow from.
        device: where the batches go.
        class_weight: how much each class of the first output's targets counts.
        parts: makes inputs, targets and weights of x, y and sample_weight, given what precedes
            these in sentences and what makes each a tensor; a model knows its inputs' and outputs'
            names. By default they are taken as they come.

    Raises:
        InputError: the data can be none of these.

    Example:
        >>> batches = StreamBatches(([[step]], [step]) for step in range(3))
        >>> batches.peek().targets
        [tensor([0])]
        >>> [batch.inputs.tolist() for batch in batches.epoch(0)]
        [[[0]], [[1]], [[2]]]
    """

    def __init__(
        self,
        data: Any,
        *,
        batch_size: int | None = None,
        shuffle: bool = False,
        seed: int = 0,
        device: torch.device | str = "cpu",
        class_weight: Mapping[Any, float] | None = None,
        parts: Parts | None = None,
    ) -> None:
        source = source_of(data, batch_size, shuffle, seed)
        self._reader = Reader(source, seed)
        self.batch_size = source.batch_size
        self.examples = source.examples
        self.steps = source.steps
        self.shuffle = source.shuffle
        self.unrepeatable = source.unrepeatable
        self.device = torch.device(device)
        self._data = data
        self._parts = parts or parts_as_they_come
        self._class_weights = None if class_weight is None else ClassWeights(class_weight)
        self._first_is_checked = False

    @property
    def runs_user_code(self) -> bool:
        """Whether code that is not Latih's runs to make a batch, and may change the model."""
        dataset = getattr(self._data, "dataset", self._data)
        collate = getattr(self._data, "collate_fn", default_collate)
        known = isinstance(dataset, FileDataset) or type(dataset) is TensorDataset
        return not (known and collate is default_collate)

    @property
    def seed(self) -> int:
        """What the orders of the passes follow from."""
        return self._reader.seed

    @property
    def exhausted(self) -> bool:
        """Whether there will be no further batch: a generator has ended."""
        return self._reader.exhausted

    def reuse(self, memory: Mapping[int, ReusedBatch]) -> None:
        """Leave it: what is read brings memory of its own."""
        del memory

    def peek(self) -> Batch:
        """Return the next batch without taking it: what a model is built by.

        Raises:
            InputError: there is none, or it cannot be used.
        """
        item = self._reader.take()
        if item is END:  # of a pass; the next begins
            item = self._reader.take()
        if item is END:
            raise InputError("the data give no batch", expected="at least one", got="none")
        batch = self._batch(item)
        self._reader.give_back(item)
        return batch

    @property
    def shuffles(self) -> bool | None:
        """Whether each pass has an order of its own; None where nobody knows."""
        if isinstance(self._data, DataLoader):
            kind = type(getattr(self._data, "sampler", None))
            return {RandomSampler: True, SequentialSampler: False}.get(kind)
        return self.shuffle if isinstance(self._data, Dataset | FileDataset) else None

    def whole(self) -> Batch | None:
        """Return all examples in their own order, where they are tensors in memory; else None.

        Nothing is taken from the stream, and nothing is copied that has the right type.
        """
        dataset = getattr(self._data, "dataset", self._data)
        collate = getattr(self._data, "collate_fn", default_collate)
        if type(dataset) is not TensorDataset or collate is not default_collate:
            return None
        # Another sampler may show some rows more often than others.
        return None if self.shuffles is None else self._batch(dataset[:])

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Yield the batches of one pass over the data; of a generator, those that are left.

        A reader that is there already goes on; else the pass begins anew, and what comes before
        is passed over.

        Args:
            epoch: the pass, counted from 0.
            first: the batch to begin with, counted from the beginning of the pass.
        """
        reader = self._reader
        if reader.source.ends_with_steps and first == self.steps:
            return iter(())
        if reader.source.repeats and (reader.epoch, reader.offset) != (epoch, first):
            reader.begin(epoch, first)
        return self._read(None, first)

    def stream(self, first: int, count: int | None) -> Iterator[Batch]:
        """Yield some batches of an endless stream of passes.

        A reader that is at ``first`` already goes on; else what comes before is passed over. A
        generator always goes on, wherever it is.

        Args:
            first: the step to begin with, counted from the beginning of the first pass.
            count: how many steps; None for those to the end of the pass.
        """
        if self._reader.source.repeats:
            self._reader.seek(first)
        return self._read(count)

    def state_dict(self) -> dict[str, Any]:
        """Return where the reader is, and how it comes back there: JSON values and tensors."""
        return self._reader.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where :meth:`state_dict` found another stream of the same data.

        The generators of the process are not touched: who takes the state takes theirs with it, by
        :func:`latih.random.state_dict`, and puts them back too.

        Raises:
            InputError: the data are of another kind or shorter, or the state does not fit.
        """
        self._reader.load_state_dict(state)

    def _read(self, count: int | None, before: int = 0) -> Iterator[Batch]:
        """Yield so many batches, or those to the end of a pass of which some came before."""
        came = before
        while count is None or came < count:
            item = self._reader.take()
            if item is not END:
                came += 1
                batch = self._batch(item)
                ended = self._reader.end_pass()
                yield batch
                if ended and count is None:
                    return
            elif self.exhausted:
                if count is not None or came == 0:
                    self._warn_of_the_end(came, count)
                return
            elif count is None and came:
                return

    def _batch(self, item: Any) -> Batch:
        where = f"batch {self._reader.offset}'s "
        # Only the first batch is searched for NaN: it shows the flaws that all have (a column that
        # was not filled). To search each would cost a pass over it and, on a GPU, a wait; what
        # comes later shows in the loss.
        read = convert if self._first_is_checked else as_array
        x, y, sample_weight = _unpacked(item, where)
        inputs, targets, weights = self._parts(x, y, sample_weight, where, read)
        require_same_length(
            **{
                f"{where}x": inputs,
                f"{where}y": only_one_or_all(targets),
                f"{where}sample_weight": only_one_or_all(weights),
            }
        )
        if self._class_weights is not None and targets and targets[0] is not None:
            weights[0] = _product(self._class_weights(targets[0]), weights[0])
        self._first_is_checked = True
        return Batch(
            map_structure(self._placed, inputs),
            [None if target is None else target.to(self.device) for target in targets],
            [None if weight is None else weight.to(self.device) for weight in weights],
            len(flatten(inputs)[0]),
        )

    def _placed(self, tensor: torch.Tensor) -> torch.Tensor:
        # A memory map of float64 is not cast before.
        kind = torch.float32 if tensor.dtype == torch.float64 else tensor.dtype
        return tensor.to(self.device, kind)

    def fingerprint(self) -> dict[str, Any]:
        """Return what tells the data from others without reading them: their kind and sizes.

        The tensors of a ``TensorDataset``, in a ``DataLoader`` too, are in memory, and hashed.
        """
        dataset = getattr(self._data, "dataset", self._data)
        tensors = dataset.tensors if isinstance(dataset, TensorDataset) else ()
        return {
            "source": type(self._data).__name__,
            "examples": self.examples,
            "batch_size": self.batch_size,
            "steps": self.steps,
            "tensors": [fingerprint(tensor) for tensor in tensors],
            **(self._data.fingerprint() if isinstance(self._data, FileDataset) else {}),
        }

    def _warn_of_the_end(self, came: int, count: int | None) -> None:
        asked = "more" if count is None else f"the {count} batches that were asked for"
        warnings.warn(
            f"the data have ended after {self._reader.taken} batches: {came} of {asked} came. "
            "Let the generator yield at least steps_per_epoch * epochs batches, or give a "
            "DataLoader or a Dataset, which begin anew each epoch.",
            LatihWarning,
            stacklevel=3,
        )


def parts_as_they_come(
    x: Any, y: Any, sample_weight: Any, where: str, read: Callable[[Any, str], torch.Tensor]
) -> tuple[Any, list[torch.Tensor | None], list[torch.Tensor | None]]:
    """Return inputs, targets and weights; a dict's in the order of its sorted keys."""
    inputs = as_arrays(x, f"{where}x", read)
    names = sorted(y) if isinstance(y, dict) else None
    targets = targets_as_list(y, f"{where}y", names, read=read)
    weights = sample_weights_as_list(
        sample_weight, f"{where}sample_weight", len(targets), names, read
    )
    return inputs, targets, weights


def _unpacked(item: Any, where: str) -> tuple[Any, Any, Any]:
    """Part an item into x, y and sample_weight; what is missing is None."""
    if not isinstance(item, list | tuple):
        return item, None, None
    if not 1 <= len(item) <= 3:
        raise InputError(
            f"{where}item cannot be used",
            expected="x, (x, y) or (x, y, sample_weight)",
            got=f"a {type(item).__name__} of {len(item)}",
            fix="Give several inputs as one dict or list: ({'a': ..., 'b': ...}, y).",
        )
    x, y, sample_weight = (*item, None, None)[:3]
    return x, y, sample_weight


def _product(by_class: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    if weights is None:
        return by_class
    return weights * by_class.reshape(-1, *(1,) * (weights.ndim - 1))
