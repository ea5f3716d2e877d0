"""Class numbers as one-hot rows."""

from typing import Any

import numpy as np

from latih.errors import InputError


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Return a row for each class number, one in its column and zeros else.

    Args:
        x: class numbers, counted from 0.
        num_classes: how many columns; by default as many as the largest number asks for.

    Shapes:
        x: ``(n,)`` or ``(n, 1)``; returns: ``(n, num_classes)``.

    Raises:
        InputError: a number is negative or too large.

    Example:
        >>> to_categorical([0, 2])
        array([[1., 0., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    labels = np.asarray(x).astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    classes = int(labels.max()) + 1 if num_classes is None else num_classes
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        raise InputError(
            "to_categorical() was given labels out of range",
            expected=f"0..{classes - 1}",
            got=f"{labels.min()}..{labels.max()}",
        )
    return np.eye(classes, dtype=np.float32)[labels]
