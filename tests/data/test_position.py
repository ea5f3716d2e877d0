"""Data that are read on from the middle of a pass give what the unbroken run would have given."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
)

import latih.random
from latih.data import ArrayBatches, Batch, StreamBatches
from latih.data.batches import Batches
from latih.errors import InputError, LatihWarning
from latih.structures import flatten

X = torch.arange(22).float().reshape(11, 2)
Y = torch.arange(11)


def draws() -> list[float]:
    """Return a number of each generator that a user may draw from."""
    return [random.random(), float(np.random.rand()), float(torch.rand(()))]


class Drawing(Dataset):
    """Examples that are drawn anew each time, as augmented ones are."""

    def __len__(self) -> int:
        return 11

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        return torch.tensor([float(row), *draws()]), row


class Holding(Drawing):
    """Examples that are drawn from generators of the data set's own."""

    def __init__(self) -> None:
        self.numpy = np.random.default_rng(3)
        self.old = [np.random.RandomState(4), np.random.Generator(np.random.MT19937(5))]
        self.more = {"philox": np.random.Generator(np.random.Philox(6)), "python": random.Random(7)}
        self.torch = torch.Generator().manual_seed(8)
        self.system = random.SystemRandom()

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        drawn = [
            self.numpy.random(),
            *(dice.normal() for dice in self.old),
            *(dice.random() for dice in self.more.values()),
            float(torch.rand((), generator=self.torch)),
        ]
        return torch.tensor([float(row), *drawn]), row


class Flow(IterableDataset):
    """Rows in an order that is drawn as a pass begins, each with numbers drawn as it is read."""

    def __iter__(self) -> Iterator[tuple[torch.Tensor, int]]:
        for row in torch.randperm(11).tolist():
            yield torch.tensor([float(row), *draws()]), row


class Sequence:
    """Batches of a user's own class, in orders that are drawn."""

    def __iter__(self) -> Iterator[Any]:
        for step in np.random.permutation(5):
            yield np.array([[float(step), *draws()]] * 2), np.full(2, step)


class Chunks(Dataset):
    """Nothing but rows; how they are shuffled is the sampler's affair."""

    def __len__(self) -> int:
        return 11

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        return X[row], row


def generated(steps: int | None = None) -> Iterator[Any]:
    """Yield batches that carry their number and what is drawn as they are read."""
    step = 0
    while steps is None or step < steps:
        yield np.array([[float(step), *draws()]]), [step]
        step += 1


def arrays(**asked: Any) -> Callable[[], Batches]:
    def make() -> Batches:
        return ArrayBatches(X, [Y], batch_size=3, seed=latih.random.make_seed(), **asked)

    return make


def stream(data: Callable[[], Any], **asked: Any) -> Callable[[], Batches]:
    return lambda: StreamBatches(data(), seed=latih.random.make_seed(), **asked)


def loader(data: Callable[[], Any] = lambda: TensorDataset(X, Y), **asked: Any) -> Any:
    def make() -> Any:
        options = {name: made() if callable(made) else made for name, made in asked.items()}
        return DataLoader(data(), 3, **options)

    return stream(make)


def dice() -> torch.Generator:
    return torch.Generator().manual_seed(31)


def weighted() -> WeightedRandomSampler:
    return WeightedRandomSampler(torch.arange(1.0, 12.0).tolist(), 11)


def with_dice(replacement: bool) -> Callable[[], RandomSampler]:
    return lambda: RandomSampler(range(11), replacement, 50, generator=dice())


