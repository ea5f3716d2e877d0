"""What people hold as data becomes a tensor: the same numbers, without a copy where that can be."""

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas
import pytest
import torch

from latih.data import as_array, as_arrays
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
    "uint16": (lambda: NUMBERS.astype("uint16"), torch.int32),
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


def test_float32_and_bytes_are_not_copied() -> None:
    for given in (FLOAT32.copy(), NUMBERS.astype("uint8")):
        assert as_array(given, "x").data_ptr() == given.ctypes.data
    tensor = torch.tensor(FLOAT32)
    assert as_array(tensor, "x").data_ptr() == tensor.data_ptr()


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
@pytest.mark.parametrize("kind", ["float32", "float64", "uint8"])
def test_a_memory_map_is_not_read_into_memory(tmp_path: Path, mode: Any, kind: str) -> None:
    path = tmp_path / "numbers.dat"
    NUMBERS.astype(kind).tofile(path)
    mapped = np.memmap(path, kind, mode, shape=(2, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tensor = as_array(mapped, "x")
    assert tensor.data_ptr() == mapped.ctypes.data
    np.testing.assert_array_equal(tensor.numpy(), NUMBERS)


def test_batches_of_a_large_memory_map_take_the_memory_of_a_batch(tmp_path: Path) -> None:
    rows, columns = 10_000, 500
    path = tmp_path / "numbers.npy"
    written = np.lib.format.open_memmap(path, "w+", "float64", (rows, columns))
    written[:, 0] = np.arange(rows)
    written.flush()
    del written
    # In a process of its own, whose peak is not that of the tests before. The file has 40 MB; its
    # pages are the system's and not counted among the anonymous ones.
    script = f"""
import numpy, torch
from latih.data import ArrayBatches, as_array

def anonymous():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))

numbers = numpy.load({str(path)!r}, mmap_mode="r")
list(ArrayBatches(as_array(numbers[:64], "x"), shuffle=True).epoch(0))
before, most = anonymous(), 0
seen = set()
for batch in ArrayBatches(as_array(numbers, "x"), shuffle=True).epoch(0):
    seen.update(batch.inputs[:, 0].int().tolist())
    most = max(most, anonymous())
assert seen == set(range({rows}))
assert batch.inputs.dtype == torch.float32
print(most - before)
"""
    if not Path("/proc/self/status").exists():
        pytest.skip("only Linux tells anonymous memory")
    told = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout
    assert int(told) < 8_000  # kB; a copy in float32 takes 20,000


def test_a_data_set_of_an_hdf5_file_is_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "numbers.h5", "w") as file:
        held = file.create_dataset("x", data=NUMBERS.astype("float64"))
        tensor = as_array(held, "x")
    assert tensor.dtype == torch.float32 and tensor.tolist() == NUMBERS.tolist()
    with pytest.raises(InputError, match="`x` cannot be read: expected an array of numbers"):
        as_array(held, "x")


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


@pytest.mark.parametrize("kind", ["complex64", "complex128", "clongdouble"])
def test_complex_numbers_are_refused(kind: str) -> None:
    with pytest.raises(InputError, match="complex numbers: expected real numbers, got"):
        as_array(np.zeros(3, kind), "x")
    with pytest.raises(InputError, match="two columns"):
        as_array(torch.zeros(3, dtype=torch.complex64), "x")


class Coordinates:
    """The face that sparse matrices of SciPy show."""

    shape = (2, 2)

    def tocoo(self) -> None:
        raise AssertionError


OTHERS: list[tuple[Any, str]] = [
    (
        np.ma.masked_equal(NUMBERS, 4),
        "masked values: expected a number for each, got 1 masked of 6",
    ),
    (np.array([2**63], "uint64"), "too large: expected numbers below"),
    (np.zeros(2, [("a", "f4"), ("b", "i4")]), "text or objects"),
    (np.array(["2026-01-01"], "datetime64[D]"), "text or objects"),
    (Coordinates(), r"`x` is sparse.*Give it as .toarray\(\)"),
    ([[1, 2], [3]], "`x` is ragged"),
    (3.0, "`x` is a single number"),
    (None, "text or objects"),
    ({1, 2}, "text or objects"),
]


@pytest.mark.parametrize(("value", "sentence"), OTHERS)
def test_what_is_no_array_of_numbers_gets_a_sentence(value: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        as_array(value, "x")


def test_named_inputs_are_taken_each_and_named_in_sentences() -> None:
    frame = pandas.DataFrame({"a": [1, 2]})
    arrays = as_arrays({"wide": frame, "deep": [FLOAT32, NUMBERS]}, "x")
    assert arrays["wide"].tolist() == [[1], [2]]
    assert arrays["deep"][1].dtype == torch.int64
    assert as_arrays([[1, 2], [3, 4]], "x").shape == (2, 2)
    assert as_arrays([np.float32(1), np.float32(2)], "x").tolist() == [1.0, 2.0]
    with pytest.raises(InputError, match=r"`x\['deep'\]\[1\]` holds NaN"):
        as_arrays({"deep": [FLOAT32, FLOAT32 * np.nan]}, "x")
