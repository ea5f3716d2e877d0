"""Every loss keeps the contract of losses."""

import inspect
import math
from typing import Any

import numpy as np
import pytest
import torch

from latih import losses
from latih.errors import LatihError
from latih.losses import LOSSES, Loss, LossFunctionWrapper
from latih.registry import serialize

# Arguments, targets, predictions, and the value for each example, reckoned by hand.
CASES: dict[str, tuple[dict[str, Any], Any, Any, list[float]]] = {
    "MeanSquaredError": ({}, [[0.0, 1.0], [0, 0]], [[0.0, 3.0], [1, 1]], [2.0, 1.0]),
    "MeanAbsoluteError": ({}, [[0.0, 1.0], [0, 0]], [[0.0, 3.0], [1, 1]], [1.0, 1.0]),
    "Huber": ({"delta": 2.0}, [[0.0], [0.0]], [[1.0], [3.0]], [0.5, 4.0]),
    "BinaryCrossentropy": (
        {"label_smoothing": 0.2},
        [[1.0], [0.0]],
        [[0.5], [0.1]],
        [math.log(2), -(0.1 * math.log(0.1) + 0.9 * math.log(0.9))],
    ),
    "CategoricalCrossentropy": (
        {"label_smoothing": 0.5},
        [[1.0, 0.0], [0.0, 1.0]],
        [[0.5, 0.5], [0.2, 0.8]],
        [math.log(2), -(0.25 * math.log(0.2) + 0.75 * math.log(0.8))],
    ),
    "SparseCategoricalCrossentropy": (
        {},
        [0, 1],
        [[0.5, 0.5], [0.2, 0.8]],
        [math.log(2), -math.log(0.8)],
    ),
}
each = pytest.mark.parametrize("name", CASES)


def values(name: str, **more: Any) -> Any:
    arguments, targets, predictions, _ = CASES[name]
    return getattr(losses, name)(**arguments, **more)(targets, predictions)


def test_every_loss_is_in_the_table_and_here(public_classes: Any) -> None:
    assert {cls.__name__ for cls in LOSSES.classes} == set(CASES)
    assert public_classes(losses, Loss) - {LossFunctionWrapper} == set(LOSSES.classes)


def test_every_loss_function_is_in_the_table() -> None:
    shown = {
        thing
        for name, thing in vars(losses).items()
        if inspect.isfunction(thing)
        and thing.__module__ == losses.__name__
        and list(inspect.signature(thing).parameters)[:2] == ["y_true", "y_pred"]
        and not name.startswith("_")
    }
    assert shown == set(LOSSES.functions)


@each
def test_a_loss_follows_its_formula_and_its_reduction(name: str) -> None:
    wanted = CASES[name][3]
    assert values(name, reduction="none").tolist() == pytest.approx(wanted, rel=1e-5)
    assert values(name, reduction=None).tolist() == pytest.approx(wanted, rel=1e-5)
    assert values(name, reduction="sum").item() == pytest.approx(sum(wanted), rel=1e-5)
    for mean in ("sum_over_batch_size", "mean", "mean_with_sample_weight"):
        assert values(name, reduction=mean).item() == pytest.approx(sum(wanted) / 2, rel=1e-5)


@each
def test_weights_multiply_and_the_number_divides(name: str) -> None:
    arguments, targets, predictions, wanted = CASES[name]
    weighted = wanted[0] * 3 + wanted[1] * 2
    for reduction, divisor in (
        ("sum", 1),
        ("sum_over_batch_size", 2),
        ("mean_with_sample_weight", 5),
    ):
        loss = getattr(losses, name)(**arguments, reduction=reduction)
        for weights in ([3.0, 2.0], np.array([3, 2]), torch.tensor([3.0, 2.0])):
            got = loss(targets, predictions, sample_weight=weights).item()
            assert got == pytest.approx(weighted / divisor, rel=1e-5)


@each
def test_a_loss_is_least_where_the_predictions_are_right(name: str) -> None:
    loss = getattr(losses, name)()
    targets = torch.tensor(CASES[name][1])
    right = torch.eye(2)[targets] if targets.ndim == 1 else targets
    assert loss(targets, right).item() == pytest.approx(0, abs=1e-5)
    assert loss(targets, 0.8 * right + 0.1).item() > 0.001


@each
def test_a_loss_comes_back_from_its_config(name: str, assert_comes_back: Any) -> None:
    arguments, targets, predictions, _ = CASES[name]
    loss = getattr(losses, name)(**arguments, reduction="sum", name="mine")
    again = assert_comes_back(LOSSES, loss)
    assert again.name == "mine"
    assert torch.equal(again(targets, predictions), loss(targets, predictions))


@pytest.mark.parametrize("function", LOSSES.functions, ids=lambda f: f.__name__)
def test_a_loss_function_goes_by_its_name(function: Any) -> None:
    assert losses.get(function.__name__) is function
    assert losses.deserialize(serialize(function)) is function
    assert function.__name__ == losses.to_snake_case(function.__name__)


@pytest.mark.parametrize("cls", LOSSES.classes)
def test_a_loss_is_documented(cls: type, assert_documented: Any) -> None:
    assert_documented(cls, "Args", "Shapes")


@pytest.mark.parametrize("function", LOSSES.functions, ids=lambda f: f.__name__)
def test_a_loss_function_is_documented(function: Any) -> None:
    assert ">>>" in (function.__doc__ or "")


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    *((name, {"reduction": "average"}, "reduction") for name in CASES),
    *((name, {"dtype": "float64"}, "dtype") for name in CASES),
    ("Huber", {"delta": -1.0}, "delta"),
    ("Huber", {"delta": 0.0}, "delta"),
    ("Huber", {"delta": "x"}, "delta"),
    ("BinaryCrossentropy", {"label_smoothing": 1.5}, "label_smoothing"),
    ("BinaryCrossentropy", {"label_smoothing": -0.1}, "label_smoothing"),
    ("CategoricalCrossentropy", {"label_smoothing": 1.5}, "label_smoothing"),
    ("CategoricalCrossentropy", {"label_smoothing": "x"}, "label_smoothing"),
]


@pytest.mark.parametrize(("name", "arguments", "named"), REFUSED, ids=str)
def test_bad_arguments_are_refused_by_their_name(
    name: str, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(LatihError, match=f"`{named}`"):
        getattr(losses, name)(**arguments)


def test_targets_of_another_kind_are_refused() -> None:
    rows = [[0.5, 0.5], [0.2, 0.8]]
    with pytest.raises(LatihError, match="sparse_categorical_crossentropy"):
        losses.CategoricalCrossentropy()([0, 1], rows)
    with pytest.raises(LatihError, match="categorical_crossentropy"):
        losses.SparseCategoricalCrossentropy()([[1, 0], [0, 1]], rows)


def test_a_name_that_is_none_is_refused_with_those_that_look_like_it() -> None:
    with pytest.raises(LatihError, match="'sparse_categorical_crossentropy'"):
        losses.get("sparse_categorical_crosentropy")
