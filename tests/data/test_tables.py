"""Frames and series of pandas and polars are the numbers that they hold, or get a sentence."""

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas
import polars
import pytest
import torch

from latih.data import as_array
from latih.errors import InputError

COLUMNS: dict[str, dict[str, Any]] = {
    "floats": {"a": [0.5, 1.5], "b": [2.5, 3.5]},
    "whole numbers": {"a": [1, 2], "b": [3, 4]},
    "both": {"a": [1, 2], "b": [0.5, 1.5]},
    "a truth beside a float": {"a": [True, False], "b": [0.5, 1.5]},
    "truths": {"a": [True, False], "b": [False, False]},
    "float32": {"a": np.array([1, 2], "float32"), "b": np.array([3, 4], "float32")},
    "bytes": {"a": np.array([1, 255], "uint8"), "b": np.array([3, 4], "uint8")},
    "one column": {"a": [1.0, 2.0]},
}


@pytest.mark.parametrize("make", [pandas.DataFrame, polars.DataFrame])
@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS)
def test_a_frame_is_its_columns_side_by_side(make: Any, columns: dict[str, Any]) -> None:
    tensor = as_array(make(columns), "x")
    wanted = np.column_stack([np.asarray(column) for column in columns.values()])
    np.testing.assert_array_equal(tensor.numpy(), wanted)
    assert tensor.dtype == (
        torch.float32 if wanted.dtype.kind == "f" else torch.from_numpy(wanted).dtype
    )


@pytest.mark.parametrize("make", [pandas.Series, polars.Series])
@pytest.mark.parametrize("values", [[1.5, 2.5], [1, 2], [True, False]])
def test_a_series_is_its_values(make: Any, values: list[Any]) -> None:
    tensor = as_array(make(values), "y")
    assert tensor.tolist() == values and tensor.shape == (2,)


def test_an_index_is_taken() -> None:
    assert as_array(pandas.Index([3, 4]), "y").tolist() == [3, 4]


SPECIAL: dict[str, tuple[Any, list[Any]]] = {
    "nullable whole numbers": (pandas.DataFrame({"a": pandas.array([1, 2], "Int64")}), [[1], [2]]),
    "nullable of several kinds": (
        pandas.DataFrame(
            {"a": pandas.array([1, 2], "Int64"), "b": pandas.array([True, False], "boolean")}
        ),
        [[1, 1], [2, 0]],
    ),
    "categories that are numbers": (pandas.Series([3, 5, 3], dtype="category"), [3, 5, 3]),
    "two columns of one name": (
        pandas.DataFrame({"a": [1, 2], "b": [True, False]}).set_axis(["a", "a"], axis=1),
        [[1, 1], [2, 0]],
    ),
    "polars' arrays": (
        polars.Series([[1.0, 2.0], [3.0, 4.0]], dtype=polars.Array(polars.Float32, 2)),
        [[1.0, 2.0], [3.0, 4.0]],
    ),
    "a slice": (pandas.DataFrame({"a": range(6), "b": range(6)})[::-2], [[5, 5], [3, 3], [1, 1]]),
}


@pytest.mark.parametrize(("table", "wanted"), SPECIAL.values(), ids=SPECIAL)
def test_other_numbers_are_taken_too(table: Any, wanted: list[Any]) -> None:
    assert as_array(table, "x").tolist() == wanted


def test_a_frame_of_one_array_is_not_copied() -> None:
    numbers = np.arange(6, dtype="float32").reshape(3, 2)
    frame = pandas.DataFrame(numbers, copy=False)
    assert as_array(frame, "x").data_ptr() == numbers.ctypes.data


