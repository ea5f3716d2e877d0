"""What an optimizer takes as its learning rate: a number, a schedule or a function."""

from collections.abc import Callable, Mapping
from typing import Any

from latih.arguments import number
from latih.errors import UnknownNameError
from latih.optimizers.schedules import SCHEDULES, LearningRateSchedule

Rate = float | LearningRateSchedule | Callable[[], Any]


def read(rate: Any, owner: object) -> Rate:
    """Return the rate that a user or a file gave, as an optimizer keeps it.

    Args:
        rate: a number, a schedule, data or a name of one, or a function without arguments.
        owner: the optimizer, for the error's sentence.

    Raises:
        InputError: it is none of these, or a number that is negative or not finite.

    Example:
        >>> read(1, object())
        1.0
    """
    if isinstance(rate, str):
        rate = _named(rate)
    elif isinstance(rate, Mapping):
        rate = SCHEDULES.deserialize(rate)
    if isinstance(rate, LearningRateSchedule):
        return rate
    if callable(rate) and not hasattr(rate, "item"):
        function: Callable[[], Any] = rate
        return function
    return number(rate, "learning_rate", type(owner).__name__, least=0)


def after(rate: Rate, steps: int) -> float:
    """Return the rate of the next update as a number.

    Example:
        >>> after(lambda: 0.5, steps=3)
        0.5
    """
    if isinstance(rate, float):
        return rate
    if isinstance(rate, LearningRateSchedule):
        return float(rate(steps))
    return float(rate())  # pyright: ignore[reportCallIssue] - an int is callable to no one


def _named(name: str) -> Any:
    # A function is written to a file by its name, and found again if it was registered.
    try:
        found = SCHEDULES.find(name)
    except UnknownNameError:
        return name
    return name if isinstance(found, type) else found
