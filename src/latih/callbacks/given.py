"""Callbacks as people give them."""

from typing import Any

from latih.engine.events import Callback
from latih.errors import InputError


def listed(callbacks: Any) -> list[Callback]:
    """Return callbacks as a list, however they are given: several, one alone, or none.

    Raises:
        InputError: something is no callback.

    Example:
        >>> listed(None), len(listed(Callback()))
        ([], 1)
    """
    given: list[Any] = [callbacks] if isinstance(callbacks, Callback) else list(callbacks or ())
    for callback in given:
        if isinstance(callback, type) and issubclass(callback, Callback):
            raise InputError(
                "`callbacks` holds a class and not an object of it",
                expected=f"{callback.__name__}(...)",
                got=callback.__name__,
                fix=f"Write {callback.__name__}() with what it needs.",
            )
        if not isinstance(callback, Callback):
            raise InputError(
                "`callbacks` holds what is no callback",
                expected="objects of latih.callbacks, or of a class derived from Callback",
                got=repr(callback),
                fix="For plain functions use LambdaCallback(on_epoch_end=...).",
            )
    return given
