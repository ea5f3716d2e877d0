"""Where the random layers of a model stand: seeds, and how often each was drawn from."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from latih.errors import InputError
from latih.layers.kept import kept_by_layers
from latih.random import SeedGenerator


def seed_generators(model: nn.Module) -> dict[str, SeedGenerator]:
    """Return the generators that layers keep, by where they are.

    Example:
        >>> from latih.layers import Dropout
        >>> generators = seed_generators(nn.Sequential(nn.ReLU(), Dropout(0.5, seed=7)))
        >>> {path: generator.seed for path, generator in generators.items()}
        {'1.seed_generator': 7}
    """
    return kept_by_layers(model, SeedGenerator)


def seed_state(model: nn.Module) -> dict[str, list[int]]:
    """Return each generator's seed and number of draws."""
    return {path: [one.seed, one.draws] for path, one in seed_generators(model).items()}


def load_seed_state(model: nn.Module, state: Mapping[str, Any]) -> None:
    """Put every generator where :func:`seed_state` found it.

    Raises:
        InputError: the model has other generators.
    """
    own = seed_generators(model)
    if own.keys() != state.keys():
        raise InputError(
            "the state is not one of this model's random layers",
            expected=", ".join(own) or "none",
            got=", ".join(state) or "none",
        )
    for path, (seed, draws) in state.items():
        own[path].seed, own[path].draws = seed, draws
