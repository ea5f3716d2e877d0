"""What callbacks remember, as a snapshot holds it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from latih.engine.events import Callback


def callback_states(callbacks: Sequence[Callback]) -> dict[str, Any]:
    """Return the state of each callback that has one.

    Example:
        >>> from latih.engine.events import Callback
        >>> class Counter(Callback):
        ...     def state_dict(self):
        ...         return {"steps": 3}
        >>> callback_states([Counter(), Callback(), Counter()])
        {'Counter': {'steps': 3}, 'Counter 2': {'steps': 3}}
    """
    states: dict[str, Any] = {}
    for name, callback in _named(callbacks):
        try:
            state = callback.state_dict()
        except Exception as error:
            error.add_note(
                f"while state_dict() of the callback {name} was asked for; it is asked for before "
                "the first epoch too, so set in __init__ what it returns"
            )
            raise
        if state:
            states[name] = state
    return states


def load_callback_states(callbacks: Sequence[Callback], states: Mapping[str, Any]) -> None:
    """Let each callback take its state; one that has none begins as it would."""
    for name, callback in _named(callbacks):
        if name in states:
            callback.load_state_dict(states[name])


def put_back(callbacks: Sequence[Callback], states: Mapping[str, Any]) -> None:
    """Let those callbacks take their state anew that changed it since they took it."""
    for name, callback in _named(callbacks):
        if name in states and not is_same(callback.state_dict(), states[name]):
            callback.load_state_dict(states[name])


def is_same(one: Any, other: Any) -> bool:
    """Say whether two states hold the same numbers in the same places.

    Example:
        >>> is_same({"a": [torch.ones(2), 1]}, {"a": [torch.ones(2), 1]}), is_same([1], [2])
        (True, False)
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, torch.Tensor | np.ndarray) or isinstance(other, torch.Tensor | np.ndarray):
        return type(one) is type(other) and bool(np.array_equal(_array(one), _array(other), True))
    return bool(one == other) or (one != one and other != other)  # a NaN is like another


def _array(value: Any) -> np.ndarray:
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value


def _named(callbacks: Sequence[Callback]) -> Iterator[tuple[str, Callback]]:
    # By class and not by place: a bar less, because nobody watches, must not shift the rest.
    count: dict[str, int] = {}
    for callback in callbacks:
        kind = type(callback).__name__
        count[kind] = count.get(kind, 0) + 1
        yield kind if count[kind] == 1 else f"{kind} {count[kind]}", callback
