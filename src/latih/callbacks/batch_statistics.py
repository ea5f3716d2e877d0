"""The statistics of batch normalisation for weights that no training step has seen."""

from typing import Any

import torch

from latih.data import ArrayBatches, as_array
from latih.engine import preflight
from latih.layers import BatchNormalization
from latih.layers.base import mode


def normalisations(model: Any) -> list[BatchNormalization]:
    """Return the layers of a model whose moving statistics follow the data."""
    return [
        layer
        for layer in model.modules()
        if isinstance(layer, BatchNormalization) and layer.trainable
    ]


def update_batch_statistics(model: Any, x: Any, batch_size: int = 32) -> None:
    """Estimate the moving statistics of batch normalisation anew, by one pass over data.

    Averaged weights have activations of their own, which the statistics of the weights that they
    are the mean of do not fit. The new ones are plain means over the batches, each counted by its
    length. The weights stay; frozen layers keep their statistics.

    Args:
        model: a built model; without batch normalisation nothing is done.
        x: the examples that it was trained on. They are shuffled, always in the same way: the
            variance within batches of a sorted set would be too small.
        batch_size: how many examples a batch takes, that of the training mostly.

    Raises:
        InputError: the examples do not fit the model.

    Example:
        >>> from latih.layers import BatchNormalization
        >>> layer = BatchNormalization()
        >>> layer.build((None, 1))
        >>> update_batch_statistics(layer, [[1.0], [3.0]])
        >>> layer.moving_mean.numpy(), layer.moving_variance.numpy().round(4)
        (array([2.], dtype=float32), array([1.], dtype=float32))

    Reference:
        Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima", algorithm 1, last line.
    """
    layers = normalisations(model)
    if not layers:
        return
    inputs = as_array(x, "x")
    preflight.check_inputs(getattr(model, "input_shape", None), inputs, model.name)
    device = layers[0].moving_mean.device
    batches = ArrayBatches(inputs, batch_size=batch_size, shuffle=True, device=device)
    momenta = [layer.momentum for layer in layers]
    seen = 0
    try:
        with mode(model, True), torch.no_grad():
            for batch in batches.epoch(0):
                for layer in layers:
                    layer.momentum = seen / (seen + batch.size)  # a mean that forgets nothing
                model(batch.inputs)
                seen += batch.size
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
