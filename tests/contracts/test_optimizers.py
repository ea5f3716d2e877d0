"""Every optimizer and schedule keeps its contract."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch

import latih
from latih import optimizers
from latih.errors import InputError, LatihError, LatihWarning, NotReadyError
from latih.optimizers import OPTIMIZERS, Optimizer, schedules
from latih.optimizers.schedules import SCHEDULES, LearningRateSchedule
from latih.registry import to_snake_case
from latih.variables import Variable, name_scope

# A way to make it with slots, and how many of these a weight has.
CASES: dict[str, tuple[Callable[..., Optimizer], int]] = {
    "SGD": (lambda **more: optimizers.SGD(**{"learning_rate": 0.1, "momentum": 0.9, **more}), 1),
    "Adagrad": (lambda **more: optimizers.Adagrad(**{"learning_rate": 0.1, **more}), 1),
    "RMSprop": (
        lambda **more: optimizers.RMSprop(
            **{"learning_rate": 0.1, "momentum": 0.5, "centered": True, **more}
        ),
        3,
    ),
    "Adadelta": (
        lambda **more: optimizers.Adadelta(**{"learning_rate": 1.0, "epsilon": 0.01, **more}),
        2,
    ),
    "AdamW": (lambda **more: optimizers.AdamW(**{"learning_rate": 0.1, **more}), 2),
    "Adamax": (lambda **more: optimizers.Adamax(**{"learning_rate": 0.1, **more}), 2),
    "Nadam": (lambda **more: optimizers.Nadam(**{"learning_rate": 0.1, **more}), 2),
    "Lion": (lambda **more: optimizers.Lion(**{"learning_rate": 0.05, **more}), 1),
    "Adam": (lambda **more: optimizers.Adam(**{"learning_rate": 0.1, "amsgrad": True, **more}), 3),
}
SCHEDULE_CASES: dict[str, Callable[[], LearningRateSchedule]] = {
    "ExponentialDecay": lambda: schedules.ExponentialDecay(0.1, 10, 0.5, staircase=True),
    "InverseTimeDecay": lambda: schedules.InverseTimeDecay(0.1, 10, 0.5, staircase=True),
    "PolynomialDecay": lambda: schedules.PolynomialDecay(0.1, 10, 0.01, 2.0, cycle=True),
    "PowerDecay": lambda: schedules.PowerDecay(0.1, 10, 0.5),
    "PiecewiseConstantDecay": lambda: schedules.PiecewiseConstantDecay([5, 20], [0.1, 0.05, 0.01]),
    "CosineDecay": lambda: schedules.CosineDecay(0.01, 20, 0.1, warmup_target=0.1, warmup_steps=5),
    "CosineDecayRestarts": lambda: schedules.CosineDecayRestarts(0.1, 8, 1.5, 0.9, 0.01),
    "OneCycle": lambda: schedules.OneCycle(0.1, 25, annealing="linear"),
    "Warmup": lambda: schedules.Warmup(schedules.ExponentialDecay(0.1, 10, 0.5), 6, 0.01),
}
each = pytest.mark.parametrize("name", CASES)


def make(name: str, /, **more: Any) -> Optimizer:
    return CASES[name][0](**more)


def weights() -> list[torch.Tensor]:
    return [torch.linspace(-1, 1, 6).reshape(2, 3).clone(), torch.tensor([0.5, -0.5, 2.0])]


def gradients(step: int) -> list[torch.Tensor]:
    return [torch.full((2, 3), 0.3 + step), torch.tensor([0.1, -0.2, 5.0]) * (step + 1)]


def moved(optimizer: Optimizer, variables: list[torch.Tensor], steps: Any) -> list[torch.Tensor]:
    for step in steps:
        optimizer.apply(gradients(step), variables)
    return variables


def test_every_optimizer_and_schedule_is_in_its_table_and_here(public_classes: Any) -> None:
    assert {cls.__name__ for cls in OPTIMIZERS.classes} == set(CASES)
    assert public_classes(optimizers, Optimizer) == set(OPTIMIZERS.classes)
    assert {cls.__name__ for cls in SCHEDULES.classes} == set(SCHEDULE_CASES)
    assert public_classes(schedules, LearningRateSchedule) == set(SCHEDULES.classes)


@each
def test_an_optimizer_goes_down_a_bowl(name: str) -> None:
    optimizer, (variable, _) = make(name), weights()
    before = variable.square().sum()
    for _ in range(30):
        optimizer.apply([2 * variable], [variable])
    assert variable.square().sum() < 0.5 * before
    assert int(optimizer.iterations) == 30


@each
def test_the_state_goes_on_where_it_was(name: str) -> None:
    optimizer, whole = make(name), weights()
    moved(optimizer, whole, range(3))
    half, again = make(name), weights()
    moved(half, again, range(2))
    resumed = make(name)
    resumed.build(again)
    resumed.load_variables(half.variables)
    moved(resumed, again, [2])
    assert len(resumed.variables) == 2 + 2 * CASES[name][1] + len(resumed.scalars)
    for one, other in zip(
        [*again, *resumed.variables], [*whole, *optimizer.variables], strict=True
    ):
        assert torch.equal(one, other)


@each
def test_a_state_of_another_shape_is_refused_and_changes_nothing(name: str) -> None:
    optimizer = make(name)
    moved(optimizer, weights(), range(2))
    before = [variable.clone() for variable in optimizer.variables]
    for wrong in (before[:-1], [*before, before[-1]], [*before[:-1], torch.zeros(7)]):
        with pytest.raises(LatihError, match="state"):
            optimizer.load_variables(wrong)
    for one, other in zip(optimizer.variables, before, strict=True):
        assert torch.equal(one, other)


@each
def test_pairs_move_the_weights_as_lists_do(name: str) -> None:
    one, other = weights(), weights()
    make(name).apply(gradients(0), one)
    make(name).apply_gradients(zip(gradients(0), other, strict=True))
    for a, b in zip(one, other, strict=True):
        assert torch.equal(a, b)


@each
def test_a_weight_without_a_gradient_need_not_have_one(name: str) -> None:
    first, second = weights()
    optimizer = make(name)
    with pytest.warns(LatihWarning, match="1 of the weights have no gradient"):
        optimizer.apply([gradients(0)[0], None], [first, second])
    optimizer.apply([gradients(1)[0], None])  # told once
    assert torch.equal(second, weights()[1])
    assert not torch.equal(first, weights()[0])


@each
def test_what_is_remembered_of_a_weight_stays_when_another_is_frozen(name: str) -> None:
    optimizer, (first, second) = make(name), weights()
    moved(optimizer, [first, second], range(2))
    optimizer.apply(gradients(2)[:1], [first])
    alone, (wanted, _) = make(name), weights()
    for step in range(3):
        alone.apply(gradients(step)[:1], [wanted])
    assert torch.equal(first, wanted)


@each
def test_gradients_that_do_not_fit_are_refused(name: str) -> None:
    with pytest.raises(NotReadyError, match="weights"):
        make(name).apply(gradients(0))
    for wrong in ([None, None], gradients(0)[:1], []):
        with pytest.raises(InputError, match="gradients"):
            make(name).apply(wrong, weights())


@each
@pytest.mark.parametrize("rate", [0.25, "schedule"])
def test_an_optimizer_comes_back_from_its_config(
    name: str, rate: Any, assert_comes_back: Any
) -> None:
    given = SCHEDULE_CASES["ExponentialDecay"]() if rate == "schedule" else rate
    optimizer = make(name, learning_rate=given, weight_decay=0.1, clipnorm=0.5, name="mine")
    again = assert_comes_back(OPTIMIZERS, optimizer)
    assert again.name == "mine"
    one, other = moved(optimizer, weights(), range(2)), moved(again, weights(), range(2))
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@each
def test_the_rate_can_be_set_read_and_scheduled(name: str) -> None:
    optimizer = make(name)
    optimizer.learning_rate = 0.5
    assert float(optimizer.learning_rate) == 0.5
    assert type(optimizer)(lambda: 0.125).current_rate() == 0.125
    scheduled = make(name, learning_rate=SCHEDULE_CASES["ExponentialDecay"]())
    moved(scheduled, weights(), range(10))
    assert scheduled.current_rate() == pytest.approx(0.05)
    with pytest.raises(InputError, match="schedule"):
        scheduled.learning_rate = 0.5


@each
def test_an_optimizer_is_found_by_its_names(name: str) -> None:
    cls = getattr(optimizers, name)
    assert [type(optimizers.get(spelled)) for spelled in (name, name.lower(), cls)] == [cls] * 3


@pytest.mark.parametrize("cls", [*OPTIMIZERS.classes, *SCHEDULES.classes])
def test_they_are_documented(cls: type, assert_documented: Any) -> None:
    assert_documented(cls, "Args")


@pytest.mark.parametrize("name", SCHEDULE_CASES)
def test_a_schedule_comes_back_from_its_config(name: str, assert_comes_back: Any) -> None:
    schedule = SCHEDULE_CASES[name]()
    again = assert_comes_back(SCHEDULES, schedule)
    assert [again(step) for step in range(30)] == [schedule(step) for step in range(30)]


@pytest.mark.parametrize("name", SCHEDULE_CASES)
def test_a_schedule_takes_tensors_as_steps(name: str) -> None:
    schedule = SCHEDULE_CASES[name]()
    for step in (0, 5, 10, 25):
        assert float(schedule(torch.tensor(step))) == pytest.approx(float(schedule(step)))


BAD_NUMBERS = [-0.1, "x", float("nan")]
WITH_EPSILON = [name for name in CASES if name not in ("SGD", "Lion")]
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    *((name, {"learning_rate": rate}, "learning_rate") for name in CASES for rate in BAD_NUMBERS),
    *((name, {"learning_rate": None}, "learning_rate") for name in CASES),
    *(
        (name, {argument: value}, argument)
        for name in CASES
        for argument in ("clipnorm", "clipvalue", "global_clipnorm", "weight_decay")
        for value in BAD_NUMBERS
    ),
    *((name, {"clipnorm": 0}, "clipnorm") for name in CASES),
    *((name, {"clipnorm": 1.0, "clipvalue": 1.0}, "clipvalue") for name in CASES),
    *((name, {"learning_rat": 0.1}, "learning_rate") for name in CASES),
    *(
        (name, {argument: value}, argument)
        for name in CASES
        for argument, values in {
            "ema_momentum": [*BAD_NUMBERS, 1.5],
            "ema_overwrite_frequency": [*BAD_NUMBERS, 0, 1.5],
            "loss_scale_factor": [*BAD_NUMBERS, 0],
            "gradient_accumulation_steps": [*BAD_NUMBERS, 1, 2.5],
        }.items()
        for value in values
    ),
    ("AdamW", {"weight_decay": None}, "weight_decay"),
    *(("Adadelta", {"rho": value}, "rho") for value in [*BAD_NUMBERS, 1.5]),
    *(
        (name, {beta: value}, beta)
        for name in ("AdamW", "Adamax", "Nadam", "Lion")
        for beta in ("beta_1", "beta_2")
        for value in [*BAD_NUMBERS, 1.5]
    ),
    *(("SGD", {"momentum": value}, "momentum") for value in [*BAD_NUMBERS, 1.5]),
    *(("RMSprop", {"momentum": value}, "momentum") for value in [*BAD_NUMBERS, 1.5]),
    *(("RMSprop", {"rho": value}, "rho") for value in [*BAD_NUMBERS, 1.5]),
    *(("Adam", {"beta_1": value}, "beta_1") for value in [*BAD_NUMBERS, 1.0]),
    *(("Adam", {"beta_2": value}, "beta_2") for value in [*BAD_NUMBERS, 1.0]),
    *((name, {"epsilon": v}, "epsilon") for name in WITH_EPSILON for v in BAD_NUMBERS),
    *(
        ("Adagrad", {"initial_accumulator_value": value}, "initial_accumulator_value")
        for value in BAD_NUMBERS
    ),
]


@pytest.mark.parametrize(("name", "arguments", "named"), REFUSED, ids=str)
def test_bad_arguments_are_refused_by_their_name(
    name: str, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(LatihError, match=named):
        getattr(optimizers, name)(**arguments)


BAD_SCHEDULES: list[tuple[str, tuple[Any, ...], str]] = [
    ("InverseTimeDecay", (0.1, 0, 0.5), "decay_steps"),
    ("InverseTimeDecay", (0.1, 10, -0.5), "decay_rate"),
    ("PolynomialDecay", ("x", 10), "initial_learning_rate"),
    ("PolynomialDecay", (0.1, 10, -1.0), "end_learning_rate"),
    ("PolynomialDecay", (0.1, 10, 0.0, -1), "power"),
    ("PowerDecay", (0.1, 0), "decay_steps"),
    ("PowerDecay", (0.1, 10, "x"), "power"),
    ("PiecewiseConstantDecay", ([2, 1], [0.1, 0.2, 0.3]), "boundaries"),
    ("PiecewiseConstantDecay", ([1], [0.1, "x"]), "values"),
    ("CosineDecay", (0.1, 0), "decay_steps"),
    ("CosineDecay", (0.1, 10, 1.5), "alpha"),
    ("CosineDecay", (0.1, 10, 0.0, None, 0.1, 1.5), "warmup_steps"),
    ("CosineDecayRestarts", (0.1, 0), "first_decay_steps"),
    ("CosineDecayRestarts", (0.1, 10, 0.5), "t_mul"),
    ("CosineDecayRestarts", (0.1, 10, 2.0, -1), "m_mul"),
    ("OneCycle", (0, 10), "peak"),
    ("OneCycle", (0.1, 1), "total_steps"),
    ("OneCycle", (0.1, 10, 1.0), "warmup_fraction"),
    ("OneCycle", (0.1, 10, 0.3, 0.5), "start_divisor"),
    ("OneCycle", (0.1, 10, 0.3, 25, 0), "end_divisor"),
    ("OneCycle", (0.1, 10, 0.3, 25, 1e4, "square"), "annealing"),
    ("Warmup", ("x", 3), "schedule"),
    ("Warmup", (0.1, 0), "warmup_steps"),
    ("Warmup", (0.1, 3, -0.1), "initial_learning_rate"),
]


@pytest.mark.parametrize(("name", "arguments", "named"), BAD_SCHEDULES, ids=str)
def test_bad_arguments_of_the_other_schedules_are_refused_by_their_name(
    name: str, arguments: tuple[Any, ...], named: str
) -> None:
    with pytest.raises(LatihError, match=f"`{named}`"):
        getattr(schedules, name)(*arguments)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((0.1, 0, 0.5), "decay_steps"),
        ((0.1, -3, 0.5), "decay_steps"),
        ((0.1, "x", 0.5), "decay_steps"),
        ((-0.1, 10, 0.5), "initial_learning_rate"),
        (("x", 10, 0.5), "initial_learning_rate"),
        ((0.1, 10, -0.5), "decay_rate"),
        ((0.1, 10, "x"), "decay_rate"),
    ],
)
def test_bad_arguments_of_a_schedule_are_refused_by_their_name(arguments: Any, named: str) -> None:
    with pytest.raises(LatihError, match=named):
        schedules.ExponentialDecay(*arguments)


@each
def test_an_optimizer_is_named_after_its_class_and_counted(name: str) -> None:
    first, second = optimizers.get(name), optimizers.get(name)
    assert second.name.startswith(to_snake_case(name))
    assert first.name != second.name
    assert optimizers.deserialize(optimizers.serialize(second)).name == second.name


@each
def test_the_rate_and_the_count_can_be_assigned_to(name: str) -> None:
    optimizer = make(name)
    optimizer.learning_rate.assign(0.125)
    assert optimizer.current_rate() == 0.125
    optimizer.iterations.assign(7)
    assert optimizer.updates == 7 and int(optimizer.iterations) == 7
    assert copy.deepcopy(optimizer.learning_rate).item() == 0.125


@each
def test_a_state_goes_from_one_optimizer_to_another(name: str) -> None:
    one, other, of_one, of_other = make(name), make(name), weights(), weights()
    moved(one, of_one, range(2))
    with pytest.raises(NotReadyError, match="build"):
        other.set_weights(one.variables)
    other.build(of_other)
    other.set_weights([variable.numpy() for variable in one.variables])
    for a, b in zip(one.variables, other.variables, strict=True):
        assert torch.equal(a, b)


def test_variables_are_spared_decay_by_their_paths_and_bound_by_their_constraints() -> None:
    kernel = Variable([1.0, -1.0], name="kernel")
    with name_scope("dense"):
        bias = Variable([1.0, -1.0], name="bias")
    kernel.constraint = lambda w: w.clamp(min=0)
    optimizer = optimizers.SGD(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["dense/"])
    optimizer.apply_gradients([(torch.zeros(2), kernel), (torch.zeros(2), bias)])
    assert kernel.tolist() == [0.75, 0.0] and bias.tolist() == [1.0, -1.0]


def test_keras_names_show_the_averages_and_the_sums() -> None:
    weight = Variable([2.0])
    optimizer = optimizers.SGD(1.0, use_ema=True, gradient_accumulation_steps=2)
    assert optimizer._accumulated_gradients == optimizer._model_variables_moving_average == []
    optimizer.apply_gradients([(torch.tensor([0.5]), weight)])
    assert optimizer._accumulated_gradients[0].tolist() == [0.5]
    assert optimizer._model_variables_moving_average[0].tolist() == [2.0]
    assert int(optimizer._iterations) == 1 and int(optimizer.iterations) == 0


@pytest.mark.parametrize(
    ("limit", "wanted"),
    [("clipnorm", [0.6, 0.8]), ("global_clipnorm", [0.6, 0.8]), ("clipvalue", [1.0, 1.0])],
)
def test_gradients_are_clipped_in_copies_for_who_asks(limit: str, wanted: list[float]) -> None:
    gradient = torch.tensor([3.0, 4.0])
    (clipped,) = optimizers.SGD(**{limit: 1.0})._clip_gradients([gradient])
    assert clipped.tolist() == pytest.approx(wanted) and gradient.tolist() == [3.0, 4.0]


SETTINGS: dict[str, dict[str, Any]] = {
    "nothing more": {},
    "decay": {"weight_decay": 0.01},
    "each norm": {"clipnorm": 0.1},
    "each number": {"clipvalue": 0.05},
    "the whole norm": {"global_clipnorm": 0.1},
    "averages": {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2},
    "accumulation": {"gradient_accumulation_steps": 2},
    "a scaled loss": {"loss_scale_factor": 64.0},
}


def trained(optimizer: Optimizer, way: Any) -> Any:
    inputs = torch.linspace(-1, 1, 33).reshape(11, 3)
    inside = [latih.layers.Dense(4, "tanh"), latih.layers.BatchNormalization()]
    model = latih.Sequential([latih.layers.Input((3,)), *inside, latih.layers.Dense(2)])
    model.compile(optimizer, "mse", **way)
    model.fit(inputs, torch.ones(11, 2), batch_size=4, epochs=4, verbose=0)
    return model


@each
@pytest.mark.parametrize("settings", SETTINGS)
def test_an_optimizer_moves_by_a_replayed_step_to_the_same_bits(
    name: str, settings: str, assert_replay_changes_nothing: Any
) -> None:
    told = assert_replay_changes_nothing(
        lambda **way: trained(make(name, **SETTINGS[settings]), way)
    )
    assert told.startswith("A step is replayed"), told


@pytest.mark.parametrize("name", SCHEDULE_CASES)
def test_a_schedule_goes_on_by_replayed_steps(
    name: str, assert_replay_changes_nothing: Any
) -> None:
    told = assert_replay_changes_nothing(
        lambda **way: trained(optimizers.SGD(SCHEDULE_CASES[name](), momentum=0.9), way)
    )
    assert told.startswith("A step is replayed"), told
