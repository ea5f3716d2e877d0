"""What objects hold, noted so that one can tell later, at little cost, whether it is the same."""

import types
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

PLAIN = (int, float, bool, str, bytes, complex, type(None))
GROUPS = (list, tuple, set, frozenset, deque)
MOST_BYTES = 1 << 16
"""Larger arrays of NumPy are not compared number by number."""
MOST_LEVELS = 8
"""How deep lists in lists are looked into; a list may hold itself."""


class Settings:
    """What some objects held when they were noted.

    To ask whether they still do happens as often as code of the user's may have changed them, so
    Python compares what was noted with what is there by itself: a thing noted equals only itself.

    Example:
        >>> settings, rates = Settings(), {"low": 0.5}
        >>> settings.note(lambda: rates)
        >>> rates["low"] = 0.25
        >>> settings.hold()
        False
    """

    def __init__(self) -> None:
        self._noted: list[tuple[Callable[[], Any], Any]] = []

    def note(self, read: Callable[[], Any]) -> None:
        """Note what a function returns, with all that is in it as far as that is known."""
        self._noted.append((read, _noted(read())))

    def note_attributes(self, owner: Any, but: frozenset[str]) -> None:
        """Note the attributes of an object, but for some."""
        held = vars(owner)
        noted = {name: ANYTHING if name in but else _noted(held[name]) for name in held}
        self._noted.append((lambda: held, noted))

    def hold(self) -> bool:
        """Say whether everything is what it was."""
        return all(noted == read() for read, noted in self._noted)


class _Anything:
    """What equals everything."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True


ANYTHING = _Anything()


class _Same:
    """What equals one thing only, which it holds, so that nothing else comes to lie there."""

    __slots__ = ("thing",)
    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None  # or an array that is compared with it would compare its elements

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return other is self.thing


class _SameTensor(_Same):
    __slots__ = ("told",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, thing: torch.Tensor) -> None:
        super().__init__(thing)
        self.told = self._tell()

    def _tell(self) -> Any:
        tensor, hooks = self.thing, self.thing._backward_hooks
        # An id is given to each hook once: one in another's place is seen.
        return tensor.data_ptr(), tensor.requires_grad, hooks and tuple(hooks)

    def __eq__(self, other: object) -> bool:
        return other is self.thing and self._tell() == self.told


class _SameWithin(_Same):
    """What equals one thing only, and that only with the same things in it."""

    __slots__ = ("look", "told")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, thing: Any, look: Callable[[Any], Any], levels: int) -> None:
        super().__init__(thing)
        self.look, self.told = look, _noted(look(thing), levels)

    def __eq__(self, other: object) -> bool:
        return other is self.thing and self.told == self.look(other)


def _in_function(one: types.FunctionType) -> Any:
    return one.__code__, one.__defaults__, one.__kwdefaults__, one.__dict__


def _in_method(one: types.MethodType) -> Any:
    return one.__func__, [one.__self__]


def _in_partial(one: partial[Any]) -> Any:
    return one.func, one.args, one.keywords


LOOKS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (types.FunctionType, _in_function),
    (types.MethodType, _in_method),
    (partial, _in_partial),
    (np.ndarray, np.ndarray.tobytes),
)


def _noted(value: Any, levels: int = MOST_LEVELS) -> Any:
    """Return what equals a value as long as it is the same, with the same in it."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, torch.Tensor):
        return _SameTensor(value)
    if levels:
        if isinstance(value, dict):
            return {name: _noted(one, levels - 1) for name, one in value.items()}
        if isinstance(value, list):
            return [_noted(one, levels - 1) for one in value]
        if isinstance(value, tuple):
            return tuple(_noted(one, levels - 1) for one in value)
        if isinstance(value, deque):
            return deque(_noted(one, levels - 1) for one in value)
        if isinstance(value, set | frozenset):
            return set(value)
        if not isinstance(value, np.ndarray) or value.nbytes <= MOST_BYTES:
            for kind, look in LOOKS:
                if isinstance(value, kind):
                    return _SameWithin(value, look, levels - 1)
    return _Same(value)
