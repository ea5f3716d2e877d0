"""A look at a model that leaves no trace."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from latih import random
from latih.layers import Layer
from latih.layers.autocast import Call, under_way
from latih.layers.base import mode
from latih.layers.seeds import load_seed_state, seed_state
from latih.metrics import Metric


@contextmanager
def undisturbed(model: nn.Module) -> Generator[None]:
    """Let the block call a model in inference mode, and put back whatever that changes.

    Modes, buffers, the sums of metrics that layers keep, penalties that they have added, and every
    random generator stand afterwards where they stood.

    Args:
        model: a model, or any module.

    Example:
        >>> from latih.layers import Dropout
        >>> layer = Dropout(0.5)
        >>> _ = layer.train()
        >>> with undisturbed(layer):
        ...     layer(torch.ones(3)), torch.rand(()) >= 0
        (tensor([1., 1., 1.]), tensor(True))
        >>> layer.training
        True
    """
    kept = [*_changed_by_calls(model), *_sums(model)]
    before = [tensor.detach().clone() for tensor in kept]
    seeds, drawn = seed_state(model), random.state_dict()
    token = under_way.set(Call([]))  # so that what layers add goes there
    try:
        with mode(model, False), torch.no_grad():
            yield
    finally:
        under_way.reset(token)
        with torch.no_grad():
            for tensor, values in zip(kept, before, strict=True):
                tensor.copy_(values)
        load_seed_state(model, seeds)
        random.load_state_dict(drawn)


def _changed_by_calls(model: nn.Module) -> Iterator[torch.Tensor]:
    yield from model.buffers()
    for layer in model.modules():
        if isinstance(layer, Layer):
            # A variable that was not made by add_weight() is a parameter whatever it says.
            known = {weight.attribute for weight in layer.own_weights()}
            for name, own in layer.named_parameters(recurse=False):
                if name not in known and not own.requires_grad:
                    yield own


def _sums(model: nn.Module) -> Iterator[torch.Tensor]:
    metrics: list[Metric] = model.metrics if isinstance(model, Layer) else []
    for metric in metrics:
        yield from metric.variables
