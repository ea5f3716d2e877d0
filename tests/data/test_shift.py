"""The last rows are told from the rest where they differ, and not where chance would do."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latih.data import label_shift, split_last
from latih.data.shift import _chance_of_gap, _largest_gap  # pyright: ignore[reportPrivateUsage]


def told(targets: torch.Tensor, fraction: float = 0.2) -> str:
    (first,), (last,) = split_last(fraction, targets)
    return label_shift(first, last)


def test_a_file_that_is_sorted_by_its_label_is_told() -> None:
    labels = torch.arange(3).repeat_interleave(50)
    for targets in (
        labels,
        labels[:, None],
        labels.float(),
        labels.to(torch.uint8),
        torch.eye(3)[labels],
    ):
        assert told(targets) == told(labels)
    # The rest has 50, 50 and 20 of the classes; what one side lacks is told before all.
    assert told(labels) == (
        "the rows that validation_split holds back (the last) are of other classes than the rest: "
        "class 0 is missing among them and makes up 42% of the rest. "
        "Shuffle the rows first, or give validation_data."
    )
    assert "class 2 makes up 100% of them and is missing in the rest" in told(labels, 1 / 3)


def test_a_class_that_is_too_frequent_is_told() -> None:
    rest, last = torch.tensor([0] * 900 + [1] * 100), torch.tensor([0] * 100 + [1] * 100)
    assert "class 1 makes up 50% of them and 10% of the rest" in label_shift(rest, last)


def test_a_rare_class_that_one_side_lacks_is_told() -> None:
    dice = np.random.default_rng(3)
    labels = torch.tensor(dice.integers(0, 10, 5000))
    rare = labels.clone()
    rare[:4000][labels[:4000] == 0] = 10
    assert "class 10 is missing among them" in told(rare)
    rare = labels.clone()
    rare[4500:][labels[4500:] == 0] = 12
    assert "class 12 makes up" in told(rare) and "missing in the rest" in told(rare)


def test_quantities_that_drift_are_told() -> None:
    dice = np.random.default_rng(4)
    noise = torch.tensor(dice.normal(size=1000))
    assert told(noise) == ""
    assert "their median is" in told(noise.sort().values)
    assert "their median is" in told(noise + torch.linspace(0, 3, 1000))
    two = torch.stack([noise, noise + torch.linspace(0, 3, 1000)], dim=1)
    assert "median in column 1 is" in told(two)
    years = torch.arange(1000) * 7 + 1000  # whole numbers that are no classes
    assert "median is 7" in told(years)


def test_what_cannot_be_judged_is_let_be() -> None:
    ramp = torch.linspace(0, 1, 1000)
    assert told(ramp[:, None].expand(1000, 17)) == ""  # as wide as images
    assert told(ramp[:, None, None].expand(1000, 2, 2)) == ""
    assert told((ramp[:, None].expand(1000, 5) * 9).long()) == ""  # tokens
    assert told(torch.tensor([0, 0, 0, 1, 1])) == ""  # chance: one time in ten
    assert told(torch.zeros(100)) == ""


def split_at_random(labels: torch.Tensor, seed: int) -> str:
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    return told(labels[order])


DICE = np.random.default_rng(5)
KINDS: dict[str, torch.Tensor] = {
    "two classes": torch.tensor(DICE.integers(0, 2, 400)),
    "ten classes": torch.tensor(DICE.integers(0, 10, 1000)),
    "a hundred classes, few each": torch.tensor(DICE.integers(0, 100, 600)),
    "a long tail": torch.tensor((DICE.uniform(size=1000) ** 4 * 60).astype("int64")),
    "few rows": torch.tensor(DICE.integers(0, 3, 20)),
    "one-hot": torch.eye(4)[DICE.integers(0, 4, 300)],
    "normal": torch.tensor(DICE.normal(size=500)),
    "heavy tails": torch.tensor(DICE.standard_cauchy(size=(300, 3))),
}


@pytest.mark.parametrize("targets", KINDS.values(), ids=KINDS)
def test_splits_at_random_raise_no_alarm(targets: torch.Tensor) -> None:
    alarms = sum(bool(split_at_random(targets, seed)) for seed in range(1000))
    # Meant to be one in 10,000; two in 1,000 come of that one time in 200.
    assert alarms <= 1


@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=20),
    st.lists(st.integers(-5, 5), min_size=1, max_size=20),
)
def test_the_gap_is_the_largest_between_the_two_shares(one: list[int], other: list[int]) -> None:
    wanted = max(
        abs(sum(a <= v for a in one) / len(one) - sum(b <= v for b in other) / len(other))
        for v in one + other
    )
    a, b = (torch.tensor(sorted(values)).double() for values in (one, other))
    assert _largest_gap(a, b) == pytest.approx(wanted, abs=1e-12)


def test_the_chance_of_a_gap_is_that_of_all_ways_to_choose() -> None:
    # All ways to part the numbers 0 to 15 into eight and eight.
    gaps = []
    for chosen in itertools.combinations(range(16), 8):
        steps = np.full(16, -1)
        steps[list(chosen)] = 1
        gaps.append(np.abs(np.cumsum(steps)).max() / 8)
    for distance in (0.5, 0.625):
        exact = np.mean(np.array(gaps) >= distance - 1e-9)
        # The series is of large samples: of eight and eight it is near.
        assert _chance_of_gap(distance, 4.0) == pytest.approx(exact, rel=0.2)
