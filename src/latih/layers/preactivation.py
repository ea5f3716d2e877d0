"""What a layer gives before its activation."""

import torch

from latih import activations
from latih.layers.base import Layer


def preactivation(
    layer: Layer, inputs: torch.Tensor, weights: dict[str, torch.Tensor] | None = None
) -> torch.Tensor:
    """Return the outputs of a layer as if it had no activation: its weighted sums.

    Args:
        layer: a built layer.
        inputs: a batch.
        weights: what stands in, for this call, for weights of these names.

    Shapes:
        inputs: the layer's; returns: its outputs'.

    Example:
        >>> from latih.layers import Dense
        >>> layer = Dense(1, "relu", kernel_initializer="ones")
        >>> x = torch.tensor([[-2.0]])
        >>> layer(x).item(), preactivation(layer, x).item()
        (0.0, -2.0)
    """
    activation = getattr(layer, "activation", None)
    if activation is not None:
        layer.activation = activations.linear
    try:
        return torch.func.functional_call(layer, weights or {}, (inputs,))
    finally:
        if activation is not None:
            layer.activation = activation
