"""How well a trained model does on the rows held back, whatever its loss."""

from typing import Any

import numpy as np
from data import Array, Data


def score_of(model: Any, data: Data) -> float:
    """Return the accuracy, or for values the share of variance explained; NaN of neither.

    Args:
        model: trained.
        data: of which the rows held back are predicted, or those trained on if none are.
    """
    x, y = data.validation or (data.x, data.y)
    predicted = np.asarray(model.predict(x, verbose=0))
    predicted, y = predicted.reshape(len(predicted), -1), y.reshape(len(y), -1)
    if not np.isfinite(predicted).all():
        return float("nan")
    width = predicted.shape[1]
    if _are_classes(y, width):
        return float(_are_right(predicted, y).mean())
    if y.shape[1] != width:
        return float("nan")
    return _explained(predicted, y)


def balanced_score_of(model: Any, x: Array, y: Array) -> float:
    """Return the mean over the classes of the share that is right, or the variance explained.

    A net that calls everything the most frequent class is right about half of two classes by it,
    however rare the other is. What cannot be scored, and less than nothing, is 0.

    Args:
        model: trained.
        x: rows to predict.
        y: what they should be.
    """
    predicted = np.asarray(model.predict(x, verbose=0))
    predicted, y = predicted.reshape(len(predicted), -1), y.reshape(len(y), -1)
    width = predicted.shape[1]
    if not np.isfinite(predicted).all():
        return 0.0
    if not _are_classes(y, width):
        return max(0.0, _explained(predicted, y)) if y.shape[1] == width else 0.0
    right = _are_right(predicted, y)
    if right.ndim > 1 and right.shape[1] > 1:  # several labels an example
        return float(right.mean())
    labels = y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0]
    return float(np.mean([right.reshape(-1)[labels == kind].mean() for kind in np.unique(labels)]))


def _explained(predicted: Array, y: Array) -> float:
    rest = np.square(predicted - y).sum()
    return float(1 - rest / np.square(y - y.mean(axis=0)).sum())


def _are_classes(y: Array, width: int) -> bool:
    """Say whether these are class numbers, or zeros and ones."""
    is_whole = bool(np.array_equal(y, np.round(y)) and y.min() >= 0)
    return is_whole and y.max() < max(2, width) and y.shape[1] in (1, width)


def _are_right(predicted: Array, y: Array) -> Array:
    several = predicted.shape[1] > 1
    if several and y.shape[1] == 1:
        return predicted.argmax(axis=1) == y[:, 0]
    if several and (y.sum(axis=1) == 1).all():
        return predicted.argmax(axis=1) == y.argmax(axis=1)
    return (predicted > 0.5) == (y > 0.5)
