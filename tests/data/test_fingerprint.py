"""A fingerprint tells arrays apart, and reads of a large one only so much."""

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latih.data import ArrayBatches, StreamBatches, as_array
from latih.data import fingerprint as module
from latih.data.fingerprint import fingerprint

KINDS = ("float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(), (1,), (5,), (4, 3), (2, 3, 4), (0, 3), (3, 0)])
def test_it_is_the_sum_of_numpys_bytes(kind: str, shape: tuple[int, ...]) -> None:
    array = np.arange(int(np.prod(shape))).reshape(shape).astype(kind)
    assert fingerprint(torch.from_numpy(array)) == {
        "shape": list(shape),
        "dtype": kind,
        "rows": len(array) if shape else 1,
        "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
    }


def test_what_numpy_does_not_know_is_hashed_too() -> None:
    ones = torch.ones(3, 2, dtype=torch.bfloat16)
    told = fingerprint(ones)
    assert told["dtype"] == "bfloat16"
    assert told["sha256"] == hashlib.sha256(bytes.fromhex("803f") * 6).hexdigest()


def test_it_does_not_matter_how_the_numbers_lie() -> None:
    array = torch.arange(60.0).reshape(4, 3, 5)
    same = fingerprint(array)
    assert fingerprint(array.permute(2, 0, 1).contiguous().permute(1, 2, 0)) == same
    assert fingerprint(torch.stack([array, array], dim=-1)[..., 0]) == same
    assert fingerprint(array.clone().requires_grad_()) == same
    row = torch.arange(3.0)
    assert fingerprint(row.expand(4, 3)) == fingerprint(row.repeat(4, 1))


@given(st.integers(2, 40), st.integers(1, 5), st.integers(0, 2**31 - 1))
def test_one_other_value_is_another_fingerprint(rows: int, width: int, seed: int) -> None:
    array = torch.zeros(rows, width)
    before = fingerprint(array)
    array.view(-1)[seed % array.numel()] = 1.0
    after = fingerprint(array)
    assert before.pop("sha256") != after.pop("sha256")
    assert before == after
    assert json.loads(json.dumps(after)) == after


@given(
    st.integers(1, 3000), st.integers(1, 9), st.integers(1, 5000), st.sampled_from([2, 3, 16, 1024])
)
def test_of_a_large_one_evenly_spread_rows_are_hashed(
    rows: int, width: int, most: int, blocks: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_BYTES", most)
        patch.setattr(module, "BLOCKS", blocks)
        chosen = list(module.sample(rows, rows * width))
    hashed = [row for block in chosen for row in range(block.start, block.stop)]
    assert len(chosen) <= blocks
    assert hashed == sorted(set(hashed))  # each once
    assert hashed[0] == 0 and hashed[-1] == rows - 1
    if rows * width <= most or rows == 1:
        assert len(hashed) == rows
    else:
        assert len(hashed) * width <= max(most, 2 * width)
        assert len(hashed) * width > most / 2 - width * blocks or len(hashed) == 2
        gaps = {b.start - a.start for a, b in pairwise(chosen)}
        assert max(gaps) - min(gaps) <= 1


def test_the_first_and_the_last_row_of_a_large_one_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 400)
    array = torch.arange(1000.0).reshape(500, 2)
    before = fingerprint(array)
    assert before["rows"] == 50
    for row in (0, -1):
        changed = array.clone()
        changed[row, 1] = -1.0
        assert fingerprint(changed)["sha256"] != before["sha256"]
    assert fingerprint(array.flip(0))["sha256"] != before["sha256"]
    # The same rows are read wherever they lie.
    assert fingerprint(array.t().contiguous().t()) == before


def test_a_memory_map_is_read_at_some_rows_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 2**16)
    path = tmp_path / "x.dat"
    array = np.memmap(path, "float32", "w+", shape=(4096, 256))
    array[-1] = 1.0
    array.flush()
    read: list[int] = []
    true = module._bytes  # type: ignore[reportPrivateUsage]

    def counted(rows: torch.Tensor) -> Any:
        # A view into the map: nothing was copied before.
        assert rows.untyped_storage().nbytes() == 4096 * 256 * 4
        read.append(rows.numel() * rows.element_size())
        return true(rows)

    monkeypatch.setattr(module, "_bytes", counted)
    told = fingerprint(as_array(np.memmap(path, "float32", "r", shape=(4096, 256)), "x"))
    assert told["shape"] == [4096, 256]
    assert told["rows"] == 64
    assert sum(read) == 2**16


def test_batches_of_arrays_tell_each_of_them() -> None:
    x = {"age": torch.arange(4.0), "image": torch.zeros(4, 2)}
    y = torch.arange(4)
    batches = ArrayBatches(x, [y, None], [None, None], batch_size=3, shuffle=True, seed=5)
    assert batches.fingerprint() == {
        "source": "arrays",
        "examples": 4,
        "inputs": {"age": fingerprint(x["age"]), "image": fingerprint(x["image"])},
        "targets": [fingerprint(y), None],
        "weights": [None, None],
    }
    other = ArrayBatches(x, [y, None], [None, None], batch_size=1, seed=6)
    assert other.fingerprint() == batches.fingerprint()


def test_what_is_iterated_is_not_read() -> None:
    def endless() -> Any:
        raise AssertionError("it was read")
        yield

    unknown = {"examples": None, "batch_size": None, "steps": None}
    told = {"source": "generator", **unknown, "tensors": []}
    assert StreamBatches(endless()).fingerprint() == told

    class Rows(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return 10

        def __getitem__(self, row: int) -> Any:
            raise AssertionError("it was read")

    known = {"examples": 10, "tensors": []}
    loader = torch.utils.data.DataLoader(Rows(), batch_size=4)
    told = {"source": "DataLoader", "batch_size": 4, "steps": 3, **known}
    assert StreamBatches(loader).fingerprint() == told
    told = {"source": "Rows", "batch_size": 5, "steps": 2, **known}
    assert StreamBatches(Rows(), batch_size=5).fingerprint() == told


def test_tensors_that_are_in_memory_are_hashed() -> None:
    x, y = torch.arange(20.0).reshape(10, 2), torch.arange(10)
    data = torch.utils.data.TensorDataset(x, y)
    for stream in (data, torch.utils.data.DataLoader(data, batch_size=4)):
        assert StreamBatches(stream).fingerprint()["tensors"] == [fingerprint(x), fingerprint(y)]
