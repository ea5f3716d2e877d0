"""Every schedule against Keras's, torch's or its closed form, over arguments and steps.

Keras reckons in float32 by default, whose rounding an exponent multiplies: here it does in float64.
"""

import os

os.environ["KERAS_BACKEND"] = "torch"  # before anybody imports keras

import inspect
import json
import math
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import latih
from latih.errors import InputError
from latih.optimizers import schedules
from latih.optimizers.schedules import SCHEDULES

# Keras 3.15's own __array__ lacks an argument that NumPy 2 asks for.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

EXACT = 1e-7
NOT_KERAS = {"OneCycle", "PowerDecay", "Warmup"}
many = settings(deadline=None, derandomize=True, database=None, max_examples=300)

rates = st.floats(1e-6, 10.0)


def up_to(largest: float) -> st.SearchStrategy[float]:
    # Whatever makes numbers below 1e-307 zero in this process, schedules have no use for them.
    return st.floats(0.0, largest, allow_subnormal=False)


steps_given = st.integers(0, 3000)
lengths = st.integers(1, 1000)


@pytest.fixture(autouse=True, scope="module")
def keras_in_float64() -> Iterator[None]:
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx("float32")


def assert_keras(name: str, step: int, *arguments: Any, **more: Any) -> None:
    ours = getattr(schedules, name)(*arguments, **more)
    theirs = getattr(keras.optimizers.schedules, name)(*arguments, **more)
    wanted = float(theirs(step))
    # At the end of a wave, what the rounding of the cosine leaves of the first rate is no rate.
    largest = max(more.get("warmup_target") or 0.0, arguments[0]) if "Cosine" in name else 0.0
    assert ours(step) == pytest.approx(wanted, rel=EXACT, abs=1e-15 * largest)
    assert float(ours(torch.tensor(step))) == pytest.approx(ours(step), rel=1e-6, abs=1e-30)
    assert json.loads(json.dumps(ours.get_config())) == json.loads(json.dumps(theirs.get_config()))


@many
@given(rates, lengths, st.floats(0.1, 1.2), st.booleans(), steps_given)
def test_exponential_decay(
    initial: float, length: int, rate: float, staircase: bool, step: int
) -> None:
    assume(step / length * abs(math.log10(rate)) < 25)  # float32, in which tensors come, ends there
    assert_keras("ExponentialDecay", step, initial, length, rate, staircase)


@many
@given(rates, lengths, up_to(5.0), st.booleans(), steps_given)
def test_inverse_time_decay(
    initial: float, length: int, rate: float, staircase: bool, step: int
) -> None:
    assert_keras("InverseTimeDecay", step, initial, length, rate, staircase)


@many
@given(rates, lengths, rates, st.floats(0.1, 4.0), st.booleans(), steps_given)
def test_polynomial_decay(
    initial: float, length: int, end: float, power: float, cycle: bool, step: int
) -> None:
    assert_keras("PolynomialDecay", step, initial, length, end, power, cycle)


@many
@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=6, unique=True).map(sorted),
    st.data(),
)
def test_piecewise_constant_decay(boundaries: list[int], data: st.DataObject) -> None:
    values = data.draw(st.lists(rates, min_size=len(boundaries) + 1, max_size=len(boundaries) + 1))
    step = data.draw(st.one_of(steps_given, st.sampled_from(boundaries)))
    assert_keras("PiecewiseConstantDecay", step, boundaries, values)


@many
@given(
    rates,
    lengths,
    up_to(1.0),
    st.one_of(st.none(), rates),
    st.integers(0, 500),
    steps_given,
)
def test_cosine_decay(
    initial: float, length: int, alpha: float, target: float | None, rise: int, step: int
) -> None:
    assert_keras(
        "CosineDecay", step, initial, length, alpha, warmup_target=target, warmup_steps=rise
    )