# Each makes the batches of a script anew. What is drawn to make them is drawn from its seed.
SOURCES: dict[str, Callable[[], Any]] = {
    "arrays": arrays(),
    "shuffled arrays": arrays(shuffle=True),
    "a data set of tensors": stream(lambda: TensorDataset(X, Y), batch_size=3, shuffle=True),
    "a data set that draws": stream(Drawing, batch_size=3, shuffle=True),
    "a data set in its order": stream(Drawing, batch_size=4),
    "a data set that holds generators": stream(Holding, batch_size=3, shuffle=True),
    "a part of one": stream(lambda: Subset(Holding(), range(9)), batch_size=2),
    "a loader": loader(),
    "a shuffling loader": loader(shuffle=True),
    "a loader that draws": loader(Drawing, shuffle=True),
    "a loader whose data hold generators": loader(Holding, shuffle=True),
    "a weighing sampler": loader(sampler=weighted),
    "a loader with its generator": loader(shuffle=True, generator=dice),
    "a sampler with its generator": loader(sampler=with_dice(False)),
    "a sampler that draws in pieces": loader(sampler=with_dice(True)),
    "an iterable data set": stream(Flow, batch_size=3),
    "a loader of an iterable data set": loader(Flow),
    "an iterable": stream(Sequence),
}
WORKERS: dict[str, Callable[[], Any]] = {
    "two that draw": loader(Drawing, shuffle=True, num_workers=2),
    "one beside a generator": loader(Holding, shuffle=True, generator=dice, num_workers=1),
    "of an iterable data set": loader(Flow, num_workers=2),
}


def pick(batch: Batch) -> list[Any]:
    return [part.tolist() for part in [*flatten(batch.inputs), *flatten(batch.targets)]]


def read(batches: Iterator[Batch], most: int | None = None) -> list[Any]:
    """Return what comes, in a process in which others draw between the batches."""
    came = []
    while (most is None or len(came) < most) and (batch := next(batches, None)) is not None:
        came.append(pick(batch))
        draws(), latih.random.make_seed()
    return came


def from_disk(state: Any) -> Any:
    """Return the state as it comes back from a file of JSON and another of tensors."""
    tensors: list[torch.Tensor] = []

    def aside(part: Any) -> Any:
        assert isinstance(part, torch.Tensor), type(part)
        tensors.append(part.clone())
        return {"tensor": len(tensors) - 1}

    text = json.dumps(state, default=aside, allow_nan=False)
    return json.loads(
        text,
        object_hook=lambda found: tensors[found["tensor"]] if "tensor" in found else found,
    )


def as_one(state: Any) -> str:
    return json.dumps(state, default=lambda tensor: tensor.tolist())


def begin(make: Callable[[], Any], seed: int) -> Any:
    latih.random.set_random_seed(seed)
    batches = make()
    batches.peek()
    return batches


def interrupted(make: Callable[[], Any], epoch: int, offset: int) -> tuple[Any, ...]:
    """Return the states at a place, what the unbroken run read after it, and its last state."""
    batches = begin(make, 1)
    for before in range(epoch):
        read(batches.epoch(before))
    under_way = batches.epoch(epoch)
    read(under_way, offset)
    states = from_disk([batches.state_dict(), latih.random.state_dict()])
    after = [read(under_way), read(batches.epoch(epoch + 1)), read(batches.epoch(epoch + 2), 1)]
    return states, after, as_one([latih.random.state_dict(), batches.state_dict()])


def resumed(make: Callable[[], Any], states: Any, epoch: int, offset: int) -> tuple[Any, str]:
    batches = begin(make, 999)
    batches.load_state_dict(states[0])
    latih.random.load_state_dict(states[1])
    assert as_one(batches.state_dict()) == as_one(states[0])
    after = [
        read(batches.epoch(epoch, offset)),
        read(batches.epoch(epoch + 1)),
        read(batches.epoch(epoch + 2), 1),
    ]
    return after, as_one([latih.random.state_dict(), batches.state_dict()])


PLACES = [(0, 0), (0, 1), (0, "end"), (1, 0), (2, 2), (2, "end")]


@pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)
def test_a_pass_goes_on_with_the_very_next_batch(make: Callable[[], Any]) -> None:
    steps = len(read(begin(make, 1).epoch(0)))
    assert steps >= 3
    for epoch, place in PLACES:
        offset = steps if place == "end" else place
        states, wanted, stands = interrupted(make, epoch, offset)
        assert len(wanted[0]) == steps - offset and len(wanted[1]) == steps
        assert resumed(make, states, epoch, offset) == (wanted, stands)


