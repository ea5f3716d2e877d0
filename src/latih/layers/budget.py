"""How much a description may ask for: what a few bytes say must not take all the memory.

A file is read inside :func:`weight_budget`, which knows how many numbers the file holds. Outside
of it a description comes from the user, who may have whatever the machine has.
"""

import math
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from latih.errors import FileFormatError, InputError

LARGEST_NUMBER_OF_LAYERS = 5_000
LARGEST_NUMBER_OF_CALLS = 5_000
LARGEST_PROBE = 2**24
BYTES_OF_A_NUMBER = 4


@dataclass
class _Budget:
    """What is left of what a file may ask for."""

    numbers: int
    layers: int
    calls: int


_budget: ContextVar[_Budget | None] = ContextVar("what a file may still ask for", default=None)


@contextmanager
def weight_budget(numbers: int) -> Generator[None]:
    """Let the layers inside the block hold so many numbers in all, and refuse more.

    What a file describes is built inside such a block: a few bytes of it may ask for terabytes.

    Args:
        numbers: how many numbers the file can fill.
    """
    token = _budget.set(_Budget(numbers, LARGEST_NUMBER_OF_LAYERS, LARGEST_NUMBER_OF_CALLS))
    try:
        yield
    finally:
        _budget.reset(token)


def spend(shape: Sequence[int], attribute: str, layer: str) -> None:
    """Take a weight from the budget before it is made; without one, from the machine's memory.

    Args:
        shape: the weight's.
        attribute: what the weight is called, for the error's sentence.
        layer: the layer's name, for the error's sentence.

    Raises:
        FileFormatError: the file holds fewer numbers than it asks for.
        InputError: the weight alone is larger than the memory of this machine.

    Example:
        >>> with weight_budget(10):
        ...     spend((5, 3), "kernel", "dense")
        Traceback (most recent call last):
        ...
        latih.errors.FileFormatError: the file describes more weights than it holds, the last
        `kernel` of 'dense': expected a weight in the file for each that is described, got at least
        5 numbers too many. The file is damaged or hostile; save the model again.
    """
    numbers = math.prod(max(size, 0) for size in shape)  # less than nothing must not add to it
    budget = _budget.get()
    if budget is None:
        _refuse_beyond_memory(numbers, f"`{attribute}` of {layer!r}")
        return
    budget.numbers -= numbers
    if budget.numbers < 0:
        raise FileFormatError(
            f"the file describes more weights than it holds, the last `{attribute}` of {layer!r}",
            expected="a weight in the file for each that is described",
            got=f"at least {-budget.numbers} numbers too many",
            fix="The file is damaged or hostile; save the model again.",
        )


def admit_layer(name: str) -> None:
    """Count a layer that is made; one of a file may be one too many.

    Raises:
        FileFormatError: the file describes more layers than any net has.
    """
    budget = _budget.get()
    if budget is None:
        return
    budget.layers -= 1
    if budget.layers < 0:
        raise FileFormatError(
            f"the file describes too many layers, the last {name!r}",
            expected=f"at most {LARGEST_NUMBER_OF_LAYERS}",
            got="more",
            fix="The file is damaged or hostile; save the model again.",
        )


def admit_call(name: str) -> None:
    """Count a call of a graph; one of a file may be one too many.

    Raises:
        FileFormatError: the file describes more calls than any net has.
    """
    budget = _budget.get()
    if budget is None:
        return
    budget.calls -= 1
    if budget.calls < 0:
        raise FileFormatError(
            f"the file describes too many calls of layers, the last of {name!r}",
            expected=f"at most {LARGEST_NUMBER_OF_CALLS}",
            got="more",
            fix="The file is damaged or hostile; save the model again.",
        )


def allow_probe(shape: Sequence[int], layer: str) -> None:
    """Refuse examples of zeros that would be too large to be tried on a layer.

    Args:
        shape: the examples'.
        layer: the layer's name, for the error's sentence.

    Raises:
        FileFormatError: a file asks for inputs so large that to try them takes all the memory.
        InputError: they are larger than the memory of this machine.
    """
    numbers = math.prod(shape)
    if _budget.get() is None:
        _refuse_beyond_memory(numbers, f"the inputs of {layer!r}")
    elif numbers > LARGEST_PROBE:
        raise FileFormatError(
            f"the file describes inputs of {layer!r} that are too large to be tried",
            expected=f"at most {LARGEST_PROBE} numbers in two examples",
            got=f"shape {tuple(shape)}",
            fix="Define compute_output_shape() in the layer.",
        )


def _refuse_beyond_memory(numbers: int, what: str) -> None:
    if numbers * BYTES_OF_A_NUMBER <= _MEMORY:
        return
    raise InputError(
        f"{what} cannot be made",
        expected=f"at most the {_MEMORY / 2**30:.0f} GiB of memory that this machine has",
        got=f"{numbers} numbers",
        fix="Check the sizes that the layer was given.",
    )


def _memory() -> float:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not to be had on every system
        return math.inf


_MEMORY = _memory()
