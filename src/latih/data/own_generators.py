"""The random generators that data hold of their own, beside the process's."""

import random
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
import torch

from latih.errors import InputError
from latih.random import SeedGenerator

Dice = torch.Generator | np.random.Generator | np.random.RandomState | random.Random | SeedGenerator

# A list of many is a list of examples, and what lies deeper is no part of how data are read.
_MOST_IN_A_LIST = 32
_DEEPEST = 4


class OwnGenerators:
    """The generators that stand in the attributes of data: a loader's, a sampler's, a data set's.

    They are known by their paths, as ``"dataset.dice"``; one that stands at several is taken once.
    They are looked for each time: data may make theirs when they are first read.

    Args:
        roots: where to look, by the first name of the path.

    Example:
        >>> own = OwnGenerators({"generator": torch.Generator().manual_seed(5), "sampler": None})
        >>> before = own.state_dict()
        >>> list(before)
        ['generator']
        >>> dice = own.roots["generator"]
        >>> first = torch.rand((), generator=dice)
        >>> own.load_state_dict(before)
        >>> first == torch.rand((), generator=dice)
        tensor(True)
    """

    def __init__(self, roots: Mapping[str, Any]) -> None:
        self.roots = roots

    def state_dict(self) -> dict[str, Any]:
        """Return where each stands, by its path: JSON values and tensors."""
        return {path: _state_of(dice) for path, dice in self._found()}

    def load_state_dict(self, states: Mapping[str, Any]) -> None:
        """Let each go on from where :meth:`state_dict` found it.

        Raises:
            InputError: one is missing, or is of another kind.
        """
        found = dict(self._found())
        for path, state in states.items():
            if path not in found:
                raise InputError(
                    "the data hold other random generators than the run that is resumed",
                    expected=f"one at {path}",
                    got=", ".join(found) or "none",
                    fix="Make them in `__init__`, as they were made for the run.",
                )
            try:
                _put_back(found[path], state)
            except (TypeError, ValueError, KeyError, IndexError, AttributeError, RuntimeError):
                raise InputError(
                    f"the state of the data's random generator {path} cannot be put back",
                    expected="one of the same kind as in the run that is resumed",
                    got=f"a {type(found[path]).__name__}",
                ) from None

    @contextmanager
    def drawing_from(self, states: Mapping[str, Any]) -> Generator[None]:
        """Let the block draw as from an earlier state, and what comes after it as if it had not."""
        now = self.state_dict()
        self.load_state_dict(states)
        try:
            yield
        finally:
            self.load_state_dict(now)

    def _found(self) -> Iterator[tuple[str, Dice]]:
        seen: set[int] = set()
        for name, root in self.roots.items():
            yield from _generators_in(root, name, seen, _DEEPEST)


def _generators_in(holder: Any, path: str, seen: set[int], depth: int) -> Iterator[tuple[str, Any]]:
    if id(holder) in seen:
        return
    # What the system draws has no state.
    if isinstance(holder, Dice) and not isinstance(holder, random.SystemRandom):
        seen.add(id(holder))
        yield path, holder
        return
    parts = _parts_of(holder) if depth else {}
    if parts:
        seen.add(id(holder))
    for name, part in parts.items():
        yield from _generators_in(part, f"{path}.{name}", seen, depth - 1)


def _parts_of(holder: Any) -> Mapping[Any, Any]:
    if isinstance(holder, type | ModuleType | torch.Tensor | np.ndarray):
        return {}
    if isinstance(holder, list | tuple):
        return dict(enumerate(holder)) if len(holder) <= _MOST_IN_A_LIST else {}
    if isinstance(holder, dict):
        return dict(holder) if len(holder) <= _MOST_IN_A_LIST else {}
    attributes = getattr(holder, "__dict__", None)
    return dict(attributes) if isinstance(attributes, dict) else {}


def _state_of(dice: Dice) -> Any:
    if isinstance(dice, torch.Generator):
        return dice.get_state()
    if isinstance(dice, SeedGenerator):
        return [dice.seed, dice.draws]
    if isinstance(dice, random.Random):
        version, words, normal = dice.getstate()
        return {"version": version, "words": list(words), "normal": normal}
    if isinstance(dice, np.random.RandomState):
        return _as_json(dice.get_state(legacy=False))
    return _as_json(dice.bit_generator.state)


def _put_back(dice: Dice, state: Any) -> None:
    if isinstance(dice, torch.Generator):
        dice.set_state(state.cpu())
    elif isinstance(dice, SeedGenerator):
        dice.seed, dice.draws = state
    elif isinstance(dice, random.Random):
        dice.setstate((state["version"], tuple(state["words"]), state["normal"]))
    elif isinstance(dice, np.random.RandomState):
        dice.set_state(state)
    else:
        dice.bit_generator.state = state


def _as_json(state: Any) -> Any:
    """Return the state of one of NumPy's generators with its arrays as lists."""
    if isinstance(state, Mapping):
        return {key: _as_json(part) for key, part in state.items()}
    return state.tolist() if isinstance(state, np.ndarray | np.generic) else state
