"""Masks are pure functions of their key, at the rate asked for, with nothing alike between them."""

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latih import random
from latih.errors import InputError

BITS = st.integers(0, 2**64 - 1)
RATES = st.floats(0.01, 0.99)


def key(bits: int) -> torch.Tensor:
    """The bits as a generator gives them to what draws."""
    return torch.from_numpy(np.array([bits], np.uint64).view(np.int32))


def as_numbers(bits: int, count: int, rate: float = 0.5) -> np.ndarray:
    return random.keep_mask(torch.zeros(count), rate, key(bits)).numpy()


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """The correlation in standard errors: beyond 5 happens by chance once in two million."""
    return float(np.corrcoef(one, other)[0, 1] * math.sqrt(len(one)))


@given(BITS, RATES)
def test_the_rate_is_what_was_asked_for_within_chance(bits: int, rate: float) -> None:
    count = 20_000
    dropped = count - as_numbers(bits, count, rate).sum()
    # Binomial: five standard deviations.
    assert abs(dropped - count * rate) < 5 * math.sqrt(count * rate * (1 - rate)) + 1


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_at_the_ends_none_or_all_are_dropped(rate: float) -> None:
    for bits in range(50):
        assert (as_numbers(random.mix(bits), 10_000, rate) == 1 - rate).all()


@given(BITS, st.integers(1, 200))
def test_neighbours_are_uncorrelated(bits: int, distance: int) -> None:
    mask = as_numbers(bits, 20_000)
    assert abs(correlation(mask[:-distance], mask[distance:])) < 5


@given(st.integers(0, 2**31 - 1), st.integers(0, 10_000), st.integers(1, 64))
def test_steps_are_uncorrelated(seed: int, step: int, apart: int) -> None:
    one, other = (as_numbers(random.mix(seed, s), 20_000) for s in (step, step + apart))
    assert abs(correlation(one, other)) < 5
    # Nor is one the other shifted by a little.
    for shift in (1, 2, 16):
        assert abs(correlation(one[:-shift], other[shift:])) < 5


@given(st.integers(0, 2**31 - 2), st.integers(0, 10_000))
def test_layers_are_uncorrelated(seed: int, step: int) -> None:
    one, other = (as_numbers(random.mix(s, step), 20_000) for s in (seed, seed + 1))
    assert abs(correlation(one, other)) < 5


@pytest.mark.parametrize("half", [0xFFFFFFFF, 0xFFFFFFFF00000000], ids=["first", "second"])
def test_keys_of_which_one_half_is_the_same_make_uncorrelated_masks(half: int) -> None:
    for number in range(100):
        key, other = random.mix(5, number), random.mix(6, number)
        masks = as_numbers(key, 20_000), as_numbers(key & half | other & ~half, 20_000)
        assert abs(correlation(*masks)) < 5


def test_a_unit_is_dropped_as_often_as_the_others_over_many_steps() -> None:
    steps, units, rate = 2_000, 64, 0.3
    kept = sum(as_numbers(random.mix(9, step), units, rate) for step in range(steps))
    assert isinstance(kept, np.ndarray)
    squares = ((kept - steps * (1 - rate)) ** 2 / (steps * rate * (1 - rate))).sum()
    # Chi-squared with 64 degrees of freedom: five standard deviations of sqrt(2 * 64).
    assert abs(squares - units) < 5 * math.sqrt(2 * units)


@given(BITS, RATES, st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_a_mask_is_a_pure_function_of_its_key(bits: int, rate: float, shape: list[int]) -> None:
    torch.manual_seed(bits % 1000)
    before = torch.get_rng_state()
    one = random.keep_mask(torch.zeros(shape), rate, key(bits))
    other = random.keep_mask(torch.full(shape, float("nan")), rate, key(bits))
    assert torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)
    # Its elements are told by their place alone.
    flat = random.keep_mask(torch.zeros(math.prod(shape)), rate, key(bits))
    assert torch.equal(one.reshape(-1), flat)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_a_mask_has_the_type_of_what_it_is_for(dtype: torch.dtype) -> None:
    mask = random.keep_mask(torch.zeros(3, 4, dtype=dtype), 0.5, key(1))
    assert mask.dtype == dtype and mask.shape == (3, 4)
    assert set(mask.reshape(-1).tolist()) <= {0.0, 1.0}