MISSING: dict[str, tuple[Any, str]] = {
    "pandas, NaN": (
        pandas.DataFrame({"a": [1.0, 2.0, 3.0], "b": [3.0, None, None], "c": [None, 1.0, 1.0]}),
        "got 2 missing in the column 'b', 1 missing in the column 'c', of 3 rows",
    ),
    "pandas, nullable": (
        pandas.DataFrame({"a": pandas.array([1, None], "Int64"), "b": [True, False]}),
        "got 1 missing in the column 'a', of 2 rows",
    ),
    "pandas, nullable truths": (
        pandas.Series([True, None], dtype="boolean", name="cured"),
        "got 1 missing in the column 'cured'",
    ),
    "pandas, text": (pandas.DataFrame({"a": ["x", None]}), "1 missing in the column 'a'"),
    "pandas, categories": (
        pandas.Series([1, None, 2], dtype="category", name="k"),
        "1 missing in the column 'k', of 3 rows",
    ),
    "polars, null": (
        polars.DataFrame({"a": [1, 2, None], "b": [0.5, None, None]}),
        "got 1 missing in the column 'a', 2 missing in the column 'b', of 3 rows",
    ),
    "polars, NaN": (polars.DataFrame({"a": [1.0, np.nan]}), "1 missing in the column 'a'"),
    "polars, null truths": (
        polars.DataFrame({"a": [True, None], "b": [1.0, 2.0]}),
        "1 missing in the column 'a'",
    ),
    "many": (
        pandas.DataFrame({f"c{number}": [1.0, None] for number in range(8)}),
        "in the column 'c4', and in 3 more, of 2 rows",
    ),
}


@pytest.mark.parametrize(("table", "sentence"), MISSING.values(), ids=MISSING)
def test_missing_values_are_counted_by_column(table: Any, sentence: str) -> None:
    with pytest.raises(InputError, match="`x` holds missing values: expected a number") as e:
        as_array(table, "x")
    assert sentence in str(e.value)


TODAY = datetime.date(2026, 11, 22)
REFUSED: dict[str, tuple[Any, str]] = {
    "pandas, text": (
        pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
        "holds text in the column 'b': expected numbers, got 'x'",
    ),
    "pandas, text in a series": (pandas.Series(["x"], name="b"), "holds text in the column 'b'"),
    "pandas, categories": (
        pandas.DataFrame({"a": [1, 2], "b": pandas.Categorical(["x", "y"])}),
        "holds categories in the column 'b': expected numbers, got 'x'",
    ),
    "pandas, dates": (
        pandas.DataFrame({"a": [1], "b": pandas.to_datetime(["2026-11-22"])}),
        "holds dates or times in the column 'b'",
    ),
    "pandas, objects": (
        pandas.DataFrame({"a": [Decimal(1)]}),
        "objects in the column 'a': expected numbers, got Decimal('1'), a Decimal",
    ),
    "polars, text": (
        polars.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
        "holds text in the column 'b'",
    ),
    "polars, categories": (
        polars.DataFrame({"b": polars.Series(["x"], dtype=polars.Categorical)}),
        "holds categories in the column 'b'",
    ),
    "polars, an enumeration": (
        polars.DataFrame({"b": polars.Series(["x"], dtype=polars.Enum(["x"]))}),
        "holds categories in the column 'b'",
    ),
    "polars, dates": (polars.DataFrame({"b": [TODAY]}), "holds dates or times in the column 'b'"),
    "polars, lists": (
        polars.DataFrame({"b": [[1.0], [1.0, 2.0]]}),
        "holds objects in the column 'b'",
    ),
    "polars, lazy": (polars.LazyFrame({"a": [1]}), "lazy frame: expected rows, got a LazyFrame"),
    "pandas, infinity": (pandas.DataFrame({"a": [np.inf]}), "holds NaN or infinity"),
    "pandas, no columns": (pandas.DataFrame(index=[0, 1]), "a frame without columns"),
    "pandas, no rows": (pandas.DataFrame({"a": [], "b": []}), "is empty"),
    "polars, no rows": (polars.DataFrame({"a": []}, schema={"a": polars.Float32}), "is empty"),
}


@pytest.mark.parametrize(("table", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_number_is_refused_with_its_column(table: Any, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        as_array(table, "x")
    assert sentence in str(refused.value) and "`x`" in str(refused.value)