@pytest.mark.parametrize("make", WORKERS.values(), ids=WORKERS)
def test_workers_draw_again_what_they_drew(make: Callable[[], Any]) -> None:
    for epoch, offset in ((0, 0), (1, 2)):
        states, wanted, stands = interrupted(make, epoch, offset)
        assert resumed(make, states, epoch, offset) == (wanted, stands)


@pytest.mark.parametrize(("epoch", "offset"), [(0, 0), (0, 2), (1, 2)])
def test_kept_workers_read_in_the_order_of_the_run(epoch: int, offset: int) -> None:
    make = loader(shuffle=True, num_workers=1, persistent_workers=True)
    states, wanted, stands = interrupted(make, epoch, offset)
    assert resumed(make, states, epoch, offset) == (wanted, stands)
    # Nor does it matter whether the workers of the new process have read already.
    latih.random.set_random_seed(999)
    batches = make()
    batches.load_state_dict(states[0])
    latih.random.load_state_dict(states[1])
    assert read(batches.epoch(epoch, offset)) == wanted[0]


def test_a_memory_map_goes_on(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X.numpy())

    def make() -> ArrayBatches:
        mapped = torch.from_numpy(np.load(tmp_path / "x.npy", mmap_mode="c"))
        return ArrayBatches(mapped, [Y], batch_size=2, shuffle=True, seed=latih.random.make_seed())

    states, wanted, stands = interrupted(make, 1, 4)
    assert resumed(make, states, 1, 4) == (wanted, stands)


@given(st.sampled_from(sorted(SOURCES)), st.integers(0, 14), st.integers(1, 7), st.booleans())
def test_epochs_of_some_steps_go_on(name: str, steps: int, each: int, again: bool) -> None:
    def tail(batches: Any) -> list[Any]:
        done, offset = divmod(steps, each)
        first = read(batches.stream(steps, each - offset))
        return [first, read(batches.stream((done + 1) * each, each))]

    make = SOURCES[name]
    batches = begin(make, 1)
    for first in range(0, steps - steps % each, each):
        read(batches.stream(first, each))
    read(batches.stream(steps - steps % each, each), steps % each)
    states = from_disk([batches.state_dict(), latih.random.state_dict()])
    wanted = tail(batches)
    for _ in range(1 + again):  # A run that was resumed is killed again, before it has read.
        batches = begin(make, 999)
        batches.load_state_dict(states[0])
        latih.random.load_state_dict(states[1])
        states = from_disk([batches.state_dict(), latih.random.state_dict()])
    assert tail(batches) == wanted


@pytest.mark.parametrize("taken", [0, 1, 5, 6])
def test_a_generator_that_is_made_anew_is_read_to_the_place(taken: int) -> None:
    make = stream(generated)
    batches = begin(make, 1)
    came = [read(batches.stream(first, 3)) for first in range(0, taken - taken % 3, 3)]
    came.append(read(batches.stream(taken - taken % 3, 3), taken % 3))
    states = from_disk([batches.state_dict(), latih.random.state_dict()])
    wanted = read(batches.stream(taken, 7))
    stands = as_one(latih.random.state_dict())
    numbers = [row[0][0][0] for part in [*came, wanted] for row in part]
    assert numbers == list(range(taken + 7))
    # The script that is run again has the same seed; what others draw before the resume is theirs.
    for looks in (True, False):
        latih.random.set_random_seed(1)
        again = make()
        if looks:
            again.peek()
        draws()
        again.load_state_dict(states[0])
        latih.random.load_state_dict(states[1])
        assert as_one(again.state_dict()) == as_one(states[0])
        assert read(again.stream(taken, 7)) == wanted
        assert as_one(latih.random.state_dict()) == stands


