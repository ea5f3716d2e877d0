"""Layers that their owner keeps in a list, a tuple or a dict.

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
        self.tell()
        return result

    return change_and_tell


class TrackedList(list[Any]):
    """A list that tells its owner when it changes.

    Args:
        items: what it holds.
        owner: the layer of which it is, or is in, an attribute.
        attribute: the attribute's name.
    """

    def __init__(self, items: Any, owner: Any, attribute: str) -> None:
        super().__init__(tracked(item, owner, attribute) for item in items)
        self.owner, self.attribute = owner, attribute

    def tell(self) -> None:
        """Tell the owner, and see to it that a list which was put in tells it too."""
        for place, item in enumerate(self):
            if type(item) in (list, dict):
                list.__setitem__(self, place, tracked(item, self.owner, self.attribute))
        self.owner.track(self.attribute)

    append = _tracking(list.append)
    extend = _tracking(list.extend)
    insert = _tracking(list.insert)
    pop = _tracking(list.pop)
    remove = _tracking(list.remove)
    clear = _tracking(list.clear)
    reverse = _tracking(list.reverse)
    sort = _tracking(list.sort)
    __setitem__ = _tracking(list.__setitem__)
    __delitem__ = _tracking(list.__delitem__)
    __iadd__ = _tracking(list.__iadd__)
    __imul__ = _tracking(list.__imul__)

    def __deepcopy__(self, memo: dict[int, Any]) -> "TrackedList":
        copied = TrackedList((), None, self.attribute)
        memo[id(self)] = copied
        list.extend(copied, (deepcopy(item, memo) for item in self))
        copied.owner = deepcopy(self.owner, memo)
        return copied

    def __reduce__(self) -> Any:
        """Leave the owner, which holds this, out of what copies objects between processes."""
        return list, (list(self),)


class TrackedDict(dict[Any, Any]):
    """A dict that tells its owner when it changes.

    Args:
        items: what it holds.
        owner: the layer of which it is, or is in, an attribute.
        attribute: the attribute's name.
    """

    def __init__(self, items: Any, owner: Any, attribute: str) -> None:
        super().__init__({key: tracked(item, owner, attribute) for key, item in items.items()})
        self.owner, self.attribute = owner, attribute

    def tell(self) -> None:
        """Tell the owner, and see to it that a list which was put in tells it too."""
        for key, item in self.items():
            if type(item) in (list, dict):
                dict.__setitem__(self, key, tracked(item, self.owner, self.attribute))
        self.owner.track(self.attribute)

    pop = _tracking(dict.pop)
    popitem = _tracking(dict.popitem)
    clear = _tracking(dict.clear)
    update = _tracking(dict.update)
    setdefault = _tracking(dict.setdefault)
    __setitem__ = _tracking(dict.__setitem__)
    __delitem__ = _tracking(dict.__delitem__)
    __ior__ = _tracking(dict.__ior__)

    def __deepcopy__(self, memo: dict[int, Any]) -> "TrackedDict":
        copied = TrackedDict({}, None, self.attribute)
        memo[id(self)] = copied
        dict.update(copied, {key: deepcopy(item, memo) for key, item in self.items()})
        copied.owner = deepcopy(self.owner, memo)
        return copied

    def __reduce__(self) -> Any:
        """Leave the owner, which holds this, out of what copies objects between processes."""
        return dict, (dict(self),)


def tracked(value: Any, owner: Any, attribute: str) -> Any:
    """Return lists and dicts as such that tell their owner when they change, however nested."""
    if type(value) is list:
        return TrackedList(value, owner, attribute)
    if type(value) is dict:
        return TrackedDict(value, owner, attribute)
    if type(value) is tuple:
        return tuple(tracked(part, owner, attribute) for part in value)
    return value


def holds_modules_or_may(value: Any) -> bool:
    """Say whether there are modules in a list, tuple or dict, or room for some that come later."""
    if isinstance(value, tuple):
        return any(isinstance(part, nn.Module) or holds_modules_or_may(part) for part in value)
    if not isinstance(value, list | dict):
        return False
    parts = list(value.values()) if isinstance(value, dict) else value
    return not parts or any(
        isinstance(part, nn.Module) or holds_modules_or_may(part) for part in parts
    )