def test_a_mask_of_nothing_is_empty() -> None:
    assert random.keep_mask(torch.zeros(0, 3), 0.5, key(1)).shape == (0, 3)


# Normal draws


def normals(bits: int, count: int) -> np.ndarray:
    return random.standard_normal(torch.zeros(count), key(bits)).double().numpy()


@given(BITS)
def test_normal_draws_have_the_moments_of_the_normal(bits: int) -> None:
    count = 20_000
    draws = normals(bits, count)
    # The standard errors of the first four moments of n draws: the variances of z, z², z³ and z⁴
    # are 1, 2, 15 and 96.
    for power, (moment, variance) in enumerate([(0, 1), (1, 2), (0, 15), (3, 96)], start=1):
        assert abs((draws**power).mean() - moment) < 5 * math.sqrt(variance / count)


def test_normal_draws_follow_the_normal_into_its_tails() -> None:
    count = 4_000_000
    draws = normals(random.mix(7), count)
    for bound in (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 4.5):
        share = 0.5 * math.erfc(bound / math.sqrt(2))
        for beyond in ((draws > bound).sum(), (draws < -bound).sum()):
            assert abs(beyond - count * share) < 5 * math.sqrt(count * share) + 1
    assert np.isfinite(draws).all() and 4.8 < np.abs(draws).max() < 6.6


@given(BITS, st.integers(1, 200))
def test_neighbouring_normals_are_uncorrelated_in_value_and_in_size(
    bits: int, distance: int
) -> None:
    draws = normals(bits, 20_000)
    for values in (draws, draws**2):
        assert abs(correlation(values[:-distance], values[distance:])) < 5.5
    # The two of a pair share a radius and stand half the draws apart.
    assert abs(correlation(draws[:10_000], draws[10_000:])) < 5
    assert abs(correlation(draws[:10_000] ** 2, draws[10_000:] ** 2)) < 5.5


@given(st.integers(0, 2**31 - 2), st.integers(0, 10_000), st.integers(1, 64))
def test_normals_of_other_steps_and_layers_are_uncorrelated(
    seed: int, step: int, apart: int
) -> None:
    draws = normals(random.mix(seed, step), 20_000)
    for key in (random.mix(seed, step + apart), random.mix(seed + 1, step)):
        other = normals(key, 20_000)
        assert abs(correlation(draws, other)) < 5
        assert abs(correlation(draws**2, other**2)) < 5.5


@given(BITS, st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_normals_are_a_pure_function_of_their_key(bits: int, shape: list[int]) -> None:
    before = torch.get_rng_state()
    one = random.standard_normal(torch.zeros(shape), key(bits))
    assert torch.equal(one, random.standard_normal(torch.full(shape, float("nan")), key(bits)))
    assert torch.equal(torch.get_rng_state(), before)
    assert list(one.shape) == shape
    flat = random.standard_normal(torch.zeros(math.prod(shape)), key(bits))
    assert torch.equal(one.reshape(-1), flat)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_normals_have_the_type_of_what_they_are_for(dtype: torch.dtype) -> None:
    assert random.standard_normal(torch.zeros(3, 4, dtype=dtype), key(1)).dtype == dtype
    assert random.standard_normal(torch.zeros(0, 3, dtype=dtype), key(1)).shape == (0, 3)


def splitmix64(state: int) -> int:
    """The finaliser of SplitMix64 as its paper prints it."""
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % 2**64
    return state ^ (state >> 31)


def test_mix_gives_the_published_stream_of_splitmix64() -> None:
    # The first outputs of the reference implementation seeded with 0 and with 1234567.
    assert random.mix(0) == 0xE220A8397B1DCDAF
    assert random.mix(1234567) == 6457827717110365317
    assert random.mix(1234567 + 0x9E3779B97F4A7C15) == 3203168211198807973


@given(st.lists(st.integers(-(2**63), 2**64), min_size=1, max_size=4))
def test_mix_is_the_finaliser_once_a_number(numbers: list[int]) -> None:
    state = 0
    for number in numbers:
        state = splitmix64((state + number + 0x9E3779B97F4A7C15) % 2**64)
    assert random.mix(*numbers) == state


@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_the_order_of_the_numbers_counts(one: int, other: int) -> None:
    assert (random.mix(one, other) == random.mix(other, one)) == (one == other)


def test_a_generator_is_a_pure_function_of_its_numbers() -> None:
    def draw(*numbers: int) -> list[float]:
        return torch.rand(3, generator=random.generator(*numbers)).tolist()

    assert draw(1, 2) == draw(1, 2)
    assert draw(1, 2) != draw(2, 1)
    assert draw(1, 2) != draw(1, 3)


def test_one_seed_fixes_python_numpy_torch_and_latih() -> None:
    import random as pythons

    def draw() -> list[float]:
        random.set_random_seed(11)
        return [pythons.random(), np.random.rand(), torch.rand(1).item(), random.make_seed()]

    assert draw() == draw()


def test_without_a_seed_two_generators_draw_apart() -> None:
    assert random.SeedGenerator().seed != random.SeedGenerator().seed
    one, other = random.SeedGenerator(3), random.SeedGenerator(3)
    assert [one.next() for _ in range(5)] == [other.next() for _ in range(5)]
    assert one.draws == 5 and len({one.next() for _ in range(100)}) == 100


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, True, "1", None])
def test_a_seed_that_numpy_would_not_take_is_refused(seed: object) -> None:
    with pytest.raises(InputError, match="a whole number from 0 to 4294967295"):
        random.set_random_seed(seed)  # type: ignore[arg-type]


