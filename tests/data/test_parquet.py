"""Parquet files as batches: the rows that pandas reads, in an order that is a pure function."""

import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import latih as keras
from latih.data import StreamBatches
from latih.data.parquet import ParquetDataset
from latih.data.parquet_files import ParquetFiles
from latih.errors import FileFormatError, InputError, MissingExtraError
from latih.utils import table_dataset_from_parquet

ROWS = 103


def a_table(rows: int = ROWS) -> pd.DataFrame:
    dice = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": np.arange(rows),
            "dose": dice.normal(size=rows),
            "old": dice.random(rows) > 0.5,
            "small": dice.integers(0, 200, rows).astype("uint8"),
            "price": [Decimal("1.25") * number for number in range(rows)],
            "well": dice.integers(0, 3, rows),
        }
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    a_table().to_parquet(tmp_path / "data.parquet", row_group_size=10)
    return tmp_path / "data.parquet"


def small_windows(path: Path, **options: Any) -> ParquetDataset:
    """Windows of some batches and groups: 48 bytes a row."""
    options = {"batch_size": 7, "window_bytes": 48 * 30, **options}
    return ParquetDataset(ParquetFiles(path), "well", None, **options)


def ages(stream: Any) -> list[list[float]]:
    return [batch.inputs[:, 0].tolist() for batch in stream]


@pytest.mark.parametrize("target", ["well", "dose", ["well", "old"], ["well", "dose"], None])
@pytest.mark.parametrize("columns", [None, ["small", "age"]])
def test_in_order_the_rows_are_those_that_pandas_reads(
    path: Path, target: Any, columns: Any
) -> None:
    data = table_dataset_from_parquet(path, target, columns, batch_size=9, shuffle=False)
    items = list(data)
    frame = pd.read_parquet(path)
    targets = [target] if isinstance(target, str) else target or []
    names = [name for name in columns or frame.columns if name not in targets]
    assert data.columns == names and len(data) == len(items) == 12
    x = torch.cat([item if target is None else item[0] for item in items])
    assert x.dtype == torch.float32
    np.testing.assert_array_equal(x.numpy(), frame[names].astype("float32").to_numpy())
    if target is not None:
        y = torch.cat([item[1] for item in items])
        assert y.dtype == (torch.float32 if "dose" in targets else torch.int64)
        expected = frame[target].to_numpy().astype(y.numpy().dtype)
        np.testing.assert_array_equal(y.numpy(), expected)


@given(
    group=st.integers(1, 120),
    window=st.integers(1, 120),
    batch_size=st.integers(1, 50),
    shuffle=st.booleans(),
    first=st.integers(0, 3),
)
@settings(max_examples=30, deadline=None)
def test_any_groups_windows_and_batches_give_each_row_once(
    tmp_path_factory: Any, group: int, window: int, batch_size: int, shuffle: bool, first: int
) -> None:
    path = tmp_path_factory.mktemp("parquet") / "data.parquet"
    a_table().to_parquet(path, row_group_size=group)
    data = small_windows(
        path, batch_size=batch_size, window_bytes=48 * window, shuffle=shuffle, seed=1
    )
    items = list(data.items(0, 2, 0))
    rows = torch.cat([x[:, 0] for x, _ in items]).long()
    assert sorted(rows.tolist()) == list(range(ROWS))
    assert [len(x) for x, _ in items[:-1]] == [batch_size] * (len(items) - 1)
    table = a_table()
    assert torch.cat([y for _, y in items]).tolist() == table["well"].to_numpy()[rows].tolist()
    first = min(first, len(items))
    resumed = torch.cat([x[:0] for x, _ in items[:1]] + [x for x, _ in data.items(0, 2, first)])
    assert torch.equal(resumed[:, 0].long(), rows[first * batch_size :])


def test_each_pass_has_an_order_of_its_own_which_follows_from_the_seed(path: Path) -> None:
    stream = StreamBatches(small_windows(path), seed=3)
    first, second = ages(stream.epoch(0)), ages(stream.epoch(1))
    assert first != second and np.concatenate(first).tolist() != list(range(ROWS))
    assert ages(StreamBatches(small_windows(path), seed=3).epoch(1)) == second
    assert ages(StreamBatches(small_windows(path), seed=4).epoch(1)) != second


