"""ImageNet's thousand classes: what a network that was trained on them says, in words."""

from functools import cache
from pathlib import Path
from typing import Any

from latih.arguments import whole
from latih.errors import InputError
from latih.tensors import as_tensor

_NAMES = Path(__file__).parent / "imagenet_names" / "classes.txt"

Prediction = tuple[str, str, float]
"""A class's number in WordNet, its name, and how probable it is."""


@cache
def class_names() -> tuple[tuple[str, str], ...]:
    """Return each class's number in WordNet and its name, in the order of the networks' outputs.

    Example:
        >>> class_names()[285]
        ('n02124075', 'Egyptian_cat')
    """
    lines = _NAMES.read_text(encoding="utf-8").splitlines()
    return tuple((number, name) for number, name in (line.split() for line in lines))


def decode_predictions(preds: Any, top: int = 5) -> list[list[Prediction]]:
    """Say in words what a network with ImageNet's classes predicts, as Keras does.

    Args:
        preds: what ``predict`` gave, probabilities or logits.
        top: how many classes of each example are told, the most probable first.

    Shapes:
        preds: ``(n, 1000)``.

    Returns:
        For each example ``[(number in WordNet, name, score), ...]``.

    Raises:
        InputError: there are not a thousand classes.

    Example:
        >>> import torch
        >>> decode_predictions(torch.eye(1000)[[285]], top=1)
        [[('n02124075', 'Egyptian_cat', 1.0)]]
    """
    scores = as_tensor(preds).detach().cpu()
    names = class_names()
    if scores.ndim != 2 or scores.shape[1] != len(names):
        raise InputError(
            "decode_predictions() cannot take these predictions",
            expected=f"shape (n, {len(names)}): what a network with ImageNet's top predicts",
            got=f"shape {tuple(scores.shape)}",
            fix="For one example alone write preds[None]; other classes have other names.",
        )
    best = scores.topk(min(whole(top, "top", "decode_predictions()", least=1), len(names)))
    return [
        [(*names[place], score) for place, score in zip(places, values, strict=True)]
        for places, values in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]
