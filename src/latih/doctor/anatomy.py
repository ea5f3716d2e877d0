"""What a model is made of, as numbers: its layers before the first step."""

from typing import Any

import torch
from torch import nn

from latih.doctor import kinds
from latih.doctor.fact_records import LayerFacts
from latih.doctor.flow import Flow, Part, flow_of, names_of
from latih.regularizers import L1L2, L2

MOST_UNITS = 256
"""So many units of a layer are compared with each other."""

MOST_INPUTS = 1024
"""So many of the numbers of each: who is alike in these is alike."""

MOST_WEIGHTS = 1 << 20
"""So many numbers of a kernel say how widely they are spread."""

LEAST_COSINE = 0.999
MOST_DIFFERENCE = 1e-3


def layers_of(model: nn.Module, inputs: Any = None) -> tuple[LayerFacts, ...]:
    """Return what is known of each layer that multiplies, bends, normalises or drops.

    Args:
        model: a built model, or any module; it is left as it was.
        inputs: a few examples as the model takes them, by which it is known who is called after
            whom. Without them zeros of the model's input shape are taken, and where that is not
            known the modules are taken for called in the order in which they were made.

    Returns:
        The layers in the order in which they are called, those inside layers too.

    Example:
        >>> from latih.layers import Dense
        >>> layers = layers_of(nn.Sequential(Dense(4, "relu"), Dense(1)), torch.zeros(2, 3))
        >>> [(layer.activation, layer.fan_in, layer.is_output) for layer in layers]
        [('relu', 3, False), (None, 4, True)]
    """
    given = _zeros(model) if inputs is None else inputs
    flow = in_order_of_making(model) if given is None else flow_of(model, given)
    return facts_of_parts(model, flow)


def facts_of_parts(model: nn.Module, flow: Flow) -> tuple[LayerFacts, ...]:
    """Return what is known of the layers that a batch went through.

    Args:
        model: the model.
        flow: which way it went.
    """
    trained: Any = getattr(model, "trainable_weights", None)
    if trained is None:
        trained = [weight for weight in model.parameters() if weight.requires_grad]
    may_change = {id(weight) for weight in trained}
    return tuple(_facts(part, may_change) for part in flow.parts)


def in_order_of_making(model: nn.Module) -> Flow:
    """Return the parts of a model through which no batch can be sent, as they were made."""
    told = [module for module in model.modules() if _is_told(module)]
    names = names_of(model, told)
    parts: list[Part] = []
    for name, module, following in zip(names, told, [*told[1:], None], strict=True):
        activation = kinds.activation_of(module)
        if activation is None and following is not None and kinds.kernel_of(following) is None:
            activation = kinds.activation_of(following)
        parts.append(Part(name, module, activation, following is None))
    return Flow(tuple(parts))


def _is_told(module: nn.Module) -> bool:
    return (
        kinds.kernel_of(module) is not None
        or kinds.activation_of(module) is not None
        or kinds.is_normalization(module)
        or kinds.class_of(module) in kinds.DROPOUTS
    )


def _zeros(model: nn.Module) -> torch.Tensor | None:
    """Return an example that the model takes, if it takes one tensor and that is known."""
    shape: Any = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or not all(size is None or type(size) is int for size in shape):
        return None
    device = next((weight.device for weight in model.parameters()), None)
    return torch.zeros([2 if size is None else size for size in shape], device=device)


def _facts(part: Part, may_change: set[int]) -> LayerFacts:
    module = part.module
    own = list(module.parameters())
    weights = sum(weight.numel() for weight in own if id(weight) in may_change)
    told: dict[str, Any] = {}
    kernel = kinds.kernel_of(module)
    if kernel is not None:
        told["kernel_deviation"] = deviation(kernel.weight.detach())
        told["decay"] = _decay(getattr(kernel.weight, "regularizer", None))
        if not kernel.is_table:
            told["fan_in"] = kernel.units.shape[1]
            told["identical_units"] = identical_units(kernel.units)
    return LayerFacts(
        name=part.name,
        kind=type(module).__name__,
        activation=part.activation,
        initializer=kinds.initializer_of(module),
        weights=weights,
        frozen=sum(weight.numel() for weight in own) - weights,
        dropout=kinds.dropout_of(module),
        is_output=part.is_output,
        is_normalization=kinds.is_normalization(module),
        **told,
    )


def _decay(regularizer: Any) -> float:
    return float(regularizer.l2) if isinstance(regularizer, L2 | L1L2) else 0.0


def deviation(weight: torch.Tensor) -> float:
    """Return the standard deviation of a weight's numbers, of very many by some of them."""
    flat = weight.reshape(-1)
    some = flat[:: -(-len(flat) // MOST_WEIGHTS)]
    return some.float().std(correction=0).item()


def identical_units(units: torch.Tensor) -> float:
    """Return the share of units that are equal to another one, or zero.

    Such units get the same gradient for ever, and a layer of them is one unit wide.

    Shapes:
        units: ``(units, fan_in)``.

    Example:
        >>> identical_units(torch.ones(4, 3)), identical_units(torch.eye(3))
        (1.0, 0.0)
    """
    rows, columns = units.shape
    some = units[:: -(-rows // MOST_UNITS), :: -(-columns // MOST_INPUTS)].float()
    lengths = some.norm(dim=1)
    directions = some / lengths.clamp(min=torch.finfo(torch.float32).tiny)[:, None]
    near = (lengths[:, None] - lengths).abs() <= MOST_DIFFERENCE * lengths
    alike = (directions @ directions.T > LEAST_COSINE) & near
    alike.fill_diagonal_(False)
    return (alike.any(dim=1) | (lengths == 0)).float().mean().item()
