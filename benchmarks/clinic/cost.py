"""How long a training takes, guessed from its numbers: the same guess on every machine.

A cap on the epochs that was measured would be another each time, and the run with it.
"""

import math
from typing import Any

STEP = 6e-4
"""Seconds that a step has beside its arithmetic."""

LAYER = 1.2e-4
"""Seconds that each layer adds to a step."""

OPERATIONS = 5e10
"""Additions and multiplications a second on one thread."""


def multiplications(model: Any) -> float:
    """Return how many multiplications one example takes on its way forward."""
    total = 0.0
    for layer in model.layers:
        kernel = getattr(layer, "kernel", None)
        if kernel is None:
            continue
        places = 1
        if len(kernel.shape) > 2:
            places = math.prod(layer.output.shape[1:-1])
        total += math.prod(kernel.shape) * places
    return total


def seconds_an_epoch(model: Any, examples: int, batch_size: int) -> float:
    """Return the guess: forward, backward to the inputs and to the weights are alike."""
    steps = math.ceil(examples / batch_size)
    arithmetic = 6 * multiplications(model) * examples / OPERATIONS
    return steps * (STEP + LAYER * len(model.layers)) + arithmetic


def capped(model: Any, examples: int, batch_size: int, epochs: int, seconds: float) -> int:
    """Return as many epochs as the time allows, at least one and at most as many as planned."""
    return max(1, min(epochs, int(seconds / seconds_an_epoch(model, examples, batch_size))))
