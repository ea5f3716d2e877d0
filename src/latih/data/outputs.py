"""What is given for each output of a model, as a list in the order of the outputs."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from latih.data.arrays import as_array, is_list_of_arrays
from latih.errors import InputError, near_matches
from latih.structures import flatten


def for_each_output(given: Any, argument: str, names: Sequence[str] | None) -> list[Any]:
    """Return what is given for each output, untouched.

    Args:
        given: one array; a list of arrays, one for each output; or a dict of them by the outputs'
            names.
        argument: how the user calls it.
        names: what the model calls its outputs, in their order; None where that is not known yet: a
            dict is then taken in the order of its sorted keys, as Keras does.

    Returns:
        A list of one for one array. Where a dict has no entry for an output there is None.

    Raises:
        InputError: there are more or fewer than outputs, or a name is no output's.

    Example:
        >>> for_each_output({"b": 1, "a": 2}, "y", names=["b", "a"])
        [1, 2]
        >>> for_each_output({"b": 1, "a": 2}, "y", names=None)
        [2, 1]
    """
    if isinstance(given, dict):
        if names is None:
            return flatten(given)
        for key in given:
            if key not in names:
                raise InputError(
                    f"`{argument}` names an output that the model does not have",
                    expected=" or ".join(repr(name) for name in names),
                    got=repr(key),
                    fix=near_matches(str(key), names),
                )
        return [given.get(name) for name in names]
    listed = is_list_of_arrays(given)
    if isinstance(given, list | tuple) and any(part is None for part in given):
        listed = True  # of weights, with None for an output that has none
    # To a model of one output a list of arrays is the list of its examples.
    if not listed or (names is not None and len(names) == 1 != len(given)):
        return [given]
    arrays = flatten(given)
    if names is not None and len(arrays) != len(names):
        raise InputError(
            f"`{argument}` does not fit the outputs of the model",
            expected=f"{len(names)} arrays, for {', '.join(repr(name) for name in names)}",
            got=str(len(arrays)),
        )
    return arrays


def targets_as_list(
    given: Any,
    argument: str,
    names: Sequence[str] | None = None,
    needed: Sequence[bool] | None = None,
    read: Callable[[Any, str], torch.Tensor] = as_array,
) -> list[torch.Tensor | None]:
    """Return the targets of each output, as the losses take them.

    Args:
        given: an array, or a list or dict of arrays; None for no targets.
        argument: how the user calls it.
        names: what the model calls its outputs, in their order, if that is known.
        needed: which of them are compared with targets, by default all; a list may leave the
            others out.
        read: what makes each a tensor.

    Returns:
        A tensor or None for each output: whole numbers as int64, by which torch indexes, others as
        float32. None at all where nothing is given and no names are known.

    Raises:
        InputError: one cannot be used, or is missing.

    Example:
        >>> targets_as_list([[0], [1]], "y")
        [tensor([[0], [1]])]
    """
    if given is None:
        return [None] * len(names or ())
    arrays = _with_gaps(given, argument, names, needed)
    if names is not None and len(arrays) != len(names):
        raise InputError(
            f"`{argument}` does not fit the outputs of the model",
            expected=f"a list of {len(names)} arrays, or a dict with {', '.join(map(repr, names))}",
            got="one array",
        )
    for place, array in enumerate(arrays):
        if array is None and (needed is None or needed[place]):
            missing = place if names is None else names[place]
            raise InputError(
                f"`{argument}` has no targets for the output {missing!r}",
                expected="targets for each output that has a loss or a metric",
            )
    labels = [argument] if len(arrays) == 1 else [f"{argument}[{i}]" for i in range(len(arrays))]
    tensors = [
        None if array is None else read(array, label)
        for array, label in zip(arrays, labels, strict=True)
    ]
    return [t if t is None else t.float() if t.is_floating_point() else t.long() for t in tensors]


def _with_gaps(
    given: Any, argument: str, names: Sequence[str] | None, needed: Sequence[bool] | None
) -> list[Any]:
    """Return what is given for each output; a list may hold those alone that are needed."""
    if names is not None and needed is not None and not isinstance(given, dict):
        compared = [name for name, is_needed in zip(names, needed, strict=True) if is_needed]
        listed = is_list_of_arrays(given)
        if (len(given) if listed else 1) == len(compared) < len(names):
            rest = iter(for_each_output(given, argument, compared) if listed else [given])
            return [next(rest) if is_needed else None for is_needed in needed]
    return for_each_output(given, argument, names)
