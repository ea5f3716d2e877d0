"""What callbacks remember, as a snapshot holds it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from latih.engine.events import Callback
from latih.structures import is_same

OF_THEIR_OWN = ("monitor", "mode")
FILES = ("filepath", "filename")
"""Attributes that tell callbacks of one class apart; of a file its name, as directories move."""


def callback_states(callbacks: Sequence[Callback]) -> dict[str, Any]:
    """Return the state of each callback that has one.

    Example:
        >>> from latih.engine.events import Callback
        >>> class Counter(Callback):
        ...     def state_dict(self):
        ...         return {"steps": 3}
        >>> callback_states([Counter(), Callback(), Counter()])
        {'Counter': {'steps': 3}, 'Counter (2)': {'steps': 3}}
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


def without_watchers(callbacks: Sequence[Callback], states: Mapping[str, Any]) -> dict[str, Any]:
    """Return the states without those of callbacks that compare what is logged with a best."""
    watchers = {name for name, callback in _named(callbacks) if hasattr(callback, "monitor")}
    return {name: state for name, state in states.items() if name not in watchers}


def put_back(callbacks: Sequence[Callback], states: Mapping[str, Any]) -> None:
    """Let those callbacks take their state anew that changed it since they took it."""
    for name, callback in _named(callbacks):
        if name in states and not is_same(callback.state_dict(), states[name]):
            callback.put_back(states[name])


def _named(callbacks: Sequence[Callback]) -> Iterator[tuple[str, Callback]]:
    # By what they are and not by place: a bar less, because nobody watches, must not shift the
    # rest; and one that watches or writes something else must not take the state of another.
    count: dict[str, int] = {}
    for callback in callbacks:
        own = [str(value) for name in OF_THEIR_OWN if (value := getattr(callback, name, None))]
        files = [os.path.basename(str(getattr(callback, name, ""))) for name in FILES]
        called = " ".join(filter(None, [type(callback).__name__, *own, *files]))
        count[called] = count.get(called, 0) + 1
        yield called if count[called] == 1 else f"{called} ({count[called]})", callback