@many
@given(
    rates,
    lengths,
    st.one_of(st.just(1.0), st.just(2.0), st.floats(1.05, 4.0)),
    st.floats(0.1, 1.5),
    up_to(0.9),
    steps_given,
)
def test_cosine_decay_restarts(
    initial: float, length: int, longer: float, higher: float, alpha: float, step: int
) -> None:
    # Right at a restart, Keras's rounding may say that it has not come yet.
    assume(longer == 1.0 or not at_restart(step / length, longer))
    assume(step / length < 60)
    assert_keras("CosineDecayRestarts", step, initial, length, longer, higher, alpha)


def at_restart(time: float, longer: float) -> bool:
    start, length = 0.0, 1.0
    while start < time + 1:
        if 0 < abs(start - time) < 1e-9 or (start == time and longer != 2.0):
            return True
        start, length = start + length, length * longer
    return False


@pytest.mark.parametrize("longer", [1.0, 1.1, 1.5, 2.0, 3.0, 5.0])
def test_every_restart_begins_where_it_should(longer: float) -> None:
    schedule = schedules.CosineDecayRestarts(0.5, 1000, longer, 0.5)
    start = 0.0
    for period in range(6):
        assert schedule(start) == pytest.approx(0.5 * 0.5**period, rel=1e-6), period
        middle = start + 500 * longer**period
        assert schedule(middle) == pytest.approx(0.25 * 0.5**period, rel=1e-6)
        start += 1000 * longer**period
        assert schedule(start - 1e-3) == pytest.approx(0.0, abs=1e-9)


@many
@given(
    st.floats(1e-4, 10.0),
    st.integers(2, 400),
    up_to(0.95),
    st.floats(1.0, 100.0),
    st.floats(1.0, 1e5),
    st.sampled_from(["cosine", "linear"]),
)
def test_one_cycle_is_torchs(
    peak: float, steps: int, fraction: float, start: float, end: float, annealing: str
) -> None:
    assume(fraction * steps > 1)  # a rise of no length is torch's division by zero
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        peak,
        steps,
        pct_start=fraction,
        anneal_strategy={"cosine": "cos"}.get(annealing, annealing),
        cycle_momentum=False,
        div_factor=start,
        final_div_factor=end,
    )
    ours = schedules.OneCycle(peak, steps, fraction, start, end, annealing)
    wanted = [theirs.get_last_lr()[0]]
    for _ in range(steps - 1):
        optimizer.step()
        theirs.step()
        wanted += theirs.get_last_lr()
    rates = [ours(step) for step in range(steps)]
    assert rates == pytest.approx(wanted, rel=EXACT, abs=peak * 1e-15)
    assert ours(steps + 100) == ours(steps - 1)


def test_one_cycle_without_a_rise_starts_at_its_peak() -> None:
    schedule = schedules.OneCycle(1.0, 11, 0.0, 10.0, 10.0, "linear")
    assert [schedule(step) for step in (0, 5, 10, 99)] == pytest.approx([1.0, 0.505, 0.01, 0.01])


@many
@given(rates, st.floats(0.5, 1000.0), up_to(3.0), steps_given)
def test_power_decay_is_its_formula(initial: float, unit: float, power: float, step: int) -> None:
    got = schedules.PowerDecay(initial, unit, power)(step)
    assert got == pytest.approx(initial * math.exp(-power * math.log1p(step / unit)), rel=EXACT)
    if power == 1:
        assert_same = keras.optimizers.schedules.InverseTimeDecay(initial, unit, 1.0)
        assert got == pytest.approx(float(assert_same(step)), rel=EXACT)


def test_power_decay_as_in_the_book() -> None:
    schedule = schedules.PowerDecay(0.6, 50)
    assert [schedule(50 * n) for n in range(4)] == pytest.approx([0.6, 0.3, 0.2, 0.15])


@many
@given(rates, rates, st.integers(1, 200), lengths, steps_given)
def test_warmup_before_a_cosine_is_that_of_keras_cosine(
    initial: float, target: float, rise: int, length: int, step: int
) -> None:
    ours = schedules.Warmup(schedules.CosineDecay(target, length), rise, initial)
    theirs = keras.optimizers.schedules.CosineDecay(
        initial, length, warmup_target=target, warmup_steps=rise
    )
    assert ours(step) == pytest.approx(float(theirs(step)), rel=EXACT, abs=target * 1e-15)


