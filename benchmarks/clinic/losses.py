"""The losses of published cases: Keras's by name, and the wrong ones that somebody wrote."""

from typing import Any

import torch
from words import UnknownWord, plain

from latih import losses
from latih.errors import LatihError

LEAST = 1e-32
"""What the authors of the published programs clip probabilities to."""


def cross_entropy_on_clipped_outputs(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """``-Σ y log(clip(output, 1e-32, 1))``: whatever the output is, as if it were probabilities."""
    return -(y_true * y_pred.clamp(LEAST, 1.0).log()).sum(dim=-1)


def unclipped_cross_entropy(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """``-Σ y log(output)``, which is infinite at 0 and NaN below."""
    return -(y_true * y_pred.log()).sum(dim=-1)


def ascended(function: Any) -> Any:
    """Return a loss of the same value whose gradients have the other sign."""

    def loss(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        value = function(y_true, y_pred)
        return 2 * value.detach() - value

    loss.__name__ = getattr(function, "__name__", "loss")
    return loss


_OWN = {
    "crossentropyonclippedoutputs": lambda: cross_entropy_on_clipped_outputs,
    "logofclippedrawscores": lambda: cross_entropy_on_clipped_outputs,
    "crossentropy": lambda: cross_entropy_on_clipped_outputs,
    "unclippedcrossentropy": lambda: unclipped_cross_entropy,
    "logofoutputs": lambda: unclipped_cross_entropy,
    "softmaxcewithlogitsonprobabilities": lambda: losses.CategoricalCrossentropy(from_logits=True),
    "softmaxcrossentropywithlogits": lambda: losses.CategoricalCrossentropy(from_logits=True),
    "categoricalcrossentropyfromlogits": lambda: losses.CategoricalCrossentropy(from_logits=True),
    "sparsecategoricalcrossentropyfromlogits": lambda: losses.SparseCategoricalCrossentropy(
        from_logits=True
    ),
    "crossentropyloss": lambda: losses.SparseCategoricalCrossentropy(from_logits=True),
    "binarycrossentropyfromlogits": lambda: losses.BinaryCrossentropy(from_logits=True),
    "bcewithlogits": lambda: losses.BinaryCrossentropy(from_logits=True),
    "msesum": lambda: losses.MeanSquaredError(reduction="sum"),
    "maesum": lambda: losses.MeanAbsoluteError(reduction="sum"),
    "categoricalcrossentropysum": lambda: losses.CategoricalCrossentropy(reduction="sum"),
    "binarycrossentropysum": lambda: losses.BinaryCrossentropy(reduction="sum"),
    "bce": lambda: losses.BinaryCrossentropy(),
    "rmse": lambda: losses.MeanSquaredError(),
    "l2": lambda: losses.MeanSquaredError(),
    "l1": lambda: losses.MeanAbsoluteError(),
    "nll": lambda: cross_entropy_on_clipped_outputs,
}


def loss_of(word: Any) -> Any:
    """Return the loss that a word means.

    Args:
        word: Keras's name, or one of those that published cases say.
    """
    name = plain(word)
    if name in _OWN:
        return _OWN[name]()
    try:
        return losses.get(str(word))
    except (LatihError, ValueError):
        pass
    for known in losses.LOSSES.functions:
        if plain(getattr(known, "__name__", known)) == name:
            return losses.get(getattr(known, "__name__", known))
    raise UnknownWord(f"loss {word!r}")
