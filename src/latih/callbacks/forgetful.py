"""Callbacks of the user's that keep what no snapshot holds: named before the run, not at a crash.

What a callback keeps is read from the code of its hooks, as Python has compiled it: no source is
needed, and nothing of the callback is run. So it is a guess, a careful one: what hooks only read
is configuration, and what a resumed run sets anew is no loss.
"""

import inspect
import warnings
from collections.abc import Iterable, MutableMapping, MutableSequence, MutableSet
from functools import cached_property
from types import FunctionType
from typing import Any

import numpy as np
import torch

from latih.callbacks.attribute_use import Use, use_of
from latih.engine.events import Callback
from latih.errors import LatihWarning

CONTAINERS = (MutableSequence, MutableMapping, MutableSet, np.ndarray, torch.Tensor)
# Not on the way of training: what they store is there again when a run is resumed.
NO_HOOKS = frozenset({"__init__", "set_model", "set_params", "__new__", "__del__"})
NO_STATE = frozenset({"model", "params"})
_ABSENT = object()


def kept_without_state_dict(callback: Callback) -> list[str]:
    """Return the attributes in which a callback keeps a state that no snapshot would hold.

    Args:
        callback: any; one of Latih's own, and one that defines ``state_dict``, keeps none.

    Returns:
        Their names, sorted: those that hooks set or change. Those that only the hooks of a
        beginning set are left out: a resumed run sets them anew.

    Example:
        >>> class Counter(Callback):
        ...     seen = 0
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         self.seen += 1
        >>> Counter.__module__ = "script"
        >>> kept_without_state_dict(Counter())
        ['seen']
    """
    classes = [
        kind
        for kind in type(callback).__mro__
        if kind is not object and kind.__module__.partition(".")[0] != "latih"
    ]
    if not classes or any("state_dict" in vars(kind) for kind in classes):
        return []
    functions = _functions(classes)
    ending, setting = Use(), Use()
    for hook in [name for name in vars(Callback) if name.startswith("on_")]:
        # What begins is begun again by a resumed run, and its end comes again.
        sets_anew = hook.endswith("_begin") or hook == "on_train_end"
        (setting if sets_anew else ending).add(_use_from(_entry(callback, hook), functions))
    kept = ending.stored | ending.changed | setting.kept | setting.changed
    for name in ending.changed_if_container | setting.changed_if_container:
        if isinstance(_value(callback, name), CONTAINERS):
            kept.add(name)
    # An empty container is no configuration: it is there to be filled, by another name maybe.
    kept.update(name for name in ending.loaded if _is_empty(_value(callback, name)))
    held = {*NO_STATE, *getattr(callback, "remembers", ())}
    return sorted(name for name in kept - held if name not in functions)


def warn_of_forgetful(callbacks: Iterable[Callback]) -> None:
    """Warn, once for all of them, of callbacks that keep what no snapshot holds.

    Warns:
        LatihWarning: their classes, their attributes, and what to define.
    """
    told: dict[str, list[str]] = {}
    for callback in callbacks:
        if names := kept_without_state_dict(callback):
            known = told.setdefault(type(callback).__name__, [])
            known += [name for name in names if name not in known]
    if not told:
        return
    it, begins = ("it", "it begins") if len(told) == 1 else ("them", "they begin")
    warnings.warn(
        "; ".join(f"{kind} keeps {_listed(names)}" for kind, names in told.items())
        + f", which no snapshot holds: after a crash {begins} anew. Define state_dict() and "
        f"load_state_dict() in {it}.",
        LatihWarning,
        stacklevel=4,  # at the line that calls fit()
    )


def _listed(names: list[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if quoted[1:] else quoted)


def _value(callback: Callback, name: str) -> Any:
    # Looked up without running code of the user's, such as a property's.
    value = inspect.getattr_static(callback, name, _ABSENT)
    if inspect.ismemberdescriptor(value):  # of __slots__
        return getattr(callback, name, _ABSENT)
    return value


def _is_empty(value: Any) -> bool:
    if isinstance(value, np.ndarray | torch.Tensor):
        return not np.prod(value.shape)
    return isinstance(value, CONTAINERS) and not len(value)


def _functions(classes: Iterable[type]) -> dict[str, list[FunctionType]]:
    """Return the functions of classes by their names; a method and the one that it overrides."""
    found: dict[str, list[FunctionType]] = {}
    for kind in classes:
        for name, value in vars(kind).items():
            for one in (
                (value.fget, value.fset)
                if isinstance(value, property)
                else (value.func,)
                if isinstance(value, cached_property)
                else (value,)
            ):
                if name in NO_HOOKS or not callable(one) or isinstance(one, staticmethod):
                    continue
                function = inspect.unwrap(one)
                if isinstance(function, FunctionType):
                    found.setdefault(name, []).append(function)
    return found


def _entry(callback: Callback, hook: str) -> str:
    # A hook may have been put in its place by the object: `self.on_epoch_end = self._count`.
    own = getattr(callback, "__dict__", {}).get(hook)
    return own.__name__ if inspect.ismethod(own) and own.__self__ is callback else hook


def _use_from(entry: str, functions: dict[str, list[FunctionType]]) -> Use:
    """Return what a function does, and those of the same object that it uses."""
    use, seen, left = Use(), set[str](), [entry]
    while left:
        name = left.pop()
        if name in seen:
            continue
        seen.add(name)
        for function in functions.get(name, ()):
            code = function.__code__
            if code.co_argcount:
                own = use_of(code, code.co_varnames[0])
                use.add(own)
                left += own.loaded
    return use
