"""What is iterated gives the batches that torch's own loader gives, and sentences where it errs."""

import warnings
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

import numpy as np
import pandas
import polars
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from latih.data import (
    ArrayBatches,
    Batch,
    StreamBatches,
    is_stream,
    sample_weights_as_list,
    targets_as_list,
)
from latih.errors import InputError, LatihWarning

SIZES = st.integers(1, 40)
BATCHES = st.integers(1, 45)
SEEDS = st.integers(0, 2**31 - 1)
X = torch.arange(22).float().reshape(11, 2)
Y = torch.arange(11)


class Examples(Dataset):
    """Rows with their numbers, as a user's own class gives them: NumPy's doubles and an int."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.read: list[int] = []

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, row: int) -> tuple[np.ndarray, int]:
        self.read.append(row)
        return np.array([row, row / 2]), row


class Flow(IterableDataset):
    """Rows that come one after the other, with or without a length."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __iter__(self) -> Iterator[tuple[np.ndarray, int]]:
        return ((np.array([row, row / 2]), row) for row in range(self.size))


class Sized(Flow):
    def __len__(self) -> int:
        return self.size


class Batches:
    """What begins anew each time it is iterated, and counts how often."""

    def __init__(self, steps: int) -> None:
        self.steps, self.passes = steps, 0

    def __iter__(self) -> Iterator[Any]:
        self.passes += 1
        for step in range(self.steps):
            yield np.full((2, 1), step), np.full(2, step)


def counted(steps: int | None = None) -> Iterator[Any]:
    """Yield batches of two that carry their own number."""
    for step in islice(count(), steps):
        yield np.full((2, 1), step, "float32"), [step, step]


def numbers(batches: Iterator[Batch]) -> list[int]:
    return [int(batch.targets[0][0]) for batch in batches]


def assert_same(batches: Iterator[Batch], wanted: Any) -> None:
    for batch, (x, y) in zip(batches, wanted, strict=True):
        assert batch.inputs.dtype == torch.float32
        np.testing.assert_array_equal(batch.inputs.numpy(), x.numpy())
        assert batch.targets[0].tolist() == y.tolist()
        assert batch.weights == [None] and batch.size == len(x)


def test_streams_are_told_from_arrays() -> None:
    streams = [
        DataLoader(TensorDataset(X, Y)),
        TensorDataset(X, Y),
        Examples(3),
        Flow(3),
        counted(),
        iter([]),
        zip([X], [Y], strict=True),
        Batches(3),
    ]
    arrays = [
        X,
        X.numpy(),
        X.tolist(),
        (X, X),
        {"a": X},
        pandas.DataFrame(X.numpy()),
        pandas.Series([1]),
        polars.DataFrame({"a": [1]}),
        polars.Series([1]),
        range(3),
        "text",
        b"bytes",
        memoryview(b"bytes"),
        3.0,
        None,
    ]
    assert [is_stream(x) for x in streams] == [True] * len(streams)
    assert [is_stream(x) for x in arrays] == [False] * len(arrays)
    for x in arrays:
        with pytest.raises(InputError, match="`x` cannot be iterated"):
            StreamBatches(x)


@given(SIZES, BATCHES, st.booleans())
def test_a_loader_gives_its_own_batches(size: int, batch_size: int, drop_last: bool) -> None:
    loader = DataLoader(Examples(size), batch_size, drop_last=drop_last)
    wanted = list(loader)
    if not wanted:
        with pytest.raises(InputError, match="`x` is empty"):
            StreamBatches(loader)
        return
    batches = StreamBatches(loader)
    assert batches.steps == len(wanted) and batches.batch_size == batch_size
    assert batches.examples == sum(len(y) for _, y in wanted)
    for epoch in range(2):
        assert_same(batches.epoch(epoch), wanted)
    assert_same(batches.stream(2 * len(wanted), None), wanted)
    assert_same(islice(batches.stream(0, 10 * len(wanted)), 2 * len(wanted)), wanted * 2)


def test_a_loader_keeps_its_sampler_and_its_shuffling() -> None:
    for options in (
        {"shuffle": True},
        {"batch_sampler": [[3, 1], [0], [2, 9, 4]]},
        {"sampler": [9, 8, 7], "batch_size": 2},
    ):
        loader = DataLoader(TensorDataset(X, Y[:, None]), **options)
        torch.manual_seed(5)
        wanted = [list(loader), list(loader)]
        torch.manual_seed(5)
        batches = StreamBatches(loader)
        assert not batches.shuffle
        peeked = batches.peek()
        np.testing.assert_array_equal(peeked.inputs.numpy(), wanted[0][0][0].numpy())
        for epoch in range(2):
            assert_same(batches.epoch(epoch), wanted[epoch])
        known = "batch_sampler" not in options
        assert batches.examples == (sum(len(y) for _, y in wanted[0]) if known else None)