def test_a_generator_that_began_with_another_seed_is_warned_of() -> None:
    def shuffled() -> Iterator[Any]:
        for step in torch.randperm(20).tolist():
            yield [[float(step)]], [step]

    def steady() -> Iterator[Any]:
        for step in range(20):
            yield [[float(step)]], [step]

    batches = begin(stream(shuffled), 1)
    read(batches.stream(0, 2))
    state = from_disk(batches.state_dict())
    wanted = read(batches.stream(2, 18))
    again = begin(stream(shuffled), 999)
    with pytest.warns(LatihWarning, match="drew random numbers as it began, from another seed"):
        again.load_state_dict(state)
    again = begin(stream(shuffled), 1)
    again.load_state_dict(state)
    assert read(again.stream(2, 18)) == wanted
    # One that draws nothing needs no seed.
    again = begin(stream(steady), 999)
    again.load_state_dict(state)
    assert len(read(again.stream(2, 18))) == 18


def test_a_generator_that_draws_later_is_resumed_twice_whatever_the_seed() -> None:
    def late() -> Iterator[Any]:
        yield [[0.0]], [0]
        for step in np.random.permutation(20):
            yield [[float(step)]], [step]

    latih.random.set_random_seed(1)
    batches = stream(late)()
    wanted = [pick(batch) for batch in batches.stream(0, 9)]
    state = from_disk(batches.state_dict())
    wanted += [pick(batch) for batch in batches.stream(9, 9)]
    for seed in (998, 999):
        again = begin(stream(late), seed)
        again.load_state_dict(state)
        state = from_disk(again.state_dict())
    assert read(again.stream(9, 9)) == wanted[9:]


def test_a_generator_that_has_ended_stays_at_its_end() -> None:
    batches = begin(stream(lambda: generated(4)), 1)
    read(batches.epoch(0))
    assert batches.exhausted
    again = begin(stream(lambda: generated(4)), 1)
    again.load_state_dict(from_disk(batches.state_dict()))
    assert again.exhausted
    # At the last batch nobody knows yet that it was the last.
    batches = begin(stream(lambda: generated(4)), 1)
    read(batches.epoch(0), 4)
    again = begin(stream(lambda: generated(4)), 1)
    again.load_state_dict(from_disk(batches.state_dict()))
    assert not again.exhausted
    assert read(again.epoch(0, 4)) == [] and again.exhausted


def test_a_pass_begins_at_any_batch() -> None:
    for name in ("shuffled arrays", "a data set of tensors", "a loader"):
        wanted = read(begin(SOURCES[name], 1).epoch(2))
        for first in range(len(wanted) + 1):
            assert read(begin(SOURCES[name], 1).epoch(2, first)) == wanted[first:]


def test_the_replay_leaves_the_process_as_it_is() -> None:
    states, *_ = interrupted(SOURCES["a loader that draws"], 1, 2)
    batches = begin(SOURCES["a loader that draws"], 999)
    before = as_one(latih.random.state_dict())
    batches.load_state_dict(states[0])
    assert as_one(latih.random.state_dict()) == before


def test_a_position_costs_the_data_no_reading_that_is_not_needed() -> None:
    class Counted(Chunks):
        read = 0

        def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
            Counted.read += 1
            return super().__getitem__(row)

    # A data set begins anywhere; a loader is not replayed where its pass has ended, nor where it
    # is to be read from its beginning, as validation data are.
    for make, at, after in (
        (stream(Counted, batch_size=3), 3, lambda batches: next(batches.epoch(0, 3))),
        (loader(Counted), 4, lambda batches: next(batches.epoch(1))),
        (loader(Counted), 4, lambda batches: next(batches.stream(4, 1))),
        (loader(Counted), 2, lambda batches: next(batches.epoch(0))),
    ):
        batches = begin(make, 1)
        read(batches.epoch(0), at)
        again = begin(make, 1)
        Counted.read = 0
        again.load_state_dict(from_disk(batches.state_dict()))
        assert Counted.read == 0
        size = after(again).size
        assert Counted.read == size


