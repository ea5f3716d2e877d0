"""A model that becomes another one: what was tried on copies, put in the place of the given one."""

from typing import Any


def adopt(given: Any, made: Any) -> None:
    """Let a model have the layers, weights, optimizer and compilation of another of its class.

    Whoever holds the model holds what helped; layers that he took from it before are no part of it
    any more.

    Args:
        given: the model.
        made: one of the same class, which nobody uses any more: from now on it is the given one.

    Example:
        >>> from latih.layers import Dense, Input
        >>> from latih.models import Sequential
        >>> model, other = (Sequential([Input([2]), Dense(units)]) for units in (3, 5))
        >>> adopt(model, other)
        >>> model.output_shape
        (None, 5)
    """
    history = given.history
    vars(given).update(vars(made))
    given.history = history
    given.recorded = type(given.recorded)()  # steps that were recorded for the other