@given(SIZES, BATCHES, SEEDS, st.integers(0, 50), st.booleans(), st.booleans())
def test_a_data_set_comes_in_the_order_in_which_arrays_come(
    size: int, batch_size: int, seed: int, first: int, shuffle: bool, tensors: bool
) -> None:
    rows = torch.arange(size)
    arrays = ArrayBatches(
        torch.stack([rows, rows / 2], dim=1),
        [rows],
        batch_size=batch_size,
        shuffle=shuffle,
        seed=seed,
    )
    data = TensorDataset(arrays.inputs, rows) if tensors else Examples(size)
    batches = StreamBatches(data, batch_size=batch_size, shuffle=shuffle, seed=seed)
    assert (batches.steps, batches.examples) == (arrays.steps, arrays.examples)
    state = torch.get_rng_state()
    for step, amount in ((0, 3), (3, 2), (first, 4), (first, None)):
        wanted = [
            (batch.inputs.clone(), batch.targets[0].clone())
            for batch in arrays.stream(step, amount)
        ]
        assert_same(batches.stream(step, amount), wanted)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_resumed_data_set_is_not_read_from_its_beginning() -> None:
    data = Examples(100)
    list(StreamBatches(data, batch_size=10).stream(17, 2))
    assert data.read == list(range(70, 90))


def test_a_loader_of_ready_batches_is_taken() -> None:
    ready = [(X[:4], Y[:4]), (X[4:], Y[4:])]
    batches = StreamBatches(DataLoader(ready, batch_size=None))
    assert (batches.steps, batches.batch_size, batches.examples) == (2, None, None)
    assert_same(batches.epoch(0), ready)


def test_a_subset_and_a_random_split_are_data_sets() -> None:
    part = Subset(TensorDataset(X, Y), [7, 2, 5])
    (batch,) = StreamBatches(part).epoch(0)
    assert batch.targets[0].tolist() == [7, 2, 5]


def test_the_pass_goes_on_where_an_epoch_of_fewer_steps_ended() -> None:
    for data in (DataLoader(TensorDataset(X, Y), 2), TensorDataset(X, Y), Batches(6)):
        batches = StreamBatches(data, batch_size=2 if isinstance(data, TensorDataset) else None)
        steps = [numbers(batches.stream(first, 4)) for first in (0, 4, 8)]
        got = [n // 2 if not isinstance(data, Batches) else n for step in steps for n in step]
        assert got == [0, 1, 2, 3, 4, 5] * 2
    # Evaluations begin anew.
    batches = StreamBatches(Batches(6))
    assert [numbers(batches.stream(0, 2)) for _ in range(2)] == [[0, 1], [0, 1]]
    assert [numbers(batches.epoch(0)) for _ in range(2)] == [list(range(6))] * 2


@pytest.mark.parametrize("kind", [Flow, Sized])
def test_an_iterable_data_set_is_batched_as_torch_batches_it(kind: type[Flow]) -> None:
    batches = StreamBatches(kind(11), batch_size=4)
    assert batches.steps == (3 if kind is Sized else None)
    assert batches.examples is None and batches.batch_size == 4
    wanted = list(DataLoader(kind(11), 4))
    for epoch in (0, 1, 0):
        assert_same(batches.epoch(epoch), wanted)
    again = StreamBatches(kind(11), batch_size=4)
    assert_same(again.stream(0, 7), (wanted * 3)[:7])
    assert_same(again.stream(7, 4), (wanted * 4)[7:11])
    assert_same(again.stream(5, 4), (wanted * 3)[5:9])
    assert_same(StreamBatches(kind(11), batch_size=4).stream(4, None), wanted[1:])


def test_a_generator_goes_on_where_the_last_epoch_ended() -> None:
    batches = StreamBatches(counted())
    assert (batches.steps, batches.examples, batches.batch_size) == (None, None, None)
    assert [numbers(batches.stream(3 * epoch, 3)) for epoch in range(3)] == [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7, 8],
    ]
    # An evaluation of a generator begins where it is.
    assert numbers(batches.stream(0, 2)) == [9, 10]


