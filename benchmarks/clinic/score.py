"""How well a trained model does on the rows held back, whatever its loss."""

from typing import Any

import numpy as np
from data import Data


def score_of(model: Any, data: Data) -> float:
    """Return the accuracy, or for values the share of variance explained.

    Args:
        model: trained.
        data: of which the rows held back are predicted, or those trained on if none are.
    """
    validation = data.validation or (data.x, data.y)
    x, y = validation
    predicted = np.asarray(model.predict(x, verbose=0))
    if not np.isfinite(predicted).all():
        return float("nan")
    y = y.reshape(len(y), -1)
    if np.array_equal(y, np.round(y)) and y.min() >= 0 and y.max() < max(2, predicted.shape[-1]):
        if y.shape[1] == predicted.shape[-1]:
            several = y.shape[1] > 1 and np.all(y.sum(axis=1) == 1)
            if several:
                return float((predicted.argmax(axis=1) == y.argmax(axis=1)).mean())
            return float(((predicted > 0.5) == (y > 0.5)).mean())
        return float((predicted.argmax(axis=1) == y[:, 0]).mean())
    rest = np.square(predicted.reshape(y.shape) - y).sum()
    return float(1 - rest / np.square(y - y.mean(axis=0)).sum())
