"""Lists, tuples and dicts of tensors, nested: what several inputs and outputs come as."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
import torch

T = TypeVar("T")


def is_nested(structure: Any) -> bool:
    """Say whether something is a list, tuple or dict of others, and not a leaf."""
    return isinstance(structure, list | tuple | dict)


def flatten(structure: Any) -> list[Any]:
    """Return the leaves of lists, tuples and dicts; a dict's in the order of its sorted keys.

    The order is Keras's, so that the same structure always gives the same list. None is a leaf.

    Example:
        >>> flatten({"b": 1, "a": [2, (3, None)]})
        [2, 3, None, 1]
        >>> flatten(4)
        [4]
    """
    if not is_nested(structure):
        return [structure]  # what most models take and give, asked at each step
    return [leaf for _, leaf in named_leaves(structure, "")]


def map_structure(function: Callable[[Any], Any], structure: Any) -> Any:
    """Return the same structure with a function of each leaf, called in the order of flatten().

    Example:
        >>> map_structure(lambda leaf: leaf * 10, {"b": 1, "a": [2, (3,)]})
        {'b': 10, 'a': [20, (30,)]}
    """
    if isinstance(structure, dict):
        mapped = {key: map_structure(function, structure[key]) for key in _ordered(structure)}
        return {key: mapped[key] for key in structure}
    if isinstance(structure, list):
        return [map_structure(function, part) for part in structure]
    if isinstance(structure, tuple):
        parts = [map_structure(function, part) for part in structure]
        # A named tuple takes its fields one by one.
        return type(structure)(*parts) if hasattr(structure, "_fields") else tuple(parts)
    return function(structure)


def unflatten(structure: Any, leaves: list[Any]) -> Any:
    """Return the same structure with other leaves, given in the order of flatten().

    Example:
        >>> unflatten({"b": 0, "a": [0, 0]}, [1, 2, 3])
        {'b': 3, 'a': [1, 2]}
    """
    rest = iter(leaves)
    return map_structure(lambda _: next(rest), structure)


def named_leaves(structure: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield each leaf with the way to it, as one writes it: for sentences.

    Example:
        >>> list(named_leaves({"b": 1, "a": [2, 3]}, "x"))
        [("x['a'][0]", 2), ("x['a'][1]", 3), ("x['b']", 1)]
    """
    if isinstance(structure, dict):
        for key in _ordered(structure):
            yield from named_leaves(structure[key], f"{name}[{key!r}]")
    elif isinstance(structure, list | tuple):
        for index, part in enumerate(structure):
            yield from named_leaves(part, f"{name}[{index}]")
    else:
        yield name, structure


def only_one_or_all(parts: list[Any]) -> Any:
    """Return what a list of one holds, or the list: what is named is then named as it was given.

    Example:
        >>> only_one_or_all([1]), only_one_or_all([1, 2])
        (1, [1, 2])
    """
    return parts[0] if len(parts) == 1 else parts


def _ordered(structure: dict[Any, Any]) -> list[Any]:
    try:
        return sorted(structure)
    except TypeError:  # keys of several kinds have no order but that of insertion
        return list(structure)


def inside(value: Any, kind: type[T]) -> Iterator[T]:
    """Yield the objects of a kind in lists, tuples and mappings, in the order of their coming.

    Example:
        >>> list(inside([1, {"b": 2, "a": (3, "x")}], int))
        [1, 2, 3]
    """
    if isinstance(value, kind):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from inside(part, kind)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from inside(part, kind)


def is_same(one: Any, other: Any) -> bool:
    """Say whether two structures hold the same numbers, to the bit, in the same places.

    Example:
        >>> is_same({"a": [torch.ones(2), 1]}, {"a": [torch.ones(2), 1]}), is_same([1], [2])
        (True, False)
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        alike = (one.dtype, one.shape) == (other.dtype, other.shape)
        return alike and torch.equal(_bytes_of(one), _bytes_of(other))
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        alike = (one.dtype, one.shape) == (other.dtype, other.shape)
        return alike and one.tobytes() == other.tobytes()
    if type(one) is not type(other):
        return False
    is_nan = one != one and other != other
    return bool(is_nan or one == other)


def _bytes_of(tensor: torch.Tensor) -> torch.Tensor:
    # A NaN is no number's equal, and some types know no comparison.
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