def test_warmup_before_a_number_and_before_a_schedule_of_ones_own() -> None:
    fixed = schedules.Warmup(0.4, 4, initial_learning_rate=0.2)
    assert [fixed(step) for step in (0, 1, 2, 4, 1000)] == pytest.approx([0.2, 0.25, 0.3, 0.4, 0.4])

    class Inverse(schedules.LearningRateSchedule):
        def __call__(self, step: Any) -> Any:
            return 1 / (step + 1)

    own = schedules.Warmup(Inverse(), 2)
    assert [own(step) for step in (0, 1, 2, 3)] == pytest.approx([0.0, 0.5, 1.0, 0.5])


# All of them

CASES: dict[str, Any] = {
    "ExponentialDecay": lambda k: k.ExponentialDecay(0.1, 10, 0.5, staircase=True),
    "InverseTimeDecay": lambda k: k.InverseTimeDecay(0.1, 10, 0.5),
    "PolynomialDecay": lambda k: k.PolynomialDecay(0.1, 10, cycle=True),
    "PowerDecay": lambda k: k.PowerDecay(0.1, 10, 0.7),
    "PiecewiseConstantDecay": lambda k: k.PiecewiseConstantDecay([5, 10], [0.3, 0.2, 0.1]),
    "CosineDecay": lambda k: k.CosineDecay(0.01, 10, 0.1, warmup_target=0.1, warmup_steps=5),
    "CosineDecayRestarts": lambda k: k.CosineDecayRestarts(0.1, 7, 1.5, 0.8, 0.05),
    "OneCycle": lambda k: k.OneCycle(0.1, 30, 0.4, annealing="linear"),
    "Warmup": lambda k: k.Warmup(k.Warmup(k.OneCycle(0.1, 20), 3, 0.01), 5),
}


def test_every_schedule_is_here() -> None:
    assert {cls.__name__ for cls in SCHEDULES.classes} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_a_schedule_comes_back_from_data_and_takes_tensors(name: str) -> None:
    schedule = CASES[name](schedules)
    data = json.loads(json.dumps(schedules.serialize(schedule)))
    again = schedules.deserialize(data)
    assert type(again) is type(schedule)
    wanted = [schedule(step) for step in range(40)]
    assert [again(step) for step in range(40)] == wanted
    several = schedule(torch.arange(40).reshape(5, 8))
    assert several.shape == (5, 8)
    assert several.flatten().tolist() == pytest.approx(wanted, rel=1e-6, abs=1e-9)
    assert schedule(torch.tensor(7)).shape == ()
    assert schedule(np.int64(7)) == wanted[7]
    optimizer = latih.optimizers.SGD(schedule)
    for _ in range(3):
        optimizer.apply([torch.ones(1)], [torch.ones(1)])
    assert optimizer.current_rate() == wanted[3]


@pytest.mark.parametrize("name", sorted(CASES.keys() - NOT_KERAS))
def test_files_and_arguments_are_keras(name: str) -> None:
    ours, theirs = CASES[name](schedules), CASES[name](keras.optimizers.schedules)
    data = json.loads(json.dumps(schedules.serialize(ours)))
    assert data == json.loads(json.dumps(keras.optimizers.schedules.serialize(theirs)))
    again = keras.optimizers.schedules.deserialize(data)
    assert float(again(7)) == pytest.approx(ours(7), rel=EXACT)
    told = [
        [(p.name, p.default) for p in inspect.signature(type(one).__init__).parameters.values()]
        for one in (ours, theirs)
    ]
    assert told[0] == told[1]


def test_latihs_own_do_not_say_that_they_are_keras() -> None:
    for name in NOT_KERAS:
        data = schedules.serialize(CASES[name](schedules))
        assert data["module"] == "latih.optimizers.schedules"


