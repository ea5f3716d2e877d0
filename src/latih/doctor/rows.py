"""Examples to look at, without taking any from the training."""

from typing import Any

import torch

from latih import random
from latih.data.batches import ArrayBatches, Batch, Batches
from latih.data.maps import map_of
from latih.data.streams import StreamBatches
from latih.doctor.targets import class_numbers
from latih.errors import InputError
from latih.structures import flatten, map_structure

LEAST_OF_A_CLASS = 4
"""So many rows of each class a probe has, if there are as many."""


def whole(batches: Batches) -> Batch | None:
    """Return all examples in their own order, if they are arrays; else None.

    Nothing is copied.

    Args:
        batches: what is trained on.
    """
    if isinstance(batches, ArrayBatches):
        return Batch(batches.inputs, batches.targets, batches.weights, batches.examples)
    if not isinstance(batches, StreamBatches):
        return None
    try:
        return batches.whole()
    except InputError:  # rows that no batch has shown yet: training will say what is wrong
        return None


def seen(batches: Batches) -> Batch | None:
    """Return all examples if they are arrays, or the next batch, which stays the next one."""
    found = whole(batches)
    if found is not None or not isinstance(batches, StreamBatches):
        return found
    try:
        return batches.peek()
    except InputError:
        return None


def is_mapped(batch: Batch) -> bool:
    """Say whether some of it lies in files that are mapped into memory."""
    return any(map_of(tensor) is not None for tensor in batch.tensors)


def spread(examples: int, rows: int) -> torch.Tensor:
    """Return the numbers of rows that lie evenly among all, each somewhere in its share of them.

    At equal distances they would hit one class only where the classes take turns. The same
    arguments always give the same rows.

    Example:
        >>> spread(4, 9).tolist()
        [0, 1, 2, 3]
        >>> [number // 100 for number in spread(500, 5).tolist()]
        [0, 1, 2, 3, 4]
    """
    if rows >= examples:
        return torch.arange(examples)
    within = torch.rand(rows, generator=random.generator(examples, rows), dtype=torch.float64)
    return ((torch.arange(rows) + within) * (examples / rows)).long().clamp(max=examples - 1)


def take(batch: Batch, rows: torch.Tensor, device: Any = None) -> Batch:
    """Return some rows of a batch, in memory of their own.

    Args:
        batch: the examples.
        rows: their numbers.
        device: where they go; None for where they are.
    """

    def taken(part: torch.Tensor) -> torch.Tensor:
        kind = torch.float32 if part.dtype == torch.float64 else part.dtype
        return part.index_select(0, rows.to(part.device)).to(device or part.device, kind)

    return Batch(
        map_structure(taken, batch.inputs),
        [None if target is None else taken(target) for target in batch.targets],
        [None if weight is None else taken(weight) for weight in batch.weights],
        len(rows),
    )


def probe_batch(training: Any, rows: int = 256) -> Batch | None:
    """Return some fixed rows of what is trained on, with some of each class.

    Of a stream that is not in memory they are the first of the next batch, which stays the next.

    Args:
        training: the training.
        rows: how many there are at most.

    Returns:
        The rows; None if there are none to see.
    """
    examples = seen(training.batches)
    if examples is None:
        return None
    chosen = spread(examples.size, rows)
    target = next((one for one in examples.targets if one is not None), None)
    labels = None if target is None else class_numbers(target)
    if labels is not None and len(labels) == examples.size and not is_mapped(examples):
        chosen = _with_each_class(chosen, labels)
    return take(examples, chosen, training.batches.device)


def _with_each_class(chosen: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Put rows of rare classes in the place of rows of the most frequent one."""
    counts = torch.bincount(labels)
    wanted = counts.clamp(max=LEAST_OF_A_CLASS)
    if int(wanted.sum()) > len(chosen) // 2:
        return chosen
    taken = torch.bincount(labels[chosen], minlength=len(counts))
    added: list[torch.Tensor] = []
    for label in (taken < wanted).nonzero().flatten().tolist():
        own = (labels == label).nonzero().flatten()
        new = own[~torch.isin(own, chosen)]
        added.append(new[spread(len(new), int(wanted[label] - taken[label]))])
    count = sum(len(one) for one in added)
    if not count:
        return chosen
    frequent = (labels[chosen] == taken.argmax()).nonzero().flatten()
    kept = torch.ones(len(chosen), dtype=torch.bool)
    kept[frequent[spread(len(frequent), count)]] = False
    return torch.cat([chosen[kept], *added]).sort().values


def inputs_of(batch: Batch) -> list[torch.Tensor]:
    """Return the inputs in the order of their names."""
    return flatten(batch.inputs)
