"""What a run writes down of how well its net names what it was not trained on."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

MISTAKES_SHOWN = 12

SHOWN_SIZE = 64
"""How high and wide the pictures of mistakes on the page are at most."""


def evaluation_of_classes(
    scores: Mapping[str, float],
    confusion: np.ndarray,
    x: np.ndarray,
    true: np.ndarray,
    probabilities: np.ndarray,
    names: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return the scores, the confusion, and the mistakes that a net was surest of.

    Args:
        scores: by their names.
        confusion: counts, rows true and columns predicted.
        x: the examples; pictures are shown.
        true: their classes.
        probabilities: what the net gave for them.
        names: what each example is called, such as its file.
    """
    return {
        "scores": dict(scores),
        "confusion": confusion.tolist(),
        "mistakes": _mistakes(x, true, probabilities, names),
    }


def _mistakes(
    x: np.ndarray, true: np.ndarray, probabilities: np.ndarray, names: Sequence[str] | None
) -> list[dict[str, Any]]:
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != true)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES_SHOWN]
    shown: list[dict[str, Any]] = []
    for index in worst.tolist():
        mistake: dict[str, Any] = {
            "index": index,
            "true": int(true[index]),
            "predicted": int(predicted[index]),
            "confidence": float(confidence[index]),
        }
        if names is not None:
            mistake["name"] = names[index]
        if x.dtype == np.uint8 and x.ndim >= 3:
            step = -(-x.shape[1] // SHOWN_SIZE)
            mistake["image"] = x[index, ::step, ::step].tolist()
        shown.append(mistake)
    return shown
