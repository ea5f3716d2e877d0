"""Layers that their owner keeps in a list or a dict.

PyTorch finds the modules that are attributes, and overlooks those in a plain list; Keras finds
both, and code written for it relies on that.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import wraps
from typing import Any

from torch import nn


def _tracking(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def change_and_tell(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        self.owner.track(self.attribute, self)
        return result

    return change_and_tell


class TrackedList(list[Any]):
    """A list that tells its owner when it changes.

    Args:
        items: what it holds.
        owner: the layer of which it is an attribute.
        attribute: the attribute's name.
    """

    def __init__(self, items: Any, owner: Any, attribute: str) -> None:
        super().__init__(items)
        self.owner, self.attribute = owner, attribute

    for _name in ("append", "extend", "insert", "pop", "remove", "clear", "reverse", "sort"):
        locals()[_name] = _tracking(getattr(list, _name))
    __setitem__ = _tracking(list.__setitem__)
    __delitem__ = _tracking(list.__delitem__)
    __iadd__ = _tracking(list.__iadd__)

    def __deepcopy__(self, memo: dict[int, Any]) -> "TrackedList":
        copied = TrackedList((), None, self.attribute)
        memo[id(self)] = copied
        list.extend(copied, (deepcopy(item, memo) for item in self))
        copied.owner = deepcopy(self.owner, memo)
        return copied


class TrackedDict(dict[Any, Any]):
    """A dict that tells its owner when it changes.

    Args:
        items: what it holds.
        owner: the layer of which it is an attribute.
        attribute: the attribute's name.
    """

    def __init__(self, items: Any, owner: Any, attribute: str) -> None:
        super().__init__(items)
        self.owner, self.attribute = owner, attribute

    for _name in ("pop", "popitem", "clear", "update", "setdefault"):
        locals()[_name] = _tracking(getattr(dict, _name))
    __setitem__ = _tracking(dict.__setitem__)
    __delitem__ = _tracking(dict.__delitem__)

    def __deepcopy__(self, memo: dict[int, Any]) -> "TrackedDict":
        copied = TrackedDict((), None, self.attribute)
        memo[id(self)] = copied
        dict.update(copied, {key: deepcopy(item, memo) for key, item in self.items()})
        copied.owner = deepcopy(self.owner, memo)
        return copied


def modules_in(container: Any) -> list[nn.Module]:
    """Return the modules in a list or dict, however nested, in the order of their coming.

    Example:
        >>> modules_in([nn.ReLU(), {"b": 3, "a": (nn.Tanh(),)}])
        [ReLU(), Tanh()]
    """
    if isinstance(container, nn.Module):
        return [container]
    if isinstance(container, dict):
        container = container.values()
    elif not isinstance(container, list | tuple):
        return []
    return [module for part in container for module in modules_in(part)]
