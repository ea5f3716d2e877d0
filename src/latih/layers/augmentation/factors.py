"""What a factor or a range means: two bounds."""

from typing import Any

from latih.arguments import number
from latih.errors import InputError


def factor_bounds(
    value: Any, argument: str, owner: str, *, least: float = -1.0, most: float = 1.0
) -> tuple[float, float]:
    """Return the bounds that a factor means: two numbers as they are, one to either side of 0.

    Args:
        value: a number, or two.
        argument: the argument's name.
        owner: whose it is.
        least: the smallest allowed, and the lower bound's floor when one number is given.
        most: the largest allowed.

    Raises:
        InputError: it is neither, or outside.

    Example:
        >>> factor_bounds(0.2, "factor", "RandomRotation"), factor_bounds(0.2, "factor",
        ...     "CutMix", least=0), factor_bounds((0.3, 0.1), "factor", "RandomRotation")
        ((-0.2, 0.2), (0, 0.2), (0.1, 0.3))
    """
    if isinstance(value, list | tuple):
        lower, upper = pair(value, argument, owner)
        for bound in (lower, upper):
            number(bound, argument, owner, least=least, most=most)
        return min(lower, upper), max(lower, upper)
    size = abs(number(value, argument, owner, least=least, most=most))
    return max(-size, least), size


def pair(value: Any, argument: str, owner: str) -> tuple[float, float]:
    """Return two numbers.

    Raises:
        InputError: there are not two, or they are no numbers.
    """
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise InputError(
            f"`{argument}` of {owner} cannot be used", expected="two numbers", got=repr(value)
        )
    return number(value[0], argument, owner), number(value[1], argument, owner)


def value_range_of(value: Any, owner: str) -> tuple[float, float]:
    """Return the darkest and the brightest value that an image can hold.

    Raises:
        InputError: they are not two numbers, the smaller first.
    """
    lower, upper = pair(value, "value_range", owner)
    if not lower < upper:
        raise InputError(
            f"`value_range` of {owner} cannot be used",
            expected="the smaller number first",
            got=repr(value),
        )
    return lower, upper
