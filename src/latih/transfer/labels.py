"""Classes as people hold them, numbered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latih.errors import InputError

MOST_CLASSES = 100_000
SHOWN = 5


@dataclass(frozen=True)
class Labels:
    """The class of each example, and what the classes are called.

    Args:
        numbers: from 0, one for each example: ``(n,)``.
        names: in the order of the numbers.
        were_rows: whether they were given as one-hot rows.
    """

    numbers: np.ndarray
    names: tuple[str, ...]
    were_rows: bool = False

    def one_hot(self) -> np.ndarray:
        """Return a row for each example: ``(n, classes)``."""
        return np.eye(len(self.names), dtype=np.float32)[self.numbers]

    def counts(self) -> np.ndarray:
        """Return how many examples each class has."""
        return np.bincount(self.numbers, minlength=len(self.names))


def read_labels(
    y: Any, names: Sequence[str] | None = None, argument: str = "y"
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return class numbers, and the classes' names.

    Args:
        y: class numbers from 0, names, or one-hot rows; one for each example.
        names: the classes that there are, if that is known already.
        argument: what the labels are called, for sentences.

    Raises:
        InputError: they are nothing of that kind, or name a class that is unknown.

    Example:
        >>> read_labels(["dog", "cat", "dog"])
        (array([1, 0, 1]), ('cat', 'dog'))
    """
    given = np.asarray(y)
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if given.ndim == 2:
        numbers = _of_rows(given, argument)
        count = given.shape[1]
    elif given.ndim == 1 and given.dtype.kind in "UO" and all(isinstance(v, str) for v in given):
        known = sorted(set(given.tolist())) if names is None else list(names)
        places = {name: place for place, name in enumerate(known)}
        unknown = sorted(set(given.tolist()) - set(places))
        if unknown:
            raise InputError(
                f"`{argument}` holds classes that are not known",
                expected=", ".join(map(repr, known[:SHOWN])),
                got=", ".join(map(repr, unknown[:SHOWN])),
            )
        return np.array([places[name] for name in given.tolist()], np.int64), tuple(known)
    else:
        numbers = _whole(given, argument)
        count = int(numbers.max(initial=-1)) + 1
    if names is not None:
        if count > len(names):
            raise InputError(
                f"`{argument}` holds classes that are not known",
                expected=f"0..{len(names) - 1}",
                got=f"up to {count - 1}",
            )
        return numbers, tuple(names)
    return numbers, tuple(map(str, range(count)))


def are_numbers(y: Any) -> bool:
    """Say whether classes are given by their numbers, which do not tell how many there are.

    Example:
        >>> are_numbers([[0], [2]]), are_numbers(["cat"]), are_numbers([[0, 1]])
        (True, False, False)
    """
    given = np.asarray(y)
    return given.dtype.kind in "biuf" and not are_rows(given)


def are_rows(y: Any) -> bool:
    """Say whether classes are given by rows, one column for each class.

    Example:
        >>> are_rows([[0, 1]]), are_rows([[0], [2]]), are_rows(["cat"])
        (True, False, False)
    """
    given = np.asarray(y)
    return given.ndim > 1 and given.shape[1:] != (1,)


def _of_rows(rows: np.ndarray, argument: str) -> np.ndarray:
    if rows.dtype.kind not in "biuf" or not np.isin(rows, (0, 1)).all() or (rows.sum(1) != 1).any():
        raise InputError(
            f"`{argument}` cannot be read as classes",
            expected="one-hot rows: a single 1 in each, zeros else",
            got=f"an array of shape {rows.shape} and type {rows.dtype}",
            fix="Give class numbers, such as [0, 2, 1].",
        )
    return rows.argmax(axis=1).astype(np.int64)


def _whole(given: np.ndarray, argument: str) -> np.ndarray:
    right = given.ndim == 1 and given.dtype.kind in "biuf"
    if right:
        right = bool(np.isfinite(given).all() and (given == np.floor(given)).all())
    if not right or (len(given) and not 0 <= given.min() <= given.max() < MOST_CLASSES):
        raise InputError(
            f"`{argument}` cannot be read as classes",
            expected="class numbers from 0, names, or one-hot rows, one for each example",
            got=f"an array of shape {given.shape} and type {given.dtype}",
        )
    return given.astype(np.int64)


def require_learnable(labels: Labels, least: int) -> None:
    """Refuse labels of a single class, or of a class with too few examples.

    Args:
        labels: those to train on.
        least: how many examples each class must have.

    Raises:
        InputError: there are such.
    """
    counts = labels.counts()
    present = int((counts > 0).sum())
    if present < 2:
        raise InputError(
            "there is nothing to tell apart",
            expected="examples of two classes or more",
            got=f"{present} class" if present else "no examples",
        )
    few = [
        f"{name!r} ({count})"
        for name, count in zip(labels.names, counts.tolist(), strict=True)
        if 0 < count < least
    ]
    if few:
        more = f" and {len(few) - SHOWN} more" if len(few) > SHOWN else ""
        raise InputError(
            "there are classes with too few examples to hold any back",
            expected=f"{least} or more of each",
            got=", ".join(few[:SHOWN]) + more,
            fix="Give more examples of them, leave them out, or give validation_data.",
        )
