"""The parts of a model that a step changes: weights, running statistics, optimizers."""

from collections.abc import Mapping
from typing import Any

import torch

from latih.errors import InputError
from latih.optimizers import Optimizer


def weights_of(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return every parameter and buffer by where it is; they are the model's own."""
    return {
        **{name: parameter.detach() for name, parameter in model.named_parameters()},
        **{name: buffer.detach() for name, buffer in model.named_buffers()},
    }


def load_weights(model: torch.nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    """Put every parameter and buffer to what :func:`weights_of` found.

    Raises:
        InputError: the model has others, or of other shapes: nothing is changed.
    """
    own = weights_of(model)
    wrong = [
        *(f"{name!r} is missing" for name in own if name not in weights),
        *(f"{name!r} is surplus" for name in weights if name not in own),
        *(
            f"{name!r} of shape {tuple(weights[name].shape)}, not {tuple(weight.shape)}"
            for name, weight in own.items()
            if name in weights and weights[name].shape != weight.shape
        ),
    ]
    if wrong:
        raise InputError(
            "the weights of the run do not fit the model",
            expected=f"the model's {len(own)} weights",
            got="; ".join(wrong[:10]) + (f"; and {len(wrong) - 10} more" if wrong[10:] else ""),
            fix="Build the model as it was when the run began.",
        )
    with torch.no_grad():
        for name, weight in own.items():
            weight.copy_(weights[name])


def optimizers_of(model: Any) -> dict[str, Optimizer]:
    """Return the optimizer that the model is compiled with, and those it keeps as attributes."""
    return {name: value for name, value in vars(model).items() if isinstance(value, Optimizer)}
