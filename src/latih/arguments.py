"""Arguments that users give, refused by their names when they cannot be used."""

import math
from collections.abc import Sequence
from typing import Any

from latih.errors import InputError


def number(
    value: Any,
    argument: str,
    owner: str,
    *,
    least: float = -math.inf,
    most: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
) -> float:
    """Return a finite number within its bounds.

    Args:
        value: what was given; a NumPy or torch scalar will do.
        argument: the argument's name.
        owner: whose it is, a class's name mostly.
        least: the smallest allowed.
        most: the largest allowed.
        above: it must be larger than this.
        below: it must be smaller than this.

    Raises:
        InputError: it is no number, is not finite, or lies outside.

    Example:
        >>> number(1.5, "rate", "Dropout", least=0, most=1)
        Traceback (most recent call last):
        ...
        latih.errors.InputError: `rate` of Dropout cannot be used: expected a number, >= 0 and
        <= 1, got 1.5.
    """
    found = math.nan
    if not isinstance(value, bool | str | bytes):
        try:
            found = float(value)
        except (TypeError, ValueError, RuntimeError):
            found = math.nan
    if math.isfinite(found) and least <= found <= most and above < found < below:
        return found
    bounds = [
        f"{sign} {bound:g}"
        for sign, bound in ((">=", least), (">", above), ("<=", most), ("<", below))
        if math.isfinite(bound)
    ]
    raise InputError(
        f"`{argument}` of {owner} cannot be used",
        expected=", ".join(["a number", " and ".join(bounds)]) if bounds else "a finite number",
        got=repr(value),
    )


def whole(value: Any, argument: str, owner: str, *, least: int | None = None) -> int:
    """Return a whole number that is not too small; a float such as 3.0 is whole.

    Raises:
        InputError: it is no whole number, or too small.

    Example:
        >>> whole(3.0, "units", "Dense", least=1)
        3
    """
    found: int | None = None
    if not isinstance(value, bool | str | bytes):
        try:
            if int(value) == value:
                found = int(value)
        except (TypeError, ValueError, OverflowError, RuntimeError):
            found = None
    if found is not None and (least is None or found >= least):
        return found
    raise InputError(
        f"`{argument}` of {owner} cannot be used",
        expected="a whole number" + ("" if least is None else f" >= {least}"),
        got=repr(value),
    )


def one_of(value: Any, argument: str, owner: str, choices: Sequence[Any]) -> Any:
    """Return a value that is one of the choices.

    Raises:
        InputError: it is none of them.

    Example:
        >>> one_of("min", "mode", "EarlyStopping", ["auto", "min", "max"])
        'min'
    """
    for choice in choices:
        if type(value) is type(choice) and value == choice:
            return value
    raise InputError(
        f"`{argument}` of {owner} cannot be used",
        expected=f"one of {', '.join(repr(choice) for choice in choices)}",
        got=repr(value),
    )
