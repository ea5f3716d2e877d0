"""Examples held back from training."""

from typing import Any

from latih.arguments import number
from latih.errors import InputError
from latih.structures import flatten, map_structure


def split_last(fraction: float, *arrays: Any) -> tuple[list[Any], list[Any]]:
    """Part the last rows from the others, before any shuffling, as Keras does.

    Args:
        fraction: the part to hold back, 0 < fraction < 1.
        arrays: the arrays to part alike, or lists and dicts of them; None stays None.

    Returns:
        The first parts and the last parts.

    Raises:
        InputError: the fraction leaves nothing on one side.

    Example:
        >>> import torch
        >>> first, last = split_last(0.25, torch.arange(8), {"age": torch.arange(8)})
        >>> first[0].tolist(), last[1]["age"].tolist()
        ([0, 1, 2, 3, 4, 5], [6, 7])
    """
    length = next(len(array) for array in flatten(arrays) if array is not None)
    number(fraction, "validation_split", "fit()", above=0, below=1)
    at = int(length * (1.0 - fraction))
    if at in (0, length):
        raise InputError(
            "`validation_split` leaves nothing on one side",
            expected="at least one example to train on and one to hold back",
            got=f"{at} and {length - at} of {length}",
            fix="Change the fraction, or give validation_data.",
        )
    parts = list(arrays)
    first = map_structure(lambda array: None if array is None else array[:at], parts)
    last = map_structure(lambda array: None if array is None else array[at:], parts)
    return first, last
