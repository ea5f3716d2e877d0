"""Weights that learn at rates of their own: a slow base under a fast new head."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch

from latih.arguments import number
from latih.errors import InputError


def _is_one(given: Any) -> bool:
    return isinstance(given, torch.Tensor) or hasattr(given, "trainable_weights")


@dataclass(frozen=True)
class Group:
    """Some weights, and by how much they learn faster or slower than the rest.

    What was learned before needs smaller steps than what is new. The factor multiplies the common
    rate, a scheduled one too: the weights move as under an optimizer of their own with ``factor ·
    η``, but that gradients are clipped together and one state goes into files.

    Args:
        weights: layers, whose weights of all depths are meant, and single weights. A layer may be
            frozen now and trained later.
        learning_rate: the factor, >= 0; 0 leaves the weights, and what is remembered of them, as
            they are. Their gradient is taken for 0, where gradients are clipped too, and ``fit``
            spares the way back through what lies below all that learns.
        weight_decay: the rate of decay of these weights, >= 0; None for the optimizer's own. As
            there, it is multiplied by the learning rate, here the group's.

    Raises:
        InputError: a number is out of range, or ``weights`` holds what is neither.

    Example:
        >>> Group([torch.zeros(2)], learning_rate=0.1).learning_rate
        0.1

    Reference:
        Howard & Ruder 2018, "Universal Language Model Fine-tuning", equation 2.
    """

    weights: Sequence[Any]
    learning_rate: float = 1.0
    weight_decay: float | None = None

    def __post_init__(self) -> None:
        number(self.learning_rate, "learning_rate", "Group", least=0)
        if self.weight_decay is not None:
            number(self.weight_decay, "weight_decay", "Group", least=0)
        given: Any = self.weights
        listed = [given] if _is_one(given) else given
        if not isinstance(listed, Iterable) or not all(map(_is_one, kept := list(listed))):
            raise InputError(
                "`weights` of Group cannot be used",
                expected="a list of layers or of weights",
                got=f"a {type(given).__name__}",
                fix="Give layers, as Group(model.layers[:-1], learning_rate=0.1).",
            )
        object.__setattr__(self, "weights", tuple(kept))


@dataclass(frozen=True)
class Run:
    """Neighbours in the flat buffer that are moved alike.

    Args:
        part: where they stand in the buffer.
        factor: what multiplies the learning rate.
    """

    part: slice
    factor: float


REST = Group(())
"""What a weight is in that no group names."""


@dataclass(frozen=True)
class Division:
    """The weights of an optimizer, divided into groups.

    Args:
        group_of_each: the group of each weight.
        runs: the neighbours that are moved alike; those that stay are left out.
        at_rest: the places of the weights that stay; none of them where all would.
    """

    group_of_each: Sequence[Group]
    runs: Sequence[Run]
    at_rest: frozenset[int] = frozenset()

    def decays(self, common: float | None, rate: float) -> list[float]:
        """Return by which fraction each weight decays at this update.

        Args:
            common: the optimizer's own rate of decay.
            rate: the optimizer's learning rate.
        """
        return [
            ((common or 0.0) if group.weight_decay is None else group.weight_decay)
            * rate
            * group.learning_rate
            for group in self.group_of_each
        ]


def divide(groups: Iterable[Group], parameters: Sequence[torch.Tensor]) -> Division | None:
    """Divide weights into groups; None if all of them are moved alike, by one kernel then.

    Args:
        groups: the groups.
        parameters: the weights that the optimizer moves.

    Raises:
        InputError: a weight is in two groups, or is none of these.

    Example:
        >>> one, two = torch.zeros(1), torch.zeros(2)
        >>> divide([Group([two], 0.5)], [one, two]).runs
        [Run(part=slice(0, 1, None), factor=1.0), Run(part=slice(1, 3, None), factor=0.5)]
    """
    shared = share_out(groups, parameters)
    if all(group.learning_rate == 1.0 and group.weight_decay is None for group in shared):
        return None
    resting = frozenset(place for place, group in enumerate(shared) if not group.learning_rate)
    return Division(
        shared,
        runs(shared, parameters),
        # A step in which nothing moves still has a gradient, which tells whoever looks.
        resting if len(resting) < len(shared) else frozenset(),
    )


def share_out(groups: Iterable[Group], parameters: Sequence[torch.Tensor]) -> list[Group]:
    """Return the group of each weight.

    Args:
        groups: the groups.
        parameters: the weights that the optimizer moves.

    Raises:
        InputError: a weight is in two groups, or is none of these.

    Example:
        >>> one, two = torch.zeros(1), torch.zeros(2)
        >>> [group.learning_rate for group in share_out([Group([two], 0.5)], [one, two])]
        [1.0, 0.5]
    """
    places = {id(parameter): place for place, parameter in enumerate(parameters)}
    shared = [REST] * len(parameters)
    for group in groups:
        for given in group.weights:
            for weight in _weights_of(given):
                place = places.get(id(weight))
                if place is None:
                    _refuse_unless_at_rest(given, weight)
                elif shared[place] is REST or shared[place] is group:
                    shared[place] = group
                else:
                    raise InputError(
                        f"a weight of shape {tuple(weight.shape)} is in two groups",
                        expected="every weight in one group at most",
                        got=f"factors {shared[place].learning_rate:g} and {group.learning_rate:g}",
                        fix="Take it out of one of them.",
                    )
    return shared


def runs(shared: Sequence[Group], parameters: Sequence[torch.Tensor]) -> list[Run]:
    """Return the neighbours that are moved alike; those that stay are left out.

    Example:
        >>> slow, still = Group((), 0.5), Group((), 0.0)
        >>> weights = [torch.zeros(2), torch.zeros(3), torch.zeros(1)]
        >>> [(run.part, run.factor) for run in runs([slow, slow, still], weights)]
        [(slice(0, 5, None), 0.5)]
    """
    found: list[Run] = []
    end = 0
    pairs = zip((group.learning_rate for group in shared), parameters, strict=True)
    for factor, members in groupby(pairs, key=lambda pair: pair[0]):
        start, end = end, end + sum(parameter.numel() for _, parameter in members)
        if factor:
            found.append(Run(slice(start, end), factor))
    # What is remembered once and not for each weight goes on, even if nothing moves.
    return found or [Run(slice(0, 0), 0.0)]


def _weights_of(given: Any) -> list[torch.Tensor]:
    return [given] if isinstance(given, torch.Tensor) else given.weights


def _refuse_unless_at_rest(given: Any, weight: torch.Tensor) -> None:
    # Frozen for now, or a running statistic of a layer, which no optimizer moves.
    known = given is not weight and not any(weight is own for own in given.trainable_weights)
    frozen = isinstance(weight, torch.nn.Parameter) and not weight.requires_grad
    if known or frozen:
        return
    raise InputError(
        f"a group holds a weight of shape {tuple(weight.shape)} that the optimizer does not move",
        expected="trainable weights of the model that is trained",
        got="a weight of another model, or a running statistic",
        fix="Give the model's own layers, as Group(model.layers[:-1], learning_rate=0.1).",
    )
