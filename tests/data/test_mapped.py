"""Memory maps in windows: the same rows as in memory, in an order that is a pure function."""

import mmap
import resource
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import latih as keras
from latih.data import ArrayBatches, as_array, mapped, maps
from latih.data.mapped import MappedBatches, batches_of_arrays
from latih.data.maps import give_back, map_of
from latih.data.windows import WindowReader, Windows
from latih.errors import InputError

ROWS, COLUMNS = 101, 6


def written(path: Path, kind: str = "float32", order: Any = "C") -> np.memmap:
    numbers = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS) % 251
    np.save(path, np.asarray(numbers, kind, order=order))
    return np.load(path, mmap_mode="r")


def small_windows(inputs: Any, *more: Any, **options: Any) -> MappedBatches:
    """Windows of a few batches of a few blocks, which any reader must cross often."""
    return MappedBatches(inputs, *more, block_bytes=130, window_bytes=700, batch_size=7, **options)


def rows_of(batches: Any, epoch: int = 0, first: int = 0) -> list[list[Any]]:
    return [batch.inputs.tolist() for batch in batches.epoch(epoch, first)]


@pytest.mark.parametrize("kind", ["float32", "float64", "uint8", "int64", "bool", "float16"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_unshuffled_windows_give_the_batches_of_memory(
    tmp_path: Path, kind: str, order: str
) -> None:
    given = as_array(written(tmp_path / "x.npy", kind, order), "x")
    in_memory = as_array(np.load(tmp_path / "x.npy"), "x")
    assert map_of(given) is not None
    assert rows_of(small_windows(given)) == rows_of(ArrayBatches(in_memory, batch_size=7))
    (batch, *_) = small_windows(given).epoch(0)
    assert batch.inputs.dtype == in_memory.dtype and batch.size == 7


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=12),
    batch_size=st.integers(1, 8),
    window=st.integers(1, 40),
    seed=st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_a_pass_holds_each_row_once_in_whole_batches(
    lengths: list[int], batch_size: int, window: int, seed: int
) -> None:
    windows = Windows(lengths, batch_size, window, shuffle=True)
    starts = np.cumsum([0, *lengths])
    seen: list[int] = []
    for number in range(windows.count):
        spans = windows.spans(seed, 3, number)
        assert all(0 <= span.start < span.stop <= lengths[span.block] for span in spans)
        held = [int(starts[span.block]) + r for span in spans for r in range(span.start, span.stop)]
        assert number == windows.count - 1 or len(held) % batch_size == 0
        seen += [held[place] for place in windows.permutation(seed, 3, number)]
    assert sorted(seen) == list(range(sum(lengths)))


def test_the_order_is_a_pure_function_of_the_seed_and_the_pass(tmp_path: Path) -> None:
    given = as_array(written(tmp_path / "x.npy"), "x")
    batches = small_windows(given, shuffle=True, seed=3)
    orders = [batches.order(epoch) for epoch in (0, 1)]
    assert not torch.equal(*orders) and not torch.equal(orders[0], torch.arange(ROWS))
    for epoch, order in enumerate(orders):
        assert sorted(order.tolist()) == list(range(ROWS))
        assert rows_of(batches, epoch) == [given[rows].tolist() for rows in order.split(7)]
        assert torch.equal(small_windows(given, shuffle=True, seed=3).order(epoch), order)
    assert not torch.equal(small_windows(given, shuffle=True, seed=4).order(0), orders[0])


def test_a_window_is_a_sample_of_the_whole_file() -> None:
    windows = Windows([8] * 1000, batch_size=8, window=800, shuffle=True)
    blocks = [span.block for span in windows.spans(0, 0, 0)]
    # The mean of 100 of 0..999 without replacement has a deviation of 27.
    assert abs(np.mean(blocks) - 499.5) < 5 * 27 and max(blocks) - min(blocks) > 800


@pytest.mark.parametrize("first", [1, 5, 14])
def test_a_pass_can_begin_at_any_batch(tmp_path: Path, first: int) -> None:
    given = as_array(written(tmp_path / "x.npy"), "x")
    begun = small_windows(given, shuffle=True, seed=3)
    whole = rows_of(begun, 2)
    resumed = small_windows(given, shuffle=True, seed=9)
    resumed.load_state_dict(begun.state_dict())
    assert rows_of(resumed, 2, first) == whole[first:]


def test_a_state_holds_the_sizes_of_its_windows(tmp_path: Path) -> None:
    given = as_array(written(tmp_path / "x.npy"), "x")
    begun = small_windows(given, shuffle=True, seed=3)
    resumed = MappedBatches(given, batch_size=7, shuffle=True)
    resumed.load_state_dict(begun.state_dict())
    assert torch.equal(resumed.order(1), begun.order(1))
    with pytest.raises(InputError, match=r"of another kind .*: expected arrays, got large memory"):
        begun.load_state_dict(ArrayBatches(given).state_dict())


def test_a_stream_goes_on_over_windows_and_passes_and_reads_each_once(tmp_path: Path) -> None:
    given = as_array(written(tmp_path / "x.npy"), "x")
    batches = small_windows(given, shuffle=True, seed=1)
    passes = [rows for epoch in (0, 1) for rows in rows_of(batches, epoch)]
    again = small_windows(given, shuffle=True, seed=1)
    reads: list[Any] = []
    load = again._reader._load
    again._reader._load = lambda spans, order: reads.append(spans) or load(spans, order)
    in_pieces = [
        batch.inputs.tolist() for first in range(0, 30, 2) for batch in again.stream(first, 2)
    ]
    assert in_pieces == passes[:30]
    assert len(reads) == 2 * again._reader.windows.count


def test_several_maps_beside_arrays_in_memory_keep_their_rows_together(tmp_path: Path) -> None:
    one, other = written(tmp_path / "a.npy"), written(tmp_path / "b.npy", "uint8")
    inputs = {"b": as_array(other, "b"), "a": as_array(one, "a")}
    targets = torch.arange(ROWS)
    weights = torch.arange(ROWS, dtype=torch.bfloat16)
    batches = small_windows(inputs, [targets, None], [weights, None], shuffle=True)
    for batch in batches.epoch(0):
        rows = batch.targets[0]
        assert rows is not None and batch.targets[1] is None
        assert torch.equal(batch.inputs["a"], inputs["a"][rows])
        assert torch.equal(batch.inputs["b"], inputs["b"][rows])
        assert batch.weights[0] is not None and torch.equal(batch.weights[0], weights[rows])


def test_what_a_batch_holds_outlives_its_window(tmp_path: Path) -> None:
    batches = small_windows(as_array(written(tmp_path / "x.npy"), "x"))
    kept = list(batches.epoch(0))
    assert torch.equal(torch.cat([batch.inputs for batch in kept]), batches.inputs)


def test_only_large_maps_are_read_in_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = as_array(written(tmp_path / "x.npy"), "x")
    assert type(batches_of_arrays(given)) is ArrayBatches
    monkeypatch.setattr(mapped, "LARGE", 1000)
    assert type(batches_of_arrays(given)) is MappedBatches
    assert type(batches_of_arrays(given[10:])) is MappedBatches
    assert type(batches_of_arrays(given[90:])) is ArrayBatches
    assert type(batches_of_arrays(given.clone())) is ArrayBatches
    assert type(batches_of_arrays(given.clone(), [given])) is MappedBatches


def test_written_pages_are_not_lost(tmp_path: Path) -> None:
    written(tmp_path / "x.npy")
    array = np.load(tmp_path / "x.npy", mmap_mode="r+")
    array[3] = 7
    give_back(as_array(array, "x"))
    assert (array[3] == 7).all()
    private = np.load(tmp_path / "x.npy", mmap_mode="c")
    private[4] = 9
    tensor = as_array(private, "x")
    give_back(tensor)
    assert map_of(tensor) is None and (private[4] == 9).all()


def test_a_view_of_a_map_is_known_to_lie_in_it(tmp_path: Path) -> None:
    array = written(tmp_path / "x.npy", "float64")
    for view in (array, np.asarray(array)[2:], array[:, 1:3], array.reshape(-1, 3)):
        tensor = as_array(view, "x")
        assert map_of(tensor[1:]) is not None and tensor.dtype == torch.float64
        np.testing.assert_array_equal(tensor.numpy(), view)
    assert map_of(as_array(np.array(array), "x")) is None
    assert map_of(as_array(array[::-1], "x")) is None  # torch knows no such strides


def test_infinities_in_a_map_are_found(tmp_path: Path) -> None:
    written(tmp_path / "x.npy")
    array = np.load(tmp_path / "x.npy", mmap_mode="r+")
    array[50, 2] = np.inf
    with pytest.raises(InputError, match=r"the first inf at index \(50, 2\)"):
        as_array(array, "x")


def test_an_error_of_the_reading_thread_is_raised_with_its_traceback() -> None:
    def load(spans: Any, permutation: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        if spans[0].block == 2:
            raise OSError("the disk is gone")
        return [torch.zeros(4)], permutation

    reader = WindowReader(Windows([4, 4, 4], batch_size=2, window=4, shuffle=False), load)
    came = 0
    with pytest.raises(OSError, match="the disk is gone") as raised:
        for _ in reader.batches(0, 0, 0, 6):
            came += 1
    assert came == 4
    assert raised.traceback[-1].name == "load"


def test_no_thread_is_left_when_a_reader_is_dropped(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    stream = small_windows(as_array(written(tmp_path / "x.npy"), "x"), shuffle=True).epoch(0)
    next(stream)
    stream.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(10)  # it ends by itself when its window is read
        assert not thread.is_alive()


def test_a_model_trains_on_a_large_map_as_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = written(tmp_path / "x.npy")
    y = np.arange(ROWS) % 3
    weights: list[list[np.ndarray]] = []
    monkeypatch.setattr(mapped, "LARGE", 1000)
    for data in (x, np.array(x)):
        keras.utils.set_random_seed(5)
        model = keras.Sequential(
            [keras.Input([COLUMNS]), keras.layers.Dense(3, activation="softmax")]
        )
        model.compile("sgd", loss="sparse_categorical_crossentropy")
        model.fit(data, y, shuffle=False, epochs=2, validation_split=0.2, verbose=0)
        assert model.predict(data, verbose=0).shape == (ROWS, 3)
        weights.append([*model.get_weights(), np.array(model.evaluate(data, y, verbose=0))])
    for mapped_weight, weight in zip(*weights, strict=True):
        np.testing.assert_array_equal(mapped_weight, weight)


@pytest.mark.skipif(sys.platform != "linux", reason="the system's calls are Linux's")
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("at_once", [True, False])
def test_the_system_is_asked_for_pages_of_the_map_and_never_for_all_of_them_at_once(
    tmp_path: Path, order: str, at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, columns = 4096, 256
    numbers = np.arange(rows * columns, dtype="float32").reshape(rows, columns)
    np.save(tmp_path / "x.npy", np.asarray(numbers, order=order))
    given = as_array(np.load(tmp_path / "x.npy", mmap_mode="r"), "x")
    asked: list[tuple[int, int, int]] = []
    madvise, advise_at_once = maps._madvise, maps._advise_at_once

    def watched_at_once(ranges: np.ndarray, advice: int) -> int:
        # A Linux before 6.13 takes none at once, and each is asked for alone.
        taken = advise_at_once(ranges, advice) if at_once else 0
        assert not (ranges[:, 0] % mmap.PAGESIZE).any()
        asked.extend((length, advice, 0) for length in ranges[:taken, 1].tolist())
        return taken

    def watched(start: int, length: int, advice: int) -> int:
        failed = madvise(start, length, advice)
        asked.append((length, advice, failed))
        assert start % mmap.PAGESIZE == 0
        return failed

    monkeypatch.setattr(maps, "_madvise", watched)
    monkeypatch.setattr(maps, "_advise_at_once", watched_at_once)
    batches = MappedBatches(
        given, batch_size=64, block_bytes=2**15, window_bytes=2**19, shuffle=True
    )
    seen = torch.cat([batch.inputs for batch in batches.epoch(0)])
    assert torch.equal(seen[seen[:, 0].argsort()], torch.from_numpy(numbers))
    read = [length for length, advice, _ in asked if advice != mmap.MADV_DONTNEED]
    assert [failed for *_, failed in asked if failed] == []
    if order == "C":
        assert len(read) > 100 and max(read) < 2**15 + 2 * mmap.PAGESIZE
    else:
        assert read == []


@pytest.mark.skipif(sys.platform != "linux", reason="the system's calls are Linux's")
def test_pages_of_many_places_come_at_once(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((8192, 1024), "float32"))
    given = as_array(np.load(tmp_path / "x.npy", mmap_mode="r"), "x")
    rows = maps.MappedRows(given)
    places = [(first, first + 1) for first in range(0, 8192, 2)]

    def faults() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

    before = faults()
    given[::2, 0].sum()
    untouched = faults() - before
    rows.give_back(0, 8192)
    rows.bring(places)
    before = faults()
    given[::2, 0].sum()
    assert faults() - before < untouched / 4


@pytest.mark.skipif(sys.platform != "linux", reason="the system's calls are Linux's")
def test_a_container_that_forbids_the_call_reads_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(process: int) -> int:
        raise PermissionError(1, "Operation not permitted")

    given = as_array(written(tmp_path / "x.npy"), "x")
    wanted = torch.cat([batch.inputs for batch in small_windows(given, shuffle=True).epoch(0)])
    monkeypatch.setattr(maps.os, "pidfd_open", forbidden)
    read = torch.cat([batch.inputs for batch in small_windows(given, shuffle=True).epoch(0)])
    assert torch.equal(read, wanted)
