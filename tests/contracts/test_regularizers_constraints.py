"""Every regularizer and constraint keeps its contract."""

from typing import Any

import pytest
import torch

import latih
from latih import constraints, regularizers
from latih.constraints import CONSTRAINTS, Constraint
from latih.errors import LatihError
from latih.regularizers import REGULARIZERS, Regularizer

WEIGHT = torch.tensor([[3.0, 0.0], [-4.0, 0.1]])

# What each makes of the weight, reckoned by hand.
REGULARIZER_CASES: dict[str, tuple[dict[str, Any], float]] = {
    "L1": ({"l1": 0.1}, 0.1 * 7.1),
    "L2": ({"l2": 0.1}, 0.1 * 25.01),
    "L1L2": ({"l1": 0.1, "l2": 0.2}, 0.1 * 7.1 + 0.2 * 25.01),
    # One pair of columns: the cosine of (3, -4) and (0, 0.1) is -0.4 / 0.5.
    "OrthogonalRegularizer": ({"factor": 0.1, "mode": "columns"}, 0.1 * 0.8),
}
CONSTRAINT_CASES: dict[str, tuple[dict[str, Any], list[list[float]]]] = {
    "MaxNorm": ({"max_value": 1.0, "axis": 0}, [[0.6, 0.0], [-0.8, 0.1]]),
    "NonNeg": ({}, [[3.0, 0.0], [0.0, 0.1]]),
    "UnitNorm": ({"axis": 0}, [[0.6, 0.0], [-0.8, 1.0]]),
    "MinMaxNorm": (
        {"min_value": 0.2, "max_value": 1.0, "rate": 0.5, "axis": 0},
        [[1.8, 0.0], [-2.4, 0.15]],
    ),
}


def test_every_regularizer_and_constraint_is_in_its_table_and_here(public_classes: Any) -> None:
    assert {cls.__name__ for cls in REGULARIZERS.classes} == set(REGULARIZER_CASES)
    assert public_classes(regularizers, Regularizer) == set(REGULARIZERS.classes)
    assert {cls.__name__ for cls in CONSTRAINTS.classes} == set(CONSTRAINT_CASES)
    assert public_classes(constraints, Constraint) == set(CONSTRAINTS.classes)


@pytest.mark.parametrize("name", REGULARIZER_CASES)
def test_a_regularizer_follows_its_formula(name: str) -> None:
    arguments, wanted = REGULARIZER_CASES[name]
    assert getattr(regularizers, name)(**arguments)(WEIGHT).item() == pytest.approx(wanted)


@pytest.mark.parametrize("name", CONSTRAINT_CASES)
def test_a_constraint_follows_its_formula(name: str) -> None:
    arguments, wanted = CONSTRAINT_CASES[name]
    got = getattr(constraints, name)(**arguments)(WEIGHT)
    torch.testing.assert_close(got, torch.tensor(wanted), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", REGULARIZER_CASES)
def test_a_regularizer_comes_back_from_its_config(name: str, assert_comes_back: Any) -> None:
    regularizer = getattr(regularizers, name)(**REGULARIZER_CASES[name][0])
    again = assert_comes_back(REGULARIZERS, regularizer)
    assert again(WEIGHT) == regularizer(WEIGHT)


@pytest.mark.parametrize("axis", [0, 1, [0, 1], (0, 1), None])
@pytest.mark.parametrize("name", CONSTRAINT_CASES)
def test_a_constraint_comes_back_from_its_config(
    name: str, axis: Any, assert_comes_back: Any
) -> None:
    arguments = CONSTRAINT_CASES[name][0]
    with_axis = {**arguments, "axis": axis} if "axis" in arguments else arguments
    constraint = getattr(constraints, name)(**with_axis)
    again = assert_comes_back(CONSTRAINTS, constraint)
    assert torch.equal(again(WEIGHT), constraint(WEIGHT))


@pytest.mark.parametrize("cls", [*REGULARIZERS.classes, *CONSTRAINTS.classes])
def test_they_are_documented(cls: type, assert_documented: Any) -> None:
    assert_documented(cls, *(() if cls is constraints.NonNeg else ("Args",)))


@pytest.mark.parametrize("name", ["l1", "L1", "l2", "L2", "L1L2", "l1l2"])
def test_regularizers_are_found_by_keras_names(name: str) -> None:
    wanted = {"l1": "L1", "l2": "L2"}.get(name.lower(), "L1L2")
    assert type(regularizers.get(name)).__name__ == wanted


def test_the_orthogonal_regularizer_is_found_by_keras_names() -> None:
    for name in ("orthogonal_regularizer", "OrthogonalRegularizer"):
        assert type(regularizers.get(name)) is regularizers.OrthogonalRegularizer
    assert regularizers.orthogonal_regularizer is regularizers.OrthogonalRegularizer


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("max_norm", constraints.MaxNorm),
        ("non_neg", constraints.NonNeg),
        ("unit_norm", constraints.UnitNorm),
        ("min_max_norm", constraints.MinMaxNorm),
    ],
)
def test_constraints_are_found_by_keras_names(name: str, wanted: type) -> None:
    assert getattr(constraints, name) is wanted
    for spelled in (name, wanted.__name__, wanted):
        assert type(constraints.get(spelled)) is wanted


