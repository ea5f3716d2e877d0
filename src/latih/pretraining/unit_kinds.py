"""The units of a Boltzmann machine: how they are drawn, and what energy they have by themselves."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from latih import random

Tensor = torch.Tensor


@dataclass(frozen=True)
class UnitKind:
    """What a layer of units does with the sum of what comes in, its bias among it.

    Args:
        mean: the expectation of the states, given their total inputs.
        sample: states drawn around their means.
        energy: the part of an energy that is the states' own, given states and biases.
        summed_out: ``-log`` of the sum, or integral, of ``exp(-energy)`` over all states, given
            total inputs and biases; a constant aside.
        is_binary: whether the states are 0 or 1, and their means probabilities.
    """

    mean: Callable[[Tensor], Tensor]
    sample: Callable[[Tensor, random.SeedGenerator], Tensor]
    energy: Callable[[Tensor, Tensor], Tensor]
    summed_out: Callable[[Tensor, Tensor], Tensor]
    is_binary: bool


def _draw_bernoulli(mean: Tensor, dice: random.SeedGenerator) -> Tensor:
    drawn = random.uniform(mean.numel(), dice.next_key(mean.device)).view(mean.shape)
    return drawn.lt(mean).to(mean.dtype)


def _draw_gaussian(mean: Tensor, dice: random.SeedGenerator) -> Tensor:
    return mean + random.standard_normal(mean, dice.next_key(mean.device))


def _itself(total: Tensor) -> Tensor:
    return total


def _bernoulli_energy(states: Tensor, bias: Tensor) -> Tensor:
    return -(states @ bias)


def _bernoulli_summed_out(total: Tensor, bias: Tensor) -> Tensor:
    del bias  # it is in the total
    return -F.softplus(total).sum(1)


def _gaussian_energy(states: Tensor, bias: Tensor) -> Tensor:
    return 0.5 * (states - bias).square().sum(1)


def _gaussian_summed_out(total: Tensor, bias: Tensor) -> Tensor:
    return -0.5 * (total.square() - bias.square()).sum(1)


UNIT_KINDS = {
    "bernoulli": UnitKind(
        torch.sigmoid, _draw_bernoulli, _bernoulli_energy, _bernoulli_summed_out, True
    ),
    "gaussian": UnitKind(_itself, _draw_gaussian, _gaussian_energy, _gaussian_summed_out, False),
}
