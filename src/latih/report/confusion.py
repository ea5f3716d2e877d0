"""The confusion matrix, made ready to be shown: shares, tints, and what is confused most."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latih.report.pictures import picture_address
from latih.report.words import write_share

# More columns than this do not fit a screen: a picture stands in for the table.
MOST_COLUMNS = 24
# And more than this make the page too heavy; the pairs confused most are told all the same.
MOST_POINTS = 512
MOST_PAIRS = 8
# The page's colours for right and wrong; the picture has only one set, which reads on both grounds.
RIGHT, WRONG = (44, 127, 184), (221, 110, 30)


@dataclass(frozen=True)
class Cell:
    """One count.

    Args:
        count: how many samples.
        share: of the row, that is of the samples truly in that class, in words.
        tint: how strongly to colour it, from 0 to 1.
    """

    count: int
    share: str
    tint: float


@dataclass(frozen=True)
class Row:
    """One true class.

    Args:
        name: of the class.
        cells: one for each predicted class.
        total: how many samples are truly in the class.
    """

    name: str
    cells: tuple[Cell, ...]
    total: int


@dataclass(frozen=True)
class Pair:
    """A true class and one that it is taken for."""

    true: str
    predicted: str
    count: int
    share: str


def confusion_rows(counts: Sequence[Sequence[int]], names: Sequence[str]) -> list[Row]:
    """Make the table's rows.

    Args:
        counts: rows true, columns predicted.
        names: of the classes.

    Returns:
        One row a class.
    """
    return [
        Row(
            name=name,
            cells=tuple(
                # The root lets small shares be seen: two in a hundred are worth a look.
                Cell(count, write_share(count / total, 1), round((count / total) ** 0.5, 3))
                if total
                else Cell(count, "", 0.0)
                for count in row
            ),
            total=total,
        )
        for name, row in zip(names, counts, strict=True)
        for total in [sum(row)]
    ]


def most_confused(counts: Sequence[Sequence[int]], names: Sequence[str]) -> list[Pair]:
    """Find the mistakes made most often, the most frequent first."""
    wrong = sorted(
        (-count, true, predicted)
        for true, row in enumerate(counts)
        for predicted, count in enumerate(row)
        if true != predicted and count
    )
    return [
        Pair(names[true], names[predicted], -count, write_share(-count / sum(counts[true]), 1))
        for count, true, predicted in wrong[:MOST_PAIRS]
    ]


def confusion_picture(counts: Sequence[Sequence[int]]) -> str:
    """Draw a matrix of many classes, a point a cell, opaque where the share is large.

    Args:
        counts: rows true, columns predicted.

    Returns:
        The picture's ``data:`` address; empty when the classes are too many for one.
    """
    if len(counts) > MOST_POINTS:
        return ""
    matrix = np.array(counts, dtype=float)
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, totals, out=np.zeros_like(matrix), where=totals > 0)
    pixels = np.empty((*matrix.shape, 4), dtype=np.uint8)
    pixels[..., :3] = WRONG
    diagonal = np.arange(len(matrix))
    pixels[diagonal, diagonal, :3] = RIGHT
    pixels[..., 3] = np.rint(np.sqrt(shares) * 255)
    return picture_address(pixels, largest_side=MOST_POINTS)
