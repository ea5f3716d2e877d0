import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latih.doctor.curves import (
    began,
    end,
    evenly,
    falls,
    finite,
    last,
    logged,
    persists,
    rising,
    slope,
    smoothed,
    straightness,
    turns,
)

numbers = st.floats(-1e3, 1e3, width=32, allow_subnormal=False)
curves = st.lists(numbers, min_size=2, max_size=30)


def test_what_is_no_number_is_left_out() -> None:
    assert finite([None, 1.0, math.inf, -math.inf, math.nan, 2.0]) == [1.0, 2.0]
    assert logged([{"loss": 1.0}, {}, {"loss": math.nan}, {"loss": 3.0}], "loss") == [1.0, 3.0]


@given(curves)
def test_the_slope_is_that_of_numpy(values: list[float]) -> None:
    expected = np.polynomial.Polynomial.fit(range(len(values)), values, 1).convert().coef
    assert slope(values) == pytest.approx(expected[1] if len(expected) > 1 else 0.0, abs=1e-6)


def test_one_value_has_no_slope() -> None:
    assert slope([]) == slope([3.0]) == 0.0


@given(curves, st.floats(0.1, 1.0, allow_subnormal=False))
def test_smoothing_stays_within_the_values_and_keeps_constants(
    values: list[float], weight: float
) -> None:
    means = smoothed(values, weight)
    assert len(means) == len(values)
    assert min(values) - 1e-9 <= min(means) and max(means) <= max(values) + 1e-9
    assert smoothed([2.0] * 4, weight) == [2.0] * 4
    assert smoothed(values, 1.0) == pytest.approx(values, abs=1e-9)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=12), st.integers(2, 40), st.data())
def test_evenly_spaced_values_are_those_of_numpy(
    gaps: list[int], count: int, data: st.DataObject
) -> None:
    places = np.cumsum([0, *gaps]).tolist()
    values = data.draw(st.lists(numbers, min_size=len(places), max_size=len(places)))
    expected = np.interp(np.linspace(0, places[-1], count), places, values)
    points = list(zip(places, values, strict=True))
    assert evenly(points, count) == pytest.approx(expected.tolist(), abs=1e-6)


def test_of_one_point_there_is_one_value() -> None:
    assert evenly([(3, 1.0)]) == [1.0] and evenly([]) == []


def test_the_end_has_two_values_at_least() -> None:
    assert end(range(10), 0.3) == range(7, 10)
    assert end([1, 2, 3], 0.01) == [2, 3]
    assert end([1], 0.5) == [1]


def test_the_last_value_is_not_moved_by_one_outlier() -> None:
    assert last([5.0, 1.0, 1.2, 99.0]) == 1.2
    assert math.isnan(last([]))


def test_a_run_persists_only_up_to_the_end() -> None:
    assert persists([False, True, True, True])
    assert not persists([True, True, True, False])
    assert not persists([True, True])
    assert began([True, False, True, True]) == 2
    assert began([False]) == 1
    assert began([True]) == began([]) == 0


def test_falls_go_from_peak_to_valley() -> None:
    assert falls([0.5, 0.75, 0.25, 0.5, 0.375]) == [0.5, 0.125]
    assert falls([1.0, 0.5, 0.25, 0.0]) == [1.0]
    assert falls([0.0, 1.0, 2.0]) == falls([]) == []
    assert falls([1.0, 0.5, 0.5, 1.0, 0.0]) == [0.5, 1.0]


@given(curves)
def test_no_fall_is_deeper_than_the_range(values: list[float]) -> None:
    deep = falls(values)
    assert all(0 < one <= max(values) - min(values) for one in deep)
    assert bool(deep) == any(b < a for a, b in pairwise(values))


def test_noise_turns_and_a_line_does_not() -> None:
    noise = np.random.default_rng(1).normal(size=3000).tolist()
    assert turns(noise) == pytest.approx(2 / 3, abs=0.03)
    assert turns([1.0, 2.0, 3.0, 4.0]) == 0.0
    assert turns([1.0]) == 0.0


def test_the_share_of_rises() -> None:
    assert rising([1.0, 2.0, 3.0, 2.5, 4.0]) == 0.75
    assert rising([1.0]) == 0.0


def test_a_line_is_straight_and_a_decay_is_not() -> None:
    assert straightness([4.0, 3.0, 2.0, 1.0]) == pytest.approx(1.0)
    assert straightness([math.exp(-n) for n in range(10)]) < 0.02
    assert straightness([1.0, 1.0, 1.0, 1.0]) == 0.0
    assert straightness([1.0, 0.5, 0.2]) == 0.0