def test_the_generators_are_noted_once_a_pass_and_only_where_data_may_draw(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted: list[int] = []
    real = latih.random.state_dict
    monkeypatch.setattr(latih.random, "state_dict", lambda: noted.append(1) or real())
    for name, times in (("shuffled arrays", 0), ("a data set of tensors", 0), ("a loader", 2)):
        noted.clear()
        batches = begin(SOURCES[name], 1)
        read(batches.epoch(0))
        read(batches.epoch(1))
        assert len(noted) == times


def test_data_that_became_shorter_are_refused() -> None:
    class Short(Sequence):
        def __iter__(self) -> Iterator[Any]:
            return iter([*super().__iter__()][:2])

    def less(data: Any) -> Callable[[], Any]:
        return stream(lambda: data)

    pairs: list[tuple[Any, Any]] = [
        (stream(Drawing, batch_size=3), less(Subset(Drawing(), [1, 2]))),
        (loader(Drawing), loader(lambda: Subset(Drawing(), range(4)))),
        (stream(Sequence), stream(Short)),
        (stream(generated), stream(lambda: generated(2))),
    ]
    for whole, part in pairs:
        batches = begin(whole, 1)
        read(batches.epoch(0), 3)
        state = from_disk(batches.state_dict())
        again = begin(part, 1)
        with pytest.raises(InputError, match=r"end before the place.*at least 3 batches, got [12]"):
            again.load_state_dict(state)
            next(again.epoch(0, 3))


def test_data_of_another_kind_are_refused() -> None:
    names = ["arrays", "a data set that draws", "a loader", "an iterable"]
    batches = [begin(SOURCES[name], 1) for name in names] + [begin(stream(generated), 1)]
    for one in batches:
        for other in batches:
            if one is not other:
                with pytest.raises(InputError):
                    one.load_state_dict(from_disk(other.state_dict()))
    with pytest.raises(InputError, match=r"another kind.*expected a DataLoader, got a Dataset"):
        batches[1].load_state_dict(batches[2].state_dict())
    with pytest.raises(InputError, match="expected a DataLoader, got arrays"):
        batches[0].load_state_dict(batches[2].state_dict())
    with pytest.raises(InputError, match=r"none of data that are iterated.*got no taken"):
        state = batches[2].state_dict()
        del state["taken"]
        batches[2].load_state_dict(state)
    for seed in (None, "text"):
        with pytest.raises(InputError, match="`seed` of the state of arrays"):
            batches[0].load_state_dict({"kind": "arrays", "seed": seed})


def test_a_generator_that_is_further_on_is_refused() -> None:
    batches = begin(stream(generated), 1)
    state = batches.state_dict()
    read(batches.stream(0, 2))
    with pytest.raises(InputError, match=r"cannot go back.*got one that was read 2 times"):
        batches.load_state_dict(state)


def test_other_generators_in_the_data_are_refused() -> None:
    class Other(Holding):
        def __init__(self) -> None:
            super().__init__()
            self.numpy = np.random.RandomState(3)

    state = from_disk(begin(stream(Holding, batch_size=3), 1).state_dict())
    with pytest.raises(InputError, match=r"other random generators.*expected one at dataset\.\w+"):
        begin(stream(Drawing, batch_size=3), 1).load_state_dict(state)
    with pytest.raises(InputError, match=r"generator dataset.numpy cannot be put.*a RandomState"):
        begin(stream(Other, batch_size=3), 1).load_state_dict(state)


def test_what_cannot_be_repeated_is_said() -> None:
    kept = loader(num_workers=1, persistent_workers=True)()
    assert "persistent_workers=False" in kept.unrepeatable
    assert "in_order=True" in loader(num_workers=1, in_order=False)().unrepeatable
    for make in [*SOURCES.values(), *WORKERS.values(), stream(generated)]:
        assert make().unrepeatable is None