@pytest.mark.parametrize("step", [0, 1, 5, 17, 40])
@pytest.mark.parametrize("name", sorted(CASES.keys() - NOT_KERAS))
def test_keras_in_float32_is_as_near_as_float32_is(name: str, step: int) -> None:
    keras.config.set_floatx("float32")
    try:
        wanted = float(CASES[name](keras.optimizers.schedules)(step))
    finally:
        keras.config.set_floatx("float64")
    assert CASES[name](schedules)(step) == pytest.approx(wanted, rel=1e-5)


BAD = [-0.1, math.nan, math.inf, "x", None, [1, 2], torch.tensor([1.0, 2.0])]
GOOD: dict[str, dict[str, Any]] = {
    "ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5},
    "InverseTimeDecay": {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5},
    "PolynomialDecay": {
        **{"initial_learning_rate": 0.1, "decay_steps": 10},
        **{"end_learning_rate": 0.1, "power": 1.0},
    },
    "PowerDecay": {"initial_learning_rate": 0.1, "decay_steps": 10, "power": 1.0},
    "CosineDecay": {
        **{"initial_learning_rate": 0.1, "decay_steps": 10, "alpha": 0.1},
        **{"warmup_target": 0.1, "warmup_steps": 3},
    },
    "CosineDecayRestarts": {
        **{"initial_learning_rate": 0.1, "first_decay_steps": 10},
        **{"t_mul": 2.0, "m_mul": 1.0, "alpha": 0.1},
    },
    "OneCycle": {
        **{"peak": 0.1, "total_steps": 10, "warmup_fraction": 0.3, "start_divisor": 25.0},
        **{"end_divisor": 10.0, "annealing": "cosine"},
    },
    "Warmup": {"schedule": 0.1, "warmup_steps": 10, "initial_learning_rate": 0.0},
}
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    *(
        (name, {argument: value}, argument)
        for name, arguments in GOOD.items()
        for argument in arguments
        for value in BAD
        if not (argument == "warmup_target" and value is None)
    ),
    *((name, {"decay_steps": 0}, "decay_steps") for name in GOOD if "decay_steps" in GOOD[name]),
    *((name, {"alpha": 1.1}, "alpha") for name in ("CosineDecay", "CosineDecayRestarts")),
    ("CosineDecay", {"warmup_steps": 2.5}, "warmup_steps"),
    ("CosineDecayRestarts", {"first_decay_steps": 0}, "first_decay_steps"),
    ("CosineDecayRestarts", {"t_mul": 0.9}, "t_mul"),
    ("OneCycle", {"peak": 0.0}, "peak"),
    ("OneCycle", {"total_steps": 1}, "total_steps"),
    ("OneCycle", {"warmup_fraction": 1.0}, "warmup_fraction"),
    ("OneCycle", {"start_divisor": 0.5}, "start_divisor"),
    ("Warmup", {"warmup_steps": 0}, "warmup_steps"),
    ("PiecewiseConstantDecay", {"boundaries": [1, 2], "values": [0.1, 0.2]}, "boundaries"),
    ("PiecewiseConstantDecay", {"boundaries": [2, 1], "values": [0.1, 0.2, 0.3]}, "boundaries"),
    ("PiecewiseConstantDecay", {"boundaries": [1, 1], "values": [0.1, 0.2, 0.3]}, "boundaries"),
    ("PiecewiseConstantDecay", {"boundaries": ["x"], "values": [0.1, 0.2]}, "boundaries"),
    ("PiecewiseConstantDecay", {"boundaries": [1], "values": [0.1, -0.2]}, "values"),
]


@pytest.mark.parametrize(("name", "bad", "named"), REFUSED, ids=str)
def test_bad_arguments_are_refused_by_their_name(
    name: str, bad: dict[str, Any], named: str
) -> None:
    with pytest.raises(InputError, match=f"`{named}`"):
        getattr(schedules, name)(**{**GOOD.get(name, {}), **bad})


def test_good_arguments_are_taken() -> None:
    for name, arguments in GOOD.items():
        assert math.isfinite(getattr(schedules, name)(**arguments)(3))
