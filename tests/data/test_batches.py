"""Batches hold every example exactly once, in an order that is a pure function of its numbers."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latih.data import ArrayBatches
from latih.errors import InputError

SIZES = st.integers(1, 60)
BATCHES = st.integers(1, 70)
SEEDS = st.integers(0, 2**31 - 1)
EPOCHS = st.integers(0, 100)


def numbered(size: int, batch_size: int, **asked: Any) -> ArrayBatches:
    """Examples that carry their own number in each of their three parts."""
    numbers = torch.arange(size)
    return ArrayBatches(
        numbers.float()[:, None].expand(size, 3).contiguous(),
        [numbers],
        [numbers.float() / 2],
        batch_size=batch_size,
        **asked,
    )


@given(SIZES, BATCHES, SEEDS, EPOCHS, st.booleans())
def test_an_epoch_holds_every_example_once_with_its_target_and_weight(
    size: int, batch_size: int, seed: int, epoch: int, shuffle: bool
) -> None:
    batches = numbered(size, batch_size, shuffle=shuffle, seed=seed)
    seen: list[int] = []
    sizes: list[int] = []
    for batch in batches.epoch(epoch):
        (targets,), (weights,) = batch.targets, batch.weights
        assert weights is not None
        assert len(batch.inputs) == len(targets) == len(weights) == batch.size
        numbers = targets.tolist()
        assert batch.inputs.tolist() == [[float(n)] * 3 for n in numbers]
        assert weights.tolist() == [n / 2 for n in numbers]
        seen += numbers
        sizes.append(batch.size)
    assert sorted(seen) == list(range(size))
    assert seen == batches.order(epoch).tolist()
    # All are full but the last, which holds what is left.
    assert sizes[:-1] == [batch_size] * (len(batches) - 1)
    assert 1 <= sizes[-1] <= batch_size
    if not shuffle:
        assert seen == list(range(size))


@given(SIZES, BATCHES, BATCHES, SEEDS, EPOCHS)
def test_the_order_is_a_pure_function_of_seed_and_epoch(
    size: int, batch_size: int, other_size: int, seed: int, epoch: int
) -> None:
    one = numbered(size, batch_size, shuffle=True, seed=seed)
    for _ in one.epoch(epoch + 1):
        pass
    other = numbered(size, other_size, shuffle=True, seed=seed)
    assert one.order(epoch).tolist() == other.order(epoch).tolist()


@given(SEEDS, EPOCHS)
def test_seeds_and_epochs_have_orders_of_their_own(seed: int, epoch: int) -> None:
    orders = {
        tuple(numbered(50, 8, shuffle=True, seed=s).order(e).tolist())
        for s in (seed, seed + 1)
        for e in (epoch, epoch + 1)
    }
    # Two of the 50! orders are alike once in 3e64 times.
    assert len(orders) == 4


def test_over_many_epochs_an_example_stands_everywhere_alike() -> None:
    size, epochs = 10, 4_000
    batches = numbered(size, 3, shuffle=True, seed=12)
    counts = np.zeros((size, size))
    for epoch in range(epochs):
        counts[np.arange(size), batches.order(epoch).numpy()] += 1
    expected = epochs / size
    chi_squared = ((counts - expected) ** 2 / expected).sum()
    # (size - 1)² degrees of freedom; five standard deviations.
    freedom = (size - 1) ** 2
    assert abs(chi_squared - freedom) < 5 * np.sqrt(2 * freedom)


def test_without_targets_and_weights_a_batch_has_none() -> None:
    for shuffle in (False, True):
        (batch,) = ArrayBatches(torch.arange(3), shuffle=shuffle).epoch(0)
        assert batch.targets == [] and batch.weights == []
        assert batch.size == 3


def test_a_batch_in_order_is_no_copy_of_the_data() -> None:
    inputs = torch.arange(10).float()
    pointers = [b.inputs.data_ptr() for b in ArrayBatches(inputs, batch_size=4).epoch(0)]
    assert pointers == [inputs[start:].data_ptr() for start in (0, 4, 8)]


def test_two_epochs_may_be_read_at_once() -> None:
    batches = numbered(9, 3, shuffle=True, seed=4)
    seen: tuple[list[int], list[int]] = ([], [])
    for both in zip(batches.epoch(0), batches.epoch(1), strict=True):
        for numbers, batch in zip(seen, both, strict=True):
            numbers += batch.inputs[:, 0].int().tolist()
    assert seen == (batches.order(0).tolist(), batches.order(1).tolist())


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, True, "8", "many", None, [2], float("nan")])
def test_a_batch_size_that_is_no_positive_whole_number_is_refused(batch_size: Any) -> None:
    with pytest.raises(InputError, match="`batch_size` "):
        ArrayBatches(torch.zeros(4), batch_size=batch_size)


@pytest.mark.parametrize("batch_size", [4, 4.0, np.int64(4), np.uint8(4)])
def test_a_whole_number_of_any_kind_is_taken(batch_size: Any) -> None:
    assert len(ArrayBatches(torch.zeros(9), batch_size=batch_size)) == 3


def test_parts_of_different_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="10 in `x`, 9 in `y`"):
        ArrayBatches(torch.zeros(10), [torch.zeros(9)])
    with pytest.raises(InputError, match=r"3 in `x\['a'\]`, 4 in `x\['b'\]`"):
        ArrayBatches({"a": torch.zeros(3), "b": torch.zeros(4)})
    with pytest.raises(InputError, match="for each of 2 targets, got 1"):
        ArrayBatches(torch.zeros(3), [torch.zeros(3)] * 2, [torch.zeros(3)])


@given(SIZES, BATCHES, SEEDS, EPOCHS, st.booleans())
def test_several_inputs_and_outputs_stay_together(
    size: int, batch_size: int, seed: int, epoch: int, shuffle: bool
) -> None:
    numbers = torch.arange(size)
    inputs = {"deep": numbers.float()[:, None], "wide": [numbers, numbers.double() + 0.5]}
    batches = ArrayBatches(
        inputs,
        [numbers, numbers[:, None] * 2],
        [None, numbers / 4],
        batch_size=batch_size,
        shuffle=shuffle,
        seed=seed,
    )
    seen: list[int] = []
    for batch in batches.epoch(epoch):
        rows = batch.targets[0].tolist()
        assert list(batch.inputs) == ["deep", "wide"]
        assert batch.inputs["deep"].tolist() == [[float(n)] for n in rows]
        assert batch.inputs["wide"][0].tolist() == rows
        assert batch.inputs["wide"][1].tolist() == [n + 0.5 for n in rows]
        assert batch.inputs["wide"][1].dtype == torch.float32
        assert batch.targets[1].tolist() == [[2 * n] for n in rows]
        assert batch.weights[0] is None and batch.weights[1] is not None
        assert batch.weights[1].tolist() == [n / 4 for n in rows]
        assert batch.size == len(rows)
        seen += rows
    assert seen == batches.order(epoch).tolist()


@given(SIZES, BATCHES, SEEDS, st.integers(0, 40))
def test_the_rest_of_a_pass_is_what_was_left_of_it(
    size: int, batch_size: int, seed: int, first: int
) -> None:
    batches = numbered(size, batch_size, shuffle=True, seed=seed)
    epoch, offset = divmod(first, len(batches))
    rest = [number for b in batches.stream(first, None) for number in b.targets[0].tolist()]
    assert rest == batches.order(epoch).tolist()[offset * batch_size :]


def test_the_first_batch_can_be_seen_beforehand() -> None:
    batches = numbered(9, 4, shuffle=True)
    peeked = batches.peek()
    assert peeked.inputs.shape == (4, 3) and peeked.targets[0].tolist() == [0, 1, 2, 3]
    assert sum(batch.size for batch in batches.epoch(0)) == batches.examples == 9
    assert batches.steps == len(batches) == 3