def test_a_generator_that_ends_too_early_is_warned_of() -> None:
    batches = StreamBatches(counted(5))
    assert numbers(batches.stream(0, 3)) == [0, 1, 2]
    assert not batches.exhausted
    with pytest.warns(LatihWarning, match="ended after 5 batches: 2 of the 3 batches that were"):
        assert numbers(batches.stream(3, 3)) == [3, 4]
    assert batches.exhausted
    with pytest.warns(LatihWarning, match="ended after 5 batches: 0 of the 3"):
        assert numbers(batches.stream(6, 3)) == []


def test_a_finite_generator_is_one_epoch_without_a_warning() -> None:
    batches = StreamBatches(counted(5))
    assert numbers(batches.epoch(0)) == [0, 1, 2, 3, 4]
    assert batches.exhausted
    with pytest.warns(LatihWarning, match="ended after 5 batches: 0 of more came"):
        assert numbers(batches.epoch(1)) == []


@pytest.mark.parametrize(
    "make", [lambda: counted(4), lambda: Batches(4), lambda: DataLoader(TensorDataset(X, Y), 3)]
)
def test_a_look_at_the_first_batch_takes_nothing(make: Any) -> None:
    plain = numbers(StreamBatches(make()).epoch(0))
    looked = StreamBatches(make())
    assert numbers(iter([looked.peek(), looked.peek()])) == plain[:1] * 2
    assert numbers(looked.stream(0, 2)) == plain[:2]
    assert numbers(iter([looked.peek()])) == plain[2:3]
    assert numbers(looked.stream(2, 2)) == plain[2:]


def test_an_iterable_is_begun_once_a_pass() -> None:
    data = Batches(3)
    batches = StreamBatches(data)
    batches.peek()
    for epoch in range(4):
        assert numbers(batches.epoch(epoch)) == [0, 1, 2]
    assert data.passes == 4


ITEMS: dict[str, tuple[Any, Any, Any, Any]] = {
    "x alone": (X, X, [], []),
    "a tuple of one": ((X.numpy(),), X, [], []),
    "x and y": ((X, Y), X, [Y], [None]),
    "a list, as torch collates": ([X, Y], X, [Y], [None]),
    "with weights": ((X, Y, Y[:, None] / 2), X, [Y], [Y / 2]),
    "no targets": ((X, None), X, [], []),
    "doubles": ((X.double(), Y.double().numpy()), X, [Y.float()], [None]),
    "bytes": ((X.to(torch.uint8), Y.to(torch.uint8)), X.to(torch.uint8), [Y], [None]),
    "lists of numbers": ((X.tolist(), Y.tolist()), X, [Y], [None]),
    "frames": ((pandas.DataFrame(X.numpy()), pandas.Series(Y.numpy())), X, [Y], [None]),
    "a list of inputs": (([X, X * 2], Y), [X, X * 2], [Y], [None]),
    "named inputs alone": ({"a": X, "b": Y}, {"a": X, "b": Y}, [], []),
    "named inputs": (({"b": X, "a": X * 2}, Y), {"b": X, "a": X * 2}, [Y], [None]),
    "two outputs": ((X, [Y, X]), X, [Y, X], [None, None]),
    "named outputs": ((X, {"b": Y, "a": X}), X, [X, Y], [None, None]),
    "weights of one of two": (
        (X, {"b": Y, "a": X}, {"b": Y / 2}),
        X,
        [X, Y],
        [None, Y / 2],
    ),
    "weights of both": ((X, [Y, X], Y / 2), X, [Y, X], [Y / 2, Y / 2]),
}


def listed(structure: Any) -> Any:
    if isinstance(structure, torch.Tensor):
        return str(structure.dtype), structure.tolist()
    if isinstance(structure, dict):
        return {key: listed(part) for key, part in structure.items()}
    return [listed(part) for part in structure] if isinstance(structure, list) else structure


@pytest.mark.parametrize(("item", "x", "y", "weights"), ITEMS.values(), ids=ITEMS)
def test_an_item_is_parted(item: Any, x: Any, y: Any, weights: Any) -> None:
    (batch,) = StreamBatches(iter([item])).epoch(0)
    assert listed(batch.inputs) == listed(x)
    assert listed(batch.targets) == listed(y)
    assert listed(batch.weights) == listed(weights)
    assert batch.size == 11


def test_named_outputs_come_in_the_order_of_the_model() -> None:
    item = (X, {"a": X, "b": Y}, {"a": Y / 2})

    def by_names(x: Any, y: Any, w: Any, where: str, read: Any) -> Any:
        names = ["b", "a"]
        weights = sample_weights_as_list(w, f"{where}sample_weight", 2, names, read)
        return read(x, f"{where}x"), targets_as_list(y, f"{where}y", names, read=read), weights

    (batch,) = StreamBatches(iter([item]), parts=by_names).epoch(0)
    assert listed(batch.targets) == listed([Y, X])
    assert listed(batch.weights) == listed([None, Y / 2])


