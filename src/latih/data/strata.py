"""Examples parted so that every part has each class in its proportion."""

import numpy as np

from latih.arguments import number, whole
from latih.errors import InputError


def stratified_folds(classes: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return the fold of each example: every class is spread over the folds as evenly as can be.

    Args:
        classes: the class of each example.
        count: how many folds, >= 2.
        seed: what the folds follow from.

    Shapes:
        classes: ``(n,)``; returns: ``(n,)``, numbers from 0 to ``count - 1``.

    Raises:
        InputError: there are fewer examples than folds.

    Example:
        >>> stratified_folds(np.array([0, 0, 1, 1]), 2, seed=1).reshape(2, 2).sum(axis=1)
        array([1, 1])
    """
    whole(count, "folds", "a cross-validation", least=2)
    if len(classes) < count:
        raise InputError(
            "there are fewer examples than folds", expected=f">= {count}", got=str(len(classes))
        )
    dice = np.random.default_rng(seed)
    folds = np.zeros(len(classes), np.int64)
    start = 0
    for one in np.unique(classes):
        rows = dice.permutation(np.flatnonzero(classes == one))
        # Where one class ends the next begins, so that no fold gets all the odd ones.
        folds[rows] = (start + np.arange(len(rows))) % count
        start = (start + len(rows)) % count
    return folds


def stratified_split(
    classes: np.ndarray, fraction: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to keep and those to hold back, each in order.

    Of a class with two examples or more, at least one is on either side.

    Args:
        classes: the class of each example.
        fraction: the part to hold back, 0 < fraction < 1.
        seed: what the split follows from.

    Shapes:
        classes: ``(n,)``.

    Example:
        >>> kept, held = stratified_split(np.array([0, 0, 0, 0, 1, 1]), 0.25, seed=1)
        >>> len(kept), len(held)
        (4, 2)
    """
    number(fraction, "fraction", "a split", above=0, below=1)
    dice = np.random.default_rng(seed)
    kept, held = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for one in np.unique(classes):
        rows = dice.permutation(np.flatnonzero(classes == one))
        count = min(max(1, round(fraction * len(rows))), len(rows) - 1)
        held.append(rows[:count])
        kept.append(rows[count:])
    return np.sort(np.concatenate(kept)), np.sort(np.concatenate(held))