@pytest.mark.parametrize("taken", [0, 1, 5, 15, 17])
def test_a_position_says_what_was_taken(path: Path, taken: int) -> None:
    whole = ages(StreamBatches(small_windows(path), seed=3).stream(0, 20))
    begun = StreamBatches(small_windows(path), seed=3)
    list(begun.stream(0, taken))
    resumed = StreamBatches(small_windows(path), seed=9)
    resumed.load_state_dict(begun.state_dict())
    assert ages(resumed.stream(taken, 20 - taken)) == whole[taken:]


def test_a_directory_is_one_table(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    a_table()[:40].to_parquet(folder / "a.parquet")
    a_table()[40:].to_parquet(folder / "b.parquet")
    parts = [
        torch.cat([x for x, _ in table_dataset_from_parquet(place, "well", shuffle=False)])
        for place in (path, folder)
    ]
    assert torch.equal(*parts)
    a_table()[["well"]].to_parquet(folder / "c.parquet")
    with pytest.raises(FileFormatError, match=r"c\.parquet' has other columns"):
        table_dataset_from_parquet(folder, "well")


def test_a_model_trains_as_in_memory_and_predicts(path: Path) -> None:
    frame = a_table().drop(columns="price").astype({"old": "float32"})
    frame.to_parquet(path, row_group_size=20)
    weights: list[Any] = []
    x, y = frame.drop(columns="well").to_numpy("float32"), frame["well"].to_numpy()
    file = table_dataset_from_parquet(path, "well", shuffle=False)
    for data in ((file,), (x, y)):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input([4]), keras.layers.Dense(3, activation="softmax")])
        model.compile("adam", loss="sparse_categorical_crossentropy")
        model.fit(*data, epochs=2, shuffle=False, verbose=0)
        judged = np.array(model.evaluate(*data, verbose=0))
        weights.append([*model.get_weights(), judged, model.predict(data[0], verbose=0)])
    for streamed, held in zip(*weights, strict=True):
        np.testing.assert_allclose(streamed, held, rtol=1e-6)


def test_no_thread_is_left_when_a_training_ends_early(path: Path) -> None:
    before = set(threading.enumerate())
    batches = iter(small_windows(path))
    next(batches)
    batches.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    ("column", "match"),
    [
        (["a"] * ROWS, "the column 'odd' holds no numbers: expected numbers, or truths, got .*str"),
        (pd.Categorical(["a"] * ROWS), "'odd' holds no numbers: .* got dictionary"),
        (pd.Timestamp("2026-01-01"), "'odd' holds no numbers: .* got timestamp"),
        (pd.array([None, *range(ROWS - 1)], "Int64"), "'odd' holds missing values: .* 1 missing"),
    ],
)
def test_what_holds_no_numbers_is_refused(path: Path, column: Any, match: str) -> None:
    a_table().assign(odd=column).to_parquet(path)
    with pytest.raises(InputError, match=match):
        table_dataset_from_parquet(path, "well")
    assert len(table_dataset_from_parquet(path, "well", columns=["age"])) == 4


def test_missing_values_of_which_the_file_does_not_tell_are_found(path: Path) -> None:
    odd = pd.array([*range(ROWS - 1), None], "Int64")
    a_table().assign(odd=odd).to_parquet(path, write_statistics=False, row_group_size=20)
    with pytest.raises(InputError, match="the column 'odd' holds missing values"):
        list(small_windows(path, shuffle=False))


def test_what_cannot_be_used_is_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no column 'ill' .*'age', 'dose'"):
        table_dataset_from_parquet(path, "ill")
    with pytest.raises(InputError, match="there is no Parquet file"):
        table_dataset_from_parquet(tmp_path / "other.parquet")
    with pytest.raises(InputError, match="nothing to learn from"):
        table_dataset_from_parquet(path, "well", columns=["well"])
    with pytest.raises(InputError, match="`batch_size`"):
        table_dataset_from_parquet(path, "well", batch_size=0)
    path.write_bytes(b"no table")
    with pytest.raises(FileFormatError, match="cannot be read: expected a Parquet file"):
        table_dataset_from_parquet(path, "well")


def test_without_pyarrow_the_extra_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r'pip install "latih\[data\]"'):
        table_dataset_from_parquet(path, "well")