# Numbers, orders and parts


def distance_from(drawn: np.ndarray, cumulative: Callable[[np.ndarray], np.ndarray]) -> float:
    """Kolmogorov's distance, times √n: beyond 2.5 happens by chance once in 100,000."""
    ordered = np.sort(drawn)
    steps = np.arange(len(ordered) + 1) / len(ordered)
    wanted = cumulative(ordered)
    gap = max((steps[1:] - wanted).max(), (wanted - steps[:-1]).max())
    return float(gap * math.sqrt(len(ordered)))


@given(BITS)
def test_uniform_numbers_are_even_below_one_and_uncorrelated(bits: int) -> None:
    drawn = random.uniform(20_000, key(bits)).numpy()
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert distance_from(drawn.astype(float), lambda x: x) < 2.5
    assert abs(correlation(drawn[:-1], drawn[1:])) < 5
    assert (drawn == random.uniform(20_000, key(bits)).numpy()).all()


@given(BITS, st.integers(0, 200))
def test_a_permutation_holds_each_number_once(bits: int, count: int) -> None:
    assert sorted(random.permutation(count, key(bits)).tolist()) == list(range(count))


def test_each_order_of_three_is_as_likely() -> None:
    orders = Counter(
        tuple(random.permutation(3, key(random.mix(i))).tolist()) for i in range(6_000)
    )
    # Binomial: five standard deviations.
    assert len(orders) == 6
    assert all(abs(seen - 1_000) < 5 * math.sqrt(1_000 * 5 / 6) for seen in orders.values())


@pytest.mark.parametrize(
    ("alpha", "cumulative"),
    [
        (0.5, lambda x: 2 / math.pi * np.arcsin(np.sqrt(x))),
        (1.0, lambda x: x),
        (2.0, lambda x: 3 * x**2 - 2 * x**3),
    ],
)
def test_parts_follow_the_beta_distribution(
    alpha: float, cumulative: Callable[[np.ndarray], np.ndarray]
) -> None:
    drawn = random.beta(alpha, 20_000, random.mix(4)).double().numpy()
    assert distance_from(drawn, cumulative) < 2.5
    assert torch.equal(random.beta(alpha, 9, 4), random.beta(alpha, 9, 4))
    assert not torch.equal(random.beta(alpha, 9, 4), random.beta(alpha, 9, 5))


@pytest.mark.parametrize("alpha", [1e-6, 0.2, 50.0])
def test_parts_have_the_beta_distributions_moments(alpha: float) -> None:
    drawn = random.beta(alpha, 20_000, random.mix(6)).double()
    assert ((drawn >= 0) & (drawn <= 1)).all()
    variance = 1 / (4 * (2 * alpha + 1))
    assert abs(drawn.mean() - 0.5) < 5 * math.sqrt(variance / 20_000)
    assert drawn.var() == pytest.approx(variance, rel=0.05)
