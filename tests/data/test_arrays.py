"""What people hold as data becomes a tensor: the same numbers, without a copy where that can be."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch

from latih.data import as_array
from latih.errors import InputError

NUMBERS = np.array([[0, 1, 2], [3, 4, 250]])
FLOAT32 = NUMBERS.astype("float32")


def read_only() -> np.ndarray:
    array = FLOAT32.copy()
    array.flags.writeable = False
    return array


def strided() -> np.ndarray:
    return np.ascontiguousarray(FLOAT32[::-1, ::-1])[::-1, ::-1]


GIVEN: dict[str, tuple[Callable[[], Any], torch.dtype]] = {
    "float32": (lambda: FLOAT32, torch.float32),
    "float64": (lambda: NUMBERS.astype("float64"), torch.float32),
    "float16": (lambda: NUMBERS.astype("float16"), torch.float16),
    "long double": (lambda: NUMBERS.astype("longdouble"), torch.float32),
    "uint8": (lambda: NUMBERS.astype("uint8"), torch.uint8),
    "uint16": (lambda: NUMBERS.astype("uint16"), torch.int64),
    "uint32": (lambda: NUMBERS.astype("uint32"), torch.int64),
    "uint64": (lambda: NUMBERS.astype("uint64"), torch.int64),
    "int16": (lambda: NUMBERS.astype("int16"), torch.int16),
    "int64": (lambda: NUMBERS, torch.int64),
    "big-endian float32": (lambda: NUMBERS.astype(">f4"), torch.float32),
    "big-endian float64": (lambda: NUMBERS.astype(">f8"), torch.float32),
    "big-endian int32": (lambda: NUMBERS.astype(">i4"), torch.int32),
    "a list of floats": (lambda: FLOAT32.tolist(), torch.float32),
    "a list of whole numbers": (lambda: NUMBERS.tolist(), torch.int64),
    "a tuple of tuples": (lambda: tuple(map(tuple, NUMBERS.tolist())), torch.int64),
    "a list of arrays": (lambda: list(FLOAT32), torch.float32),
    "a tensor": (lambda: torch.tensor(FLOAT32), torch.float32),
    "a double tensor": (lambda: torch.tensor(NUMBERS).double(), torch.float32),
    "a tensor with a gradient": (
        lambda: torch.tensor(FLOAT32, requires_grad=True),
        torch.float32,
    ),
    "Fortran's order": (lambda: np.asfortranarray(FLOAT32), torch.float32),
    "negative strides": (strided, torch.float32),
    "read-only": (read_only, torch.float32),
    "a data frame": (lambda: pandas.DataFrame(FLOAT32), torch.float32),
    "a data frame of several kinds": (
        lambda: pandas.DataFrame({"a": [0.0, 3.0], "b": [1, 4], "c": np.array([2, 250], "uint8")}),
        torch.float32,
    ),
}


@pytest.mark.parametrize(("make", "kind"), GIVEN.values(), ids=GIVEN)
def test_the_numbers_are_those_that_were_given(make: Callable[[], Any], kind: torch.dtype) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tensor = as_array(make(), "x")
    assert tensor.dtype == kind
    assert tensor.shape == (2, 3)
    assert not tensor.requires_grad
    np.testing.assert_array_equal(tensor.double().numpy(), NUMBERS)


def test_booleans_are_taken() -> None:
    assert as_array([True, False], "y").tolist() == [True, False]


def test_a_series_and_an_index_are_taken() -> None:
    assert as_array(pandas.Series([1.5, 2.5]), "y").tolist() == [1.5, 2.5]
    assert as_array(pandas.Series([1, 2]), "y").dtype == torch.int64


def test_missing_values_of_a_data_frame_are_refused_with_their_place() -> None:
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, None]})
    with pytest.raises(InputError, match=r"1 of 4, the first nan at index \(1, 1\)"):
        as_array(frame, "x")


def test_float32_and_bytes_are_not_copied() -> None:
    for given in (FLOAT32.copy(), NUMBERS.astype("uint8")):
        assert as_array(given, "x").data_ptr() == given.ctypes.data
    tensor = torch.tensor(FLOAT32)
    assert as_array(tensor, "x").data_ptr() == tensor.data_ptr()


def test_a_memory_map_is_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "numbers.dat"
    FLOAT32.tofile(path)
    mapped = np.memmap(path, "float32", "r+", shape=(2, 3))
    tensor = as_array(mapped, "x")
    assert tensor.data_ptr() == mapped.ctypes.data
    np.testing.assert_array_equal(tensor.numpy(), FLOAT32)
    opened = np.memmap(path, "float32", "r", shape=(2, 3))
    np.testing.assert_array_equal(as_array(opened, "x").numpy(), FLOAT32)


def test_what_was_given_stays_as_it_was() -> None:
    given = read_only()
    as_array(given, "x")
    assert not given.flags.writeable
    leaf = torch.tensor(FLOAT32, requires_grad=True)
    as_array(leaf, "x")
    assert leaf.requires_grad


def test_the_first_flaw_is_named_by_count_and_place() -> None:
    flawed = np.zeros((4, 5, 6), "float32")
    flawed[1, 2, 3], flawed[3, 0, 0] = np.inf, np.nan
    with pytest.raises(InputError, match=r"2 of 120, the first inf at index \(1, 2, 3\)"):
        as_array(flawed, "x")
    # A number too large for float32 is infinite as what it is trained on.
    with pytest.raises(InputError, match="1 of 2, the first inf"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        as_array(np.array([1.0, 1e300]), "x")


def test_the_argument_is_called_as_the_user_calls_it() -> None:
    with pytest.raises(InputError, match=r"^`validation y` is empty"):
        as_array([], "validation y")


@pytest.mark.parametrize("text", [np.array(["a", "b"]), np.array([b"a"]), ["x", "y"], [None, 1]])
def test_text_and_objects_are_refused(text: Any) -> None:
    with pytest.raises(InputError, match="`x` holds text or objects: expected numbers"):
        as_array(text, "x")


def test_a_sparse_tensor_is_refused() -> None:
    with pytest.raises(InputError, match="sparse"):
        as_array(torch.eye(3).to_sparse(), "x")
