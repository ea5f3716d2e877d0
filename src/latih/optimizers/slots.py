"""What an optimizer remembers for each weight: buffers of the weights' size, under names."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import torch

from latih.optimizers.flat import FlatParameters

Groups = Iterable[Sequence[str]]
"""Names of slots; those of one group stand side by side in files, weight by weight."""


def make(
    flat: FlatParameters, groups: Groups, starts: Mapping[str, float]
) -> dict[str, torch.Tensor]:
    """Return new slots.

    Args:
        flat: the weights.
        groups: the slots' names.
        starts: the number that fills a slot; 0 where it says nothing.
    """
    return {
        name: torch.full_like(flat.values, starts.get(name, 0.0))
        for group in groups
        for name in group
    }


def carry_over(
    flat: FlatParameters,
    slots: Mapping[str, torch.Tensor],
    old_flat: FlatParameters,
    old_slots: Mapping[str, torch.Tensor],
) -> list[int]:
    """Copy what was remembered of weights that are still there.

    Returns:
        The places of the weights of which nothing was remembered.
    """
    old_places = {id(variable): place for place, variable in enumerate(old_flat.parameters)}
    kept = [old_places.get(id(variable)) for variable in flat.parameters]
    for name, slot in slots.items():
        old_views = list(old_flat.views(old_slots[name]))
        for view, place in zip(flat.views(slot), kept, strict=True):
            if place is not None and old_views[place].shape == view.shape:
                view.copy_(old_views[place])
    return [place for place, old in enumerate(kept) if old is None]


def in_file_order(
    weights: Sequence[torch.Tensor],
    flat: FlatParameters,
    slots: Mapping[str, torch.Tensor],
    groups: Groups,
    start: Callable[[str, torch.Tensor], torch.Tensor],
) -> Iterator[torch.Tensor]:
    """Yield the part of each slot that belongs to each of some weights, as files have them.

    Args:
        weights: some of those that the slots are of, and others.
        flat: the weights that the slots are of.
        slots: what is remembered of them.
        groups: the slots' names.
        start: returns what a slot begins with for a weight of which nothing is remembered.

    Example:
        >>> old, new = torch.zeros(1), torch.zeros(2)
        >>> flat, slots = FlatParameters([old]), {"a": torch.tensor([3.0])}
        >>> list(in_file_order([new, old], flat, slots, [("a",)], lambda name, one: one))
        [tensor([0., 0.]), tensor([3.])]
        >>> flat = FlatParameters([old, new])
        >>> slots = {"a": torch.tensor([1.0, 2.0, 2.0]), "b": torch.tensor([3.0, 4.0, 4.0])}
        >>> for groups in [("a", "b")], [("a",), ("b",)]:
        ...     parts = in_file_order([old, new], flat, slots, groups, lambda name, one: one)
        ...     print([float(part[0]) for part in parts])
        [1.0, 3.0, 2.0, 4.0]
        [1.0, 2.0, 3.0, 4.0]
    """
    places = {id(own): place for place, own in enumerate(flat.parameters)}
    for group in groups:
        views = {name: list(flat.views(slots[name])) for name in group}
        for weight in weights:
            place = places.get(id(weight))
            for name in group:
                yield start(name, weight) if place is None else views[name][place]