def test_a_class_weight_reaches_each_batch() -> None:
    items = [(X, Y % 3), (X, Y % 3, torch.full((11,), 0.5)), (X, [Y % 3, X])]
    by_class = torch.tensor([[1.0, 4.0, 0.25][int(n) % 3] for n in Y])
    one, two, three = StreamBatches(iter(items), class_weight={1: 4.0, 2: 0.25}).epoch(0)
    assert listed(one.weights) == listed([by_class])
    assert listed(two.weights) == listed([by_class / 2])
    assert listed(three.weights) == listed([by_class, None])
    with pytest.raises(InputError, match="class numbers as keys"):
        StreamBatches(iter(items), class_weight={"dog": 1.0})


FLAWED: list[tuple[Any, str]] = [
    ((X, Y[:5]), "`batch 2's x` and `batch 2's y` differ in length.*got 11 in .*, 5 in"),
    ((X, Y, Y[:5]), "5 in `batch 2's sample_weight`"),
    ((X, [["a"]] * 11), "`batch 2's y` holds text"),
    (({"a": X, "b": X[:3]}, Y), r"11 in `batch 2's x\['a'\]`, 3 in `batch 2's x\['b'\]`"),
    ((X, Y, Y, Y), "batch 2's item cannot be used: expected x, .*got a tuple of 4"),
    ((3.0, Y), "`batch 2's x` is a single number"),
    ((X[:0], Y[:0]), "`batch 2's x` is empty"),
    ((X, Y, [Y, Y]), "`batch 2's sample_weight` does not fit"),
]


@pytest.mark.parametrize(("item", "sentence"), FLAWED)
def test_a_flawed_item_is_named_by_its_number(item: Any, sentence: str) -> None:
    batches = StreamBatches(iter([(X, Y), item])).epoch(0)
    next(batches)
    with pytest.raises(InputError, match=sentence):
        next(batches)


def test_the_first_batch_and_no_other_is_searched_for_nan() -> None:
    flawed = X / X  # 0 / 0 in the first place
    for look in (StreamBatches.peek, lambda batches: next(batches.epoch(0))):
        with pytest.raises(InputError, match=r"`batch 1's x` holds NaN or infinity.*1 of 22"):
            look(StreamBatches(iter([(flawed, Y)])))
    sound, other = StreamBatches(iter([(X, Y), (flawed, Y)])).epoch(0)
    assert sound.size == other.size == 11


def test_data_without_a_batch_are_refused() -> None:
    for data in (iter([]), Batches(0), Flow(0)):
        with pytest.raises(InputError, match="the data give no batch"):
            StreamBatches(data).peek()
        with pytest.raises(InputError, match="the data give no batch"):
            list(StreamBatches(data).epoch(0))
    with pytest.raises(InputError, match="a Examples that is empty"):
        StreamBatches(Examples(0))
    with pytest.raises(InputError, match="a Dataset without a length"):
        StreamBatches(Dataset())


def test_an_error_of_the_users_own_is_theirs_with_the_number_of_the_batch() -> None:
    def broken() -> Iterator[Any]:
        yield X, Y
        raise KeyError("no such file")

    with pytest.raises(KeyError, match="no such file") as error:
        list(StreamBatches(broken()).epoch(0))
    assert error.value.__notes__ == ["while batch 2 was read from the data"]


def test_a_batch_size_that_does_nothing_is_warned_of() -> None:
    loader = DataLoader(TensorDataset(X, Y), 4)
    with pytest.warns(LatihWarning, match="batch_size=8 is not used: a DataLoader makes.*of 4"):
        StreamBatches(loader, batch_size=8)
    with pytest.warns(LatihWarning, match="batch_size=8 is not used: a generator makes its own"):
        StreamBatches(counted(), batch_size=8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        StreamBatches(loader, batch_size=4)
    with pytest.raises(InputError, match="`batch_size` of fit"):
        StreamBatches(TensorDataset(X, Y), batch_size=0)


def test_workers_give_the_same_batches() -> None:
    loader = DataLoader(Examples(20), 3, num_workers=1, persistent_workers=True)
    wanted = list(DataLoader(Examples(20), 3))
    batches = StreamBatches(loader)
    batches.peek()
    for epoch in range(2):
        assert_same(batches.epoch(epoch), wanted)
