"""The parts of a model that a step changes: weights, running statistics, optimizers."""

from collections.abc import Mapping
from typing import Any

import torch

from latih.errors import InputError
from latih.layers import Layer
from latih.layers.kept import kept_by_layers
from latih.optimizers import Optimizer
from latih.tensors import map_shapes


def weights_of(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return every parameter and buffer by where it is; they are the model's own."""
    return {
        **{name: parameter.detach() for name, parameter in model.named_parameters()},
        **{name: buffer.detach() for name, buffer in model.named_buffers()},
    }


def shapes_of(model: torch.nn.Module) -> dict[str, Any]:
    """Return the shapes that the layers inside a model were built for, by where they are."""
    return {
        path: shape
        for path, layer in model.named_modules()
        if path and isinstance(layer, Layer) and layer.built and (shape := layer.get_build_config())
    }


def build_as(model: torch.nn.Module, shapes: Mapping[str, Any]) -> None:
    """Build the layers that a step of the user's own would build when it first calls them."""
    modules = dict(model.named_modules())
    for path, shape in shapes.items():
        layer = modules.get(path)
        if isinstance(layer, Layer) and not layer.built:
            layer.build(map_shapes(tuple, shape["input_shape"]))
            modules = dict(model.named_modules())  # it may have made layers inside it


def load_weights(model: torch.nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    """Put every parameter and buffer to what :func:`weights_of` found.

    Raises:
        InputError: the model has others, or of other shapes: nothing is changed.
    """
    require_fit(model, weights)
    with torch.no_grad():
        for name, weight in weights_of(model).items():
            weight.copy_(weights[name])


def require_fit(model: torch.nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    """Refuse weights that are not those of a model.

    Raises:
        InputError: the model has others, or of other shapes.
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


def optimizers_of(model: torch.nn.Module) -> dict[str, Optimizer]:
    """Return the optimizers that a model and the layers inside it keep, by where they are.

    Example:
        >>> from latih.models import Sequential
        >>> model = Sequential()
        >>> model.compile("sgd", "mse")
        >>> list(optimizers_of(model))
        ['optimizer']
    """
    return kept_by_layers(model, Optimizer)


def optimizer_states(model: torch.nn.Module) -> dict[str, Any]:
    """Return the state of each optimizer, with the names of the weights that it moves."""
    called = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        path: {
            **optimizer.state_dict(),
            "weights": None
            if optimizer.flat is None
            else [called.get(id(parameter)) for parameter in optimizer.flat.parameters],
        }
        for path, optimizer in optimizers_of(model).items()
    }


def load_optimizer_states(model: torch.nn.Module, states: Mapping[str, Any]) -> None:
    """Put each optimizer where :func:`optimizer_states` found it; one without a state stays.

    One that a step of the user's own calls has no weights before the first step: it takes those
    that it had.

    Raises:
        InputError: it is another optimizer, or the model does not have its weights.
    """
    weights = dict(model.named_parameters())
    for path, optimizer in optimizers_of(model).items():
        if path not in states:
            continue
        names = states[path]["weights"]
        if optimizer.flat is None and names is not None:
            missing = [name for name in names if name not in weights]
            if missing:
                raise InputError(
                    f"the optimizer {path!r} of the run moved weights that the model does not have",
                    expected=", ".join(weights)[:200] or "none",
                    got=", ".join(map(str, missing))[:200],
                    fix="Let the optimizer move weights of the model itself.",
                )
            optimizer.build([weights[name] for name in names])
        optimizer.load_state_dict(states[path])
