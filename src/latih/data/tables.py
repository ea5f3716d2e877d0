"""Frames and series of pandas and polars, as numbers. Neither is imported: their faces will do."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from latih.errors import InputError

# The faces: both kinds of frame and series have `to_numpy`; pandas' frame yields its columns by
# `items`, polars' by `iter_columns`. What is missing is told by `isna` or by `is_null`.


def is_table(value: Any) -> bool:
    """Say whether a value is a frame or a series, or a lazy frame that is to become one."""
    # The class is asked: a lazy frame would work out its columns to answer.
    face = type(value)
    return hasattr(face, "to_numpy") or (hasattr(face, "collect") and hasattr(face, "columns"))


def as_numbers(table: Any, argument: str) -> np.ndarray:
    """Return the numbers of a frame or series, without a copy if it holds them as one array.

    Columns of several kinds meet in the one that holds them all, as NumPy's rules say; truths
    count as 0 and 1, and categories that are numbers as these numbers.

    Args:
        table: a frame or a series.
        argument: how the user calls it, for the error's sentence.

    Shapes:
        returns: ``(rows, columns)``, or ``(rows,)`` for a series.

    Raises:
        InputError: a column holds text, categories, dates or objects, or values are missing.
    """
    if not hasattr(table, "to_numpy"):
        raise InputError(
            f"`{argument}` is a lazy frame",
            expected="rows",
            got=f"a {type(table).__name__}",
            fix="Give it as .collect().",
        )
    whole = _array(table)
    if whole.shape[1:] == (0,):
        raise InputError(f"`{argument}` is a frame without columns", expected="at least one")
    if whole.dtype.kind == "f" and np.isnan(whole).any():
        raise _missing(table, argument)
    if whole.dtype.kind in "biuf":
        return whole
    # What no one array of numbers holds may still be numbers, column by column: a float beside a
    # truth, a nullable integer.
    columns = [_numbers_of(name, column, table, argument) for name, column in _columns(table)]
    return np.column_stack(columns) if hasattr(table, "columns") else columns[0]


def _numbers_of(name: Any, column: Any, table: Any, argument: str) -> np.ndarray:
    array = _array(column)
    if _count_missing(column, array):
        raise _missing(table, argument)
    if array.dtype.kind in "biufc":
        return array
    where = f"`{argument}` holds {{}}" + ("" if name is None else f" in the column {name!r}")
    example = repr(array[0]) if len(array) else str(array.dtype)
    if str(getattr(column, "dtype", "")).lower().startswith(("categor", "enum")):
        raise InputError(
            where.format("categories"),
            expected="numbers",
            got=example,
            fix="Give their codes to an Embedding, or a column of 0 and 1 for each category.",
        )
    if array.dtype.kind in "mM":
        raise InputError(
            where.format("dates or times"),
            expected="numbers",
            got=example,
            fix="Give what matters of them as numbers: the hour, the weekday, days since a date.",
        )
    if array.dtype.kind in "UST" or (len(array) and isinstance(array[0], str | bytes)):
        raise InputError(
            where.format("text"),
            expected="numbers",
            got=example,
            fix="Encode it as numbers first, or leave the column out.",
        )
    raise InputError(
        where.format("objects"),
        expected="numbers",
        got=f"{example}, a {type(array[0]).__name__}" if len(array) else example,
        fix="Cast the column to floats first, as by .astype(float) or .cast(float).",
    )


def _missing(table: Any, argument: str) -> InputError:
    counts = {name: _count_missing(column, _array(column)) for name, column in _columns(table)}
    told = [f"{count} missing in the column {name!r}" for name, count in counts.items() if count]
    shown = ", ".join(told[:5]) + (f", and in {len(told) - 5} more" if len(told) > 5 else "")
    return InputError(
        f"`{argument}` holds missing values",
        expected="a number in each cell",
        got=f"{shown}, of {len(table)} rows",
        fix="Fill them, for example with the column's median, or drop these rows.",
    )


def _count_missing(column: Any, array: np.ndarray) -> int:
    if array.dtype.kind == "f":  # a missing number has become NaN
        return int(np.isnan(array).sum())
    told = getattr(column, "isna", None) or getattr(column, "is_null", None)
    return 0 if told is None else int(np.asarray(told()).sum())


def _columns(table: Any) -> Iterator[tuple[Any, Any]]:
    if not hasattr(table, "columns"):
        return iter([(getattr(table, "name", None), table)])
    if hasattr(table, "items"):
        return iter(table.items())
    return ((column.name, column) for column in table.iter_columns())


def _array(table: Any) -> np.ndarray:
    try:
        return np.asarray(table)
    except (TypeError, ValueError):  # no one kind holds what the columns hold
        return np.asarray(table, dtype=object)
