"""Loops and choices that Keras's code spells as functions; here Python does them.

Example:
    >>> fori_loop(0, 3, lambda step, total: total + step, 0)
    3
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from latih.ops.conversion import convert_to_tensor


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """Return what one of two functions gives."""
    return true_fn() if pred else false_fn()


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Return what one of several functions gives; a place outside means the nearest."""
    place = min(max(int(convert_to_tensor(index)), 0), len(branches) - 1)
    return branches[place](*operands)


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    maximum_iterations: int | None = None,
) -> Any:
    """Do something to values again and again while a condition on them holds.

    Args:
        cond: says of the values whether to go on.
        body: returns the next values.
        loop_vars: the first ones, or the only one.
        maximum_iterations: how often at most; None for without end.
    """
    several = isinstance(loop_vars, list | tuple)
    values = tuple(loop_vars) if several else (loop_vars,)
    rounds = 0
    while (maximum_iterations is None or rounds < maximum_iterations) and cond(*values):
        found = body(*values)
        values = tuple(found) if isinstance(found, list | tuple) else (found,)
        rounds += 1
    return values if several else values[0]


def fori_loop(lower: int, upper: int, body_fun: Callable[[int, Any], Any], init_val: Any) -> Any:
    """Return what becomes of a value under ``body_fun(i, value)`` for each ``i`` in a range."""
    value = init_val
    for step in range(int(lower), int(upper)):
        value = body_fun(step, value)
    return value


def map(f: Callable[[Any], torch.Tensor], xs: Any) -> torch.Tensor:
    """Return what a function gives for each part of the first axis, stacked."""
    return torch.stack([convert_to_tensor(f(x)) for x in convert_to_tensor(xs)])


def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """Return what a function gives for each part of the first axis, in one go."""
    return torch.vmap(function)(elements)
