"""What a run's evaluation on the test set says, checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latih.report.checks import (
    damaged,
    finite_or_none,
    is_measure,
    require_count,
    require_list,
    require_table,
)
from latih.report.words import clean, write_value

MOST_MISTAKES = 12
MOST_FOLDS = 100
CHOICE = ("probe", "kept")
"""What scores may be told of where something was chosen, before and after."""


@dataclass(frozen=True)
class Mistake:
    """One sample that the model got wrong.

    Args:
        index: which sample of the test set.
        name: what it is called, such as its file; None for one without a name.
        true: the number of its class.
        predicted: the number of the class that the model gave.
        confidence: the probability it gave to that class; None when it was not a number.
        image: uint8, (height, width) grey or (height, width, 3); None for a row of a table.
    """

    index: int
    name: str | None
    true: int
    predicted: int
    confidence: float | None
    image: NDArray[np.uint8] | None


@dataclass(frozen=True)
class Evaluation:
    """The test scores, the confusion matrix and the most confident mistakes.

    Args:
        scores: loss and metrics; None for one that was not a number.
        confusion: counts, rows true and columns predicted; empty when the run has none.
        mistakes: the most confident first, at most twelve.
        folds: the scores of each part that a net of its own was judged on; empty where one net was
            judged, on one part.
        choice: what was chosen between, on other examples: the scores of a frozen ``"probe"``, and
            of what was ``"kept"``; empty where nothing was.
    """

    scores: Mapping[str, float | None]
    confusion: tuple[tuple[int, ...], ...]
    mistakes: tuple[Mistake, ...]
    folds: tuple[Mapping[str, float | None], ...] = ()
    choice: Mapping[str, Mapping[str, float | None]] = field(
        default_factory=dict[str, Mapping[str, float | None]]
    )


def check_evaluation(content: object, file: Path) -> Evaluation:
    """Check what ``evaluation.json`` held.

    Args:
        content: the file's content as JSON gave it.
        file: its path, for the error's sentence.

    Returns:
        The evaluation; empty parts where the file has none.

    Raises:
        FileFormatError: a part is there and is not what it should be.
    """
    table = require_table(content, file, "the whole")
    folds = require_list(table.get("folds"), file, "'folds'")
    choice = require_table(table.get("choice"), file, "'choice'")
    mistakes = [
        _check_mistake(item, file, f"mistake {place}")
        for place, item in enumerate(require_list(table.get("mistakes"), file, "'mistakes'"))
    ]
    mistakes.sort(key=lambda mistake: -(mistake.confidence or 0.0))
    return Evaluation(
        scores=_check_scores(table.get("scores"), file, "'scores'"),
        confusion=_check_confusion(table.get("confusion"), file),
        mistakes=tuple(mistakes[:MOST_MISTAKES]),
        folds=tuple(
            _check_scores(one, file, f"fold {place}")
            for place, one in enumerate(folds[:MOST_FOLDS])
        ),
        choice={
            name: _check_scores(choice[name], file, f"the choice {name!r}")
            for name in CHOICE
            if name in choice
        },
    )


def _check_scores(value: object, file: Path, where: str) -> dict[str, float | None]:
    scores: dict[str, float | None] = {}
    for name, score in require_table(value, file, where).items():
        if not is_measure(score):
            raise damaged(
                file, f"the score {clean(name)!r}", expected="a number", got=write_value(score)
            )
        scores[clean(name)] = finite_or_none(score)
    return scores


def _check_confusion(value: object, file: Path) -> tuple[tuple[int, ...], ...]:
    rows = require_list(value, file, "the confusion matrix")
    checked: list[tuple[int, ...]] = []
    for place, row in enumerate(rows):
        where = f"row {place} of the confusion matrix"
        counts = require_list(row, file, where)
        if len(counts) != len(rows):
            raise damaged(
                file, where, expected=f"{len(rows)} counts, one a class", got=str(len(counts))
            )
        checked.append(tuple(require_count(count, file, where) for count in counts))
    return tuple(checked)


def _check_mistake(value: object, file: Path, where: str) -> Mistake:
    table = require_table(value, file, where)
    confidence = table.get("confidence")
    if not is_measure(confidence):
        raise damaged(
            file,
            f"the confidence of {where}",
            expected="a number from 0 to 1",
            got=write_value(confidence),
        )
    confidence = finite_or_none(confidence)
    # A softmax in single precision may end a rounding error above one.
    if confidence is not None and not 0 <= confidence <= 1.001:
        raise damaged(
            file,
            f"the confidence of {where}",
            expected="a number from 0 to 1",
            got=write_value(confidence),
        )
    name = table.get("name")
    if not isinstance(name, str | None):
        raise damaged(file, f"the name of {where}", expected="a string", got=write_value(name))
    return Mistake(
        index=require_count(table.get("index"), file, f"the index of {where}"),
        name=None if name is None else clean(name),
        true=require_count(table.get("true"), file, f"the true class of {where}"),
        predicted=require_count(table.get("predicted"), file, f"the predicted class of {where}"),
        confidence=None if confidence is None else min(confidence, 1.0),
        image=_check_image(table.get("image"), file, f"the image of {where}"),
    )


def _check_image(value: Any, file: Path, where: str) -> NDArray[np.uint8] | None:
    if value is None:
        return None
    expected = "rows of equal length of whole numbers from 0 to 255"
    try:
        pixels = np.array(value)
    except (ValueError, OverflowError, RecursionError) as error:
        raise damaged(file, where, expected=expected, got=str(error)) from error
    shaped = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if not shaped or pixels.size == 0 or pixels.dtype.kind not in "iu":
        kind = f"an array of shape {pixels.shape} and type {pixels.dtype}"
        raise damaged(file, where, expected=expected, got=kind)
    if pixels.min() < 0 or pixels.max() > 255:
        raise damaged(
            file, where, expected=expected, got=f"values from {pixels.min()} to {pixels.max()}"
        )
    return pixels.astype(np.uint8)
