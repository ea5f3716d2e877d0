"""How far a step moves the weights, and by which gradients: measured around the optimizer."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from latih.doctor.readings import Readings
from latih.optimizers import Optimizer
from latih.optimizers.groups import share_out

MOST = 4096
"""So many numbers of each weight are looked at: the norm of the rest is taken to be alike."""


@dataclass
class Movement:
    """One step of the weights, under way or done.

    Args:
        before: some numbers of each weight before the step.
        gradients: the norm of each weight's gradient before clipping; None if nobody knows.
        optimizers: those that have moved some of the weights.
        at_rest: which weights have a learning rate of their own of 0, as in gradual unfreezing.
    """

    before: torch.Tensor
    gradients: dict[int, torch.Tensor] = field(default_factory=dict[int, torch.Tensor])
    optimizers: list[Optimizer] = field(default_factory=list[Optimizer])
    at_rest: set[int] = field(default_factory=set[int])


class Weights:
    """The weights of a model that may be trained, by the layer that they belong to.

    Args:
        model: the model.
        layers: the layers that are told of, by name; a weight of a part inside one is its own.

    Example:
        >>> from latih.layers import Dense
        >>> layer = Dense(2)
        >>> layer.build((None, 3))
        >>> weights = Weights(nn.ModuleDict({"dense": layer}), {"dense": layer})
        >>> weights.numbers().shape
        torch.Size([8])
    """

    def __init__(self, model: nn.Module, layers: Mapping[str, nn.Module]) -> None:
        owners = dict(_owned(model, layers))
        self.weights: Sequence[torch.Tensor] = [owner[1] for owner in owners.values()]
        self.owners: Sequence[str] = [owner[0] for owner in owners.values()]
        self._strides = [stride(weight.numel()) for weight in self.weights]
        self._places = {id(weight): place for place, weight in enumerate(self.weights)}

    def numbers(self) -> torch.Tensor:
        """Return some numbers of each weight, in memory of their own."""
        if not self.weights:
            return torch.empty(0)
        strides = zip(self.weights, self._strides, strict=True)
        return torch.cat([weight.detach().reshape(-1)[::step] for weight, step in strides])

    def begin(self) -> Movement:
        """Return what is to be known of a step before it moves the weights."""
        return Movement(self.numbers())

    def note(self, movement: Movement, optimizer: Optimizer) -> None:
        """Note the gradients that an optimizer is about to follow, before it clips them."""
        flat = optimizer.flat
        if flat is None:
            return
        sizes = _norms(list(flat.views(flat.gradients)))
        for weight, norm in zip(flat.parameters, sizes, strict=True):
            if id(weight) in self._places:
                movement.gradients[self._places[id(weight)]] = norm
        shares = zip(flat.parameters, share_out(optimizer.groups, flat.parameters), strict=True)
        resting = {id(weight) for weight, group in shares if group.learning_rate == 0}
        movement.at_rest |= {self._places[one] for one in resting if one in self._places}
        movement.optimizers.append(optimizer)

    def put(self, movement: Movement, readings: Readings) -> None:
        """Put down how far a step has moved the weights, once it is done."""
        if not self.weights:
            return
        strides = zip(self.weights, self._strides, strict=True)
        sizes = [-(-weight.numel() // step) for weight, step in strides]
        after = self.numbers()
        moved = (after - movement.before).split(sizes)
        readings.put("moved", _norms(list(moved)))
        readings.put("before", _norms(list(movement.before.split(sizes))))
        readings.put("after", _norms(list(after.split(sizes))))
        readings.put("gradients", list(movement.gradients.values()))
        clipped = [
            optimizer.flat.gradients.norm()
            for optimizer in movement.optimizers
            if optimizer.flat is not None and _clips(optimizer)
        ]
        readings.put("clipped", clipped)

    def told(
        self, movement: Movement, read: Mapping[str, Sequence[float]]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield what was read as arguments of ``LayerSigns``, layer by layer."""
        if not self.weights:
            return
        gradients = dict(zip(movement.gradients, read["gradients"], strict=True))
        # Where nothing at all may move, nobody meant it.
        is_meant = not movement.at_rest >= movement.gradients.keys()
        for name in dict.fromkeys(self.owners):
            places = [place for place, owner in enumerate(self.owners) if owner == name]
            # Those looked at stand for all: a large kernel is not to count less than its bias.
            shares = [self._strides[place] for place in places]
            moved, before, after = (
                _norm([math.sqrt(s) * read[key][p] for s, p in zip(shares, places, strict=True)])
                for key in ("moved", "before", "after")
            )
            count = sum(self.weights[place].numel() for place in places)
            size = max(before, after)  # weights may begin at 0
            rests = is_meant and movement.at_rest.issuperset(places)
            signs: dict[str, Any] = {
                "update": None if rests else moved / size if size else 0.0,
                "weight": after / math.sqrt(count),
                "finite": math.isfinite(after),
            }
            kernels = [p for p in places if self.weights[p].ndim > 1] or places
            # What rests is asked for no gradient: that it is 0 says nothing.
            if not rests and all(place in gradients for place in kernels):
                numbers = sum(self.weights[place].numel() for place in kernels)
                norm = _norm([gradients[place] for place in kernels])
                signs["gradient"] = norm / math.sqrt(numbers)
                signs["finite"] &= math.isfinite(norm)
            yield name, signs


def stride(numbers: int) -> int:
    """Return the distance between the numbers of a weight that are looked at.

    It shares no divisor with their count, so that they are not all of a few units.

    Example:
        >>> stride(100), stride(784 * 100)
        (1, 23)
    """
    found = max(1, -(-numbers // MOST))
    while math.gcd(found, numbers) > 1:
        found += 1
    return found


def norms(movement: Movement, read: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the norms of all gradients together, as arguments of ``Check``."""
    if not movement.gradients:
        return {}
    told = {"gradient_norm": _norm(read["gradients"])}
    if read["clipped"]:
        told["clipped_norm"] = _norm(read["clipped"])
    return told


def _norms(tensors: list[torch.Tensor]) -> Sequence[torch.Tensor]:
    """Return the norm of each, by one kernel where there is one for many."""
    return torch._foreach_norm(tensors)  # pyright: ignore[reportPrivateImportUsage, reportPrivateUsage]


def _norm(parts: Sequence[float]) -> float:
    return math.sqrt(sum(part * part for part in parts))


def _clips(optimizer: Optimizer) -> bool:
    ways = (optimizer.clipnorm, optimizer.global_clipnorm, optimizer.clipvalue)
    return any(way is not None for way in ways)


def _owned(
    model: nn.Module, layers: Mapping[str, nn.Module]
) -> Iterator[tuple[int, tuple[str, torch.Tensor]]]:
    """Yield each weight once, with the innermost layer that it is in."""
    paths = {id(module): path for path, module in model.named_modules()}
    at = {paths[id(module)]: name for name, module in layers.items() if id(module) in paths}
    seen: set[int] = set()
    for path, weight in model.named_parameters():
        if not weight.requires_grad or id(weight) in seen:
            continue
        seen.add(id(weight))
        around = path
        while around and around not in at:
            around = around.rpartition(".")[0]
        # One of no layer that is told of, such as a parameter of the model itself.
        yield id(weight), (at.get(around, path), weight)
