"""What a model's inputs and outputs are called, and data put in their order."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from latih.data.arrays import as_array, as_arrays, is_list_of_arrays
from latih.errors import InputError
from latih.models.graph import of_rank
from latih.structures import flatten
from latih.symbolic import SymbolicTensor
from latih.tensors import Shape, map_shapes


def output_names(model: Any) -> list[str]:
    """Return what the outputs of a built model are called.

    A dict's outputs go by their keys, a graph's by the layers that make them, others by number.
    """
    shapes = model.output_shape
    if isinstance(shapes, Mapping):
        return sorted(shapes)
    outputs = model.outputs if model.is_symbolic else []
    flat = flat_shapes(shapes)
    if len(outputs) == len(flat):
        names = [tensor.node.layer.name for tensor in outputs]
    else:
        names = [f"output_{number}" for number in range(len(flat))]
    return [n if names.count(n) == 1 else f"{n}_{i}" for i, n in enumerate(names)]


def flat_shapes(shapes: Any) -> list[Shape]:
    """Return the shapes in a list or dict of them, in their order.

    Example:
        >>> flat_shapes({"b": (None, 2), "a": (None, 3)})
        [(None, 3), (None, 2)]
    """
    found: list[Shape] = []
    if isinstance(shapes, Mapping):
        shapes = [shapes[key] for key in sorted(shapes)]
    map_shapes(found.append, shapes)
    return found


def as_model_takes(
    model: Any, value: Any, argument: str, read: Callable[[Any, str], torch.Tensor] = as_array
) -> Any:
    """Return examples as the model's ``call`` takes them.

    Args:
        model: the model.
        value: an array; for several inputs a list of arrays, or a dict of them by name.
        argument: what the user calls it, such as ``"x"``.
        read: what makes each a tensor.

    Raises:
        InputError: there are more or fewer than the model has inputs, or others.
    """
    if not model.is_symbolic:  # a subclass says in its call() what it takes
        return as_arrays(value, argument, read)
    structure = model.input
    by_key = isinstance(structure, dict)
    tensors: list[SymbolicTensor] = flatten(structure)
    names = sorted(structure) if by_key else [tensor.name for tensor in tensors]
    if isinstance(value, dict):
        if not set(names) <= set(value):  # what no input is called is left, as in Keras
            raise _misfit(argument, names, ", ".join(map(repr, value)))
        parts = [read(value[name], f"{argument}[{name!r}]") for name in names]
    elif len(names) > 1:
        if not isinstance(value, list | tuple) or len(value) != len(names):
            several = isinstance(value, list | tuple)
            raise _misfit(
                argument, names, str(len(value)) if several else f"a {type(value).__name__}"
            )
        parts = [read(part, f"{argument}[{place}]") for place, part in enumerate(value)]
    else:
        # A list of one array may be the examples of one input, or one example.
        alone = is_list_of_arrays(value) and len(value) == 1
        if alone and len(value[0].shape) == len(tensors[0].shape):
            value = value[0]
        parts = [read(value, argument)]
    parts = [of_rank(part, t.shape) for part, t in zip(parts, tensors, strict=True)]
    if by_key:
        return dict(zip(names, parts, strict=True))
    return parts if len(parts) > 1 else parts[0]


def _misfit(argument: str, names: Sequence[str], got: str) -> InputError:
    told = ", ".join(map(repr, names))
    return InputError(
        f"`{argument}` does not fit the inputs of the model",
        expected=f"a list of {len(names)} arrays, or a dict with {told}"
        if len(names) > 1
        else f"an array, or a dict with {told}",
        got=got,
        fix="Give them in the order of the model's inputs, or by their names.",
    )
