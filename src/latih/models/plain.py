"""Any object as data that two processes give alike: what a run was asked for is kept as such."""

import hashlib
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import torch

from latih.data.fingerprint import fingerprint
from latih.errors import InputError
from latih.registry import Configured, constructor_arguments, serialize

OF_NO_MATTER = ("name", "seed", "trainable")
"""What a config says that is made automatically, comes from the snapshot, or is told elsewhere."""

LONGEST_LIST = 256
"""Longer lists of numbers in a config, such as the values of an initializer, are hashed."""


def plain(value: Any) -> Any:
    """Return any value of a config as data that JSON gives back as they were.

    What cannot be told is told by its class, or, if it is a function, by its name.

    Example:
        >>> plain([1, 2.5, float("inf"), {3: lambda x: x}])
        [1, 2.5, 'inf', {'3': '<lambda>'}]
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, Configured) and not isinstance(value, type):
        return described(value)
    if isinstance(value, Mapping):
        if "class_name" in value and "config" in value:
            if value["class_name"] == "DTypePolicy":  # its name is what it is
                return plain(value["config"]["name"])
            return _told(value["class_name"], value["config"])
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        parts = [plain(part) for part in value]
        return parts if len(parts) <= LONGEST_LIST else _hashed(parts)
    if isinstance(value, set | frozenset):
        return sorted(str(plain(part)) for part in value)
    if isinstance(value, np.generic):
        return plain(value.item()) if value.dtype.kind in "biu" else plain(_number(value))
    if isinstance(value, np.ndarray | torch.Tensor):
        return _array(value)
    if callable(value):
        with suppress(InputError):
            return plain(serialize(value))
    # Not the module: the script that is run is called otherwise when it is imported.
    return str(getattr(value, "__qualname__", type(value).__qualname__)).split(".")[-1]


def described(thing: Configured) -> dict[str, Any]:
    """Return the class and the arguments of an object, as far as they can be told."""
    try:
        config = thing.get_config()
    except Exception:  # the user's own may raise anything; a lambda among the arguments does
        return by_attributes(thing)
    return _told(thing.keras_identity()["class_name"], config)


def by_attributes(thing: Configured) -> dict[str, Any]:
    """Return the same, each argument being read off the attribute of its name, if there is one."""
    config: dict[str, Any] = {}
    with suppress(AttributeError, InputError):  # it is no layer
        config.update(thing.base_config())  # type: ignore[attr-defined]
    for name in constructor_arguments(type(thing)):
        if name not in thing.not_described:
            with suppress(Exception):  # it may be a property that needs more than there is
                config[name] = getattr(thing, name)
    return _told(thing.keras_identity()["class_name"], config)


def _told(class_name: Any, config: Any) -> dict[str, Any]:
    if isinstance(config, Mapping):
        config = {str(k): plain(v) for k, v in config.items() if k not in OF_NO_MATTER}
    return {"class_name": str(class_name), "config": plain(config)}


def _number(value: Any) -> float | str:
    return float(value) if value.dtype.kind == "f" else str(value)


def _array(value: np.ndarray | torch.Tensor) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biuf":  # words, for example
            return plain(value.tolist())
        # A copy: torch warns of arrays that may not be written.
        value = torch.from_numpy(np.array(value, value.dtype.newbyteorder("=")))
    return fingerprint(value) if value.ndim else plain(value.item())


def _hashed(parts: list[Any]) -> dict[str, Any]:
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return {"length": len(parts), "sha256": digest}