PRICES = [-0.1, float("nan"), float("inf"), "x", True]
REFUSED: list[tuple[Any, dict[str, Any], str]] = [
    *((regularizers.L1, {"l1": price}, "l1") for price in [*PRICES, None]),
    *((regularizers.L2, {"l2": price}, "l2") for price in [*PRICES, None]),
    *((regularizers.L1L2, {"l1": price}, "l1") for price in PRICES),
    *((regularizers.L1L2, {"l2": price}, "l2") for price in PRICES),
    (constraints.MaxNorm, {"max_value": -1.0}, "max_value"),
    (constraints.MaxNorm, {"max_value": "x"}, "max_value"),
    (constraints.MaxNorm, {"max_value": float("nan")}, "max_value"),
    (constraints.MaxNorm, {"axis": "x"}, "axis"),
    (constraints.UnitNorm, {"axis": [0, 0.5]}, "axis"),
    (constraints.MinMaxNorm, {"min_value": -1.0}, "min_value"),
    (constraints.MinMaxNorm, {"min_value": 2.0}, "max_value"),
    (constraints.MinMaxNorm, {"rate": 1.5}, "rate"),
    (constraints.MinMaxNorm, {"axis": "x"}, "axis"),
    *((regularizers.OrthogonalRegularizer, {"factor": price}, "factor") for price in PRICES),
    (regularizers.OrthogonalRegularizer, {"mode": "diagonal"}, "mode"),
]


def told(value: Any) -> str:
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(("cls", "arguments", "named"), REFUSED, ids=told)
def test_bad_arguments_are_refused_by_their_name(
    cls: Any, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(LatihError, match=f"`{named}`"):
        cls(**arguments)


def trained(given: dict[str, Any], way: Any) -> Any:
    inputs = torch.linspace(-1, 1, 33).reshape(11, 3)
    model = latih.Sequential([latih.layers.Input((3,)), latih.layers.Dense(4, **given)])
    model.compile(latih.optimizers.Adam(0.1), "mse", **way)
    model.fit(inputs, torch.ones(11, 4), batch_size=4, epochs=3, verbose=0)
    return model


@pytest.mark.parametrize("name", REGULARIZER_CASES)
def test_a_replayed_step_penalises_to_the_same_bits(
    name: str, assert_replay_changes_nothing: Any
) -> None:
    arguments, _ = REGULARIZER_CASES[name]

    def train(**way: Any) -> Any:
        penalty = getattr(regularizers, name)(**arguments)
        return trained({"kernel_regularizer": penalty, "activity_regularizer": penalty}, way)

    told = assert_replay_changes_nothing(train)
    assert told.startswith("A step is replayed"), told


@pytest.mark.parametrize("name", CONSTRAINT_CASES)
def test_a_constraint_bounds_weights_after_a_replayed_step(
    name: str, assert_replay_changes_nothing: Any
) -> None:
    arguments, _ = CONSTRAINT_CASES[name]

    def train(**way: Any) -> Any:
        bound = getattr(constraints, name)(**arguments)
        return trained({"kernel_constraint": bound}, way)

    told = assert_replay_changes_nothing(train)
    assert told.startswith("A step is replayed"), told
