"""The layers of a net in their depth, from the inputs on, whatever models they are nested in."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch

from latih.arguments import whole
from latih.errors import InputError
from latih.layers.base import Layer


def in_depth(model: Layer) -> list[Layer]:
    """Return the layers that hold no others, or weights of their own, from the inputs on.

    Args:
        model: a model; those inside it are opened.

    Raises:
        InputError: it is neither a model nor a layer.

    Example:
        >>> from latih.layers import Dense, Dropout
        >>> from latih.models import Sequential
        >>> base = Sequential([Dense(3, input_shape=[2], name="low"), Dropout(0.5, name="drop")])
        >>> [layer.name for layer in in_depth(Sequential([base, Dense(1, name="head")]))]
        ['low', 'drop', 'head']
    """
    if not isinstance(model, Layer):
        raise InputError(
            "`model` cannot be used", expected="a model or a layer", got=f"a {type(model).__name__}"
        )
    return list({id(layer): layer for layer in _opened(model)}.values())


def _opened(layer: Layer) -> Iterator[Layer]:
    if layer.own_weights() or not layer.layers:
        yield layer
        return
    for inside in layer.layers:
        yield from _opened(inside)


def by_depth(model: Layer, count: int | None = None) -> list[list[Layer]]:
    """Divide the layers with weights into groups, from the inputs on; the head is the last group.

    What has no kernel, a batch normalisation say, stays with the layer before it.

    Args:
        model: a built model.
        count: how many groups at most, the head among them, >= 1; the others hold about as many
            kernels each. None for one a kernel.

    Raises:
        InputError: the model has no weights, or the count is none.

    Example:
        >>> from latih.layers import BatchNormalization, Dense
        >>> from latih.models import Sequential
        >>> model = Sequential([Dense(3, input_shape=[2], name="low"),
        ...                     BatchNormalization(name="norm"), Dense(1, name="head")])
        >>> [[layer.name for layer in group] for group in by_depth(model)]
        [['low', 'norm'], ['head']]
    """
    parts: list[list[Layer]] = []
    for layer in in_depth(model):
        weights: Sequence[torch.Tensor] = layer.weights
        if not weights:
            continue
        if not parts or any(weight.ndim > 1 for weight in weights):
            parts.append([])
        parts[-1].append(layer)
    if not parts:
        raise InputError(
            f"the layers of {model.name!r} cannot be divided",
            expected="a built model with weights",
            got="no weights",
        )
    if count is None or whole(count, "count", "groups", least=1) >= len(parts):
        return parts
    *base, head = parts
    if count == 1:
        return [[layer for part in parts for layer in part]]
    bounds = [round(len(base) * place / (count - 1)) for place in range(count)]
    return [
        *([layer for part in base[start:end] for layer in part] for start, end in pairwise(bounds)),
        head,
    ]
