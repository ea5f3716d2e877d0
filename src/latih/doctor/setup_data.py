"""What a treatment changed in a setup, as data: a run that goes on must change the same."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from latih import registry
from latih.doctor.setup import Setup
from latih.errors import FileFormatError


def difference(before: Setup, after: Setup) -> dict[str, Any]:
    """Return what is different in a setup, as data that JSON can hold.

    Args:
        before: a setup.
        after: another of the same model.

    Raises:
        InputError: what is new has no name that a file can hold.

    Example:
        >>> difference(Setup(None, {}, epochs=3), Setup(None, {}, epochs=5, loss="mse"))
        {'loss': 'mse', 'epochs': 5}
    """
    told: dict[str, Any] = {}
    for field in fields(Setup):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old is not new and old != new:
            told[field.name] = registry.serialize(new)
    return told


def changed(setup: Setup, told: Mapping[str, Any]) -> Setup:
    """Return a setup with what :func:`difference` told.

    Raises:
        FileFormatError: it is something else.
    """
    names = {field.name for field in fields(Setup)}
    values = dict(told)
    if not set(values) <= names:
        raise FileFormatError(
            "the treatment of the run cannot be read",
            expected=", ".join(sorted(names)),
            got=", ".join(sorted(set(values) - names)),
        )
    weights = values.get("class_weight")
    if isinstance(weights, Mapping):  # JSON makes text of class numbers
        values["class_weight"] = {int(label): weight for label, weight in weights.items()}
    return replace(setup, **values)
