"""How far a net has gone from what it knew."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from latih.callbacks import Callback
from latih.layers import Layer
from latih.layers.depth import in_depth
from latih.models import Model


def kernels_of(model: Layer) -> dict[str, list[torch.Tensor]]:
    """Return copies of the weights of every layer that gradients may change, by its name.

    Layers of different models may have one name: the second is ``"name (2)"`` then, and so on.
    """
    found: dict[str, list[torch.Tensor]] = {}
    met: Counter[str] = Counter()
    for layer in in_depth(model):
        weights = [
            layer.kept_weight(weight.attribute).detach().clone()
            for weight in layer.own_weights()
            if weight.trainable
        ]
        if weights:
            met[layer.name] += 1
            count = met[layer.name]
            found[layer.name if count == 1 else f"{layer.name} ({count})"] = weights
    return found


def drift(
    before: Mapping[str, Sequence[torch.Tensor]], after: Mapping[str, Sequence[torch.Tensor]]
) -> dict[str, float]:
    """Return ``‖θ - θ₀‖ / ‖θ₀‖`` of each layer that there was before.

    A base that was fine-tuned moves by a few hundredths; far more says that the rate was too high
    and what the layer knew is lost.

    Args:
        before: the weights by the names of their layers.
        after: the same, later.

    Example:
        >>> drift({"low": [torch.tensor([3.0, 4.0])]}, {"low": [torch.tensor([3.0, 5.0])]})
        {'low': 0.2}
    """
    found: dict[str, float] = {}
    for name, old in before.items():
        size = sum(float(one.square().sum()) for one in old) ** 0.5
        moved = zip(after[name], old, strict=True)
        way = sum(float((new - one).square().sum()) for new, one in moved) ** 0.5
        found[name] = round(way / size, 6) if size else 0.0
    return found


class DriftWatch(Callback):
    """Measures how far a base has gone when training ends, whatever weights are kept then.

    Args:
        base: what is below the head, and is trained within another model.

    Example:
        >>> from latih.models import Sequential
        >>> DriftWatch(Sequential()).drift
        {}
    """

    def __init__(self, base: Model) -> None:
        super().__init__()
        self.base = base
        self.drift: dict[str, float] = {}
        # As it is before training, one that goes on too.
        self._knew = kernels_of(base)

    def on_train_end(self, logs: Any = None) -> None:
        """Compare."""
        self.drift = drift(self._knew, kernels_of(self.base))
