"""Layers behind which no gradient comes: what they take has a history, what they give has none."""

from collections.abc import Collection
from typing import Any

import torch

from latih import random
from latih.doctor.undisturbed import Untouched
from latih.layers import Layer
from latih.structures import flatten


def severing_layers(model: Any, inputs: Any) -> Collection[str]:
    """Return the names of the layers without weights that cut what comes before them off the loss.

    Such a one calls ``detach()``, or leaves torch, as for NumPy, and comes back.

    Args:
        model: a built model; it is left as it was.
        inputs: a few rows, as the model takes them.

    Example:
        >>> from latih.layers import Dense, Input
        >>> from latih.models import Sequential
        >>> class Cut(Layer):
        ...     def call(self, inputs):
        ...         return inputs.detach()
        >>> model = Sequential([Input([2]), Dense(3), Cut(name="cut"), Dense(1)])
        >>> severing_layers(model, torch.ones(4, 2))
        ['cut']
    """
    found: dict[str, None] = {}

    def listen(layer: Layer, args: Any, kwargs: Any, outputs: Any) -> None:
        takes = any(map(_has_history, flatten([*args, *kwargs.values()])))
        if takes and not any(map(_has_history, flatten(outputs))):
            found[layer.name] = None

    layers = [one for one in model.modules() if isinstance(one, Layer) and not one.weights]
    handles = [one.register_forward_hook(listen, with_kwargs=True) for one in layers]
    try:
        with random.drawing_from(random.state_dict()), Untouched(model).kept(training=True):
            with torch.enable_grad():
                model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return list(found)


def _has_history(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad
