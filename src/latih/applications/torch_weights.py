"""Weights of PyTorch, put into a known network by their names and into any other model in order."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from latih import archive
from latih.applications.catalogue import APPLICATIONS
from latih.applications.torch_names import fill_by_names
from latih.layers import Layer


def load_torch_weights(
    model: Layer,
    source: str | os.PathLike[str] | Mapping[str, Any],
    *,
    order: Sequence[str] | None = None,
    flattened: str = "channels_first",
) -> None:
    """Fill a model with the weights of a PyTorch module of the same shape; all, or none is changed.

    Those of a network of :data:`~latih.applications.APPLICATIONS`, with its top or without, are
    matched by the names that torchvision, timm and others give them. Those of any other model are
    matched in order, layer by layer.

    Args:
        model: a built model.
        source: a ``.pt``, ``.pth`` or ``.safetensors`` file, or a ``state_dict()``.
        order: the names in the source in the order of the model's layers; without it a known
            network goes by names, and another model by the source's own order.
        flattened: how the module flattened images, ``"channels_first"`` or ``"channels_last"``.

    Raises:
        FileFormatError: the file is none of these, or its tensors do not fit the network.
        InputError: weights are missing, surplus, or of other shapes: the sentence names them.

    Example:
        >>> from torch import nn
        >>> from latih.models import Sequential
        >>> from latih.layers import Dense
        >>> module = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
        >>> model = Sequential([Dense(3, "relu", input_shape=[2]), Dense(1)])
        >>> load_torch_weights(model, module.state_dict())
    """
    names = next((one.names for one in APPLICATIONS if one.names.know(model)), None)
    if names is not None and order is None:
        told = "the state_dict" if isinstance(source, Mapping) else os.fspath(source)
        fill_by_names(model, archive.read_torch_tensors(source), names, told)
    else:
        archive.load_torch_weights(model, source, order=order, flattened=flattened)
