"""Every loss keeps the contract of losses."""

import inspect
import math
from typing import Any

import numpy as np
import pytest
import torch

import latih
from latih import losses
from latih.errors import LatihError
from latih.losses import LOSSES, Loss, LossFunctionWrapper
from latih.registry import serialize, to_snake_case

# Arguments, targets, predictions, and the value for each example, reckoned by hand.
CASES: dict[str, tuple[dict[str, Any], Any, Any, list[float]]] = {
    "MeanSquaredError": ({}, [[0.0, 1.0], [0, 0]], [[0.0, 3.0], [1, 1]], [2.0, 1.0]),
    "MeanAbsoluteError": ({}, [[0.0, 1.0], [0, 0]], [[0.0, 3.0], [1, 1]], [1.0, 1.0]),
    "MeanAbsolutePercentageError": ({}, [[2.0, 4], [5, 1]], [[1.0, 4], [5, 2]], [25.0, 50.0]),
    "MeanSquaredLogarithmicError": (
        {},
        [[0.0, 1.0], [1, 3]],
        [[1.0, 1.0], [3, 0]],
        [math.log(2) ** 2 / 2, (math.log(2) ** 2 + math.log(4) ** 2) / 2],
    ),
    "LogCosh": (
        {},
        [[0.0], [1.0]],
        [[1.0], [-2.0]],
        [math.log(math.cosh(1)), math.log(math.cosh(3))],
    ),
    "CosineSimilarity": ({}, [[0.0, 1], [1, 1]], [[3.0, 4], [2, 0]], [-0.8, -(2**-0.5)]),
    "Poisson": (
        {},
        [[1.0, 0.0], [2, 1]],
        [[2.0, 0.5], [1, 3]],
        [(2 - math.log(2) + 0.5) / 2, (1 + 3 - math.log(3)) / 2],
    ),
    "KLDivergence": (
        {},
        [[1.0, 0.0], [0.5, 0.5]],
        [[0.5, 0.5], [0.2, 0.8]],
        [math.log(2), 0.5 * math.log(2.5) + 0.5 * math.log(0.625)],
    ),
    "Hinge": ({}, [[1.0, -1], [1, 1]], [[0.5, 0.5], [2, -1]], [1.0, 1.0]),
    "SquaredHinge": ({}, [[1.0, -1], [1, 1]], [[0.5, 0.5], [2, -1]], [1.25, 2.0]),
    "CategoricalHinge": ({}, [[1.0, 0], [0, 1]], [[0.8, 0.3], [0.9, 0.1]], [0.5, 1.8]),
    "BinaryFocalCrossentropy": (
        {"apply_class_balancing": True},
        [[1.0], [0.0]],
        [[0.5], [0.1]],
        [0.25 * 0.25 * math.log(2), -0.75 * 0.01 * math.log(0.9)],
    ),
    "CategoricalFocalCrossentropy": (
        {"alpha": [0.5, 0.25], "gamma": 1.0},
        [[1.0, 0.0], [0.0, 1.0]],
        [[0.5, 0.5], [0.2, 0.8]],
        [0.5 * 0.5 * math.log(2), -0.25 * 0.2 * math.log(0.8)],
    ),
    "CategoricalGeneralizedCrossEntropy": (
        {},
        [0, 1],
        [[0.25, 0.75], [0.36, 0.64]],
        [(1 - 0.5) / 0.5, (1 - 0.8) / 0.5],
    ),
    "Dice": ({"axis": 1}, [[1.0, 0.0], [1, 1]], [[0.5, 0.5], [0.5, 0.5]], [0.5, 1 / 3]),
    "Tversky": (
        {"alpha": 0.25, "beta": 0.75, "axis": [1]},
        [[1.0, 0.0], [1, 1]],
        [[0.5, 0.5], [0.5, 0.5]],
        [0.5, 1 - 1 / 1.25],
    ),
    "Circle": (
        {"gamma": 1.0},
        [0, 0, 1, 1],
        [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [-1.0, 0.0]],
        [
            math.log(1 + math.exp(-0.16) + 1),
            math.log(1 + math.exp(0.48) + 1),
            math.log(1 + math.exp(0.84) * (math.exp(-0.16) + math.exp(0.48))),
            math.log(1 + math.exp(0.84) * 2),
        ],
    ),
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
# Where the predictions are right: what they are, if not the targets, and the loss, if not 0.
RIGHT = {"Circle": [[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]]}
LEAST = {"CosineSimilarity": -1.0, "Poisson": (1 + 0 + 2 - 2 * math.log(2) + 1) / 4}
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
        and thing.__module__.startswith(f"{losses.__name__}.")
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
        assert values(name, reduction=mean).item() == pytest.approx(
            sum(wanted) / len(wanted), rel=1e-5
        )


@each
def test_weights_multiply_and_the_number_divides(name: str) -> None:
    arguments, targets, predictions, wanted = CASES[name]
    given = [3.0, 2.0, 1.0, 4.0][: len(wanted)]
    weighted = sum(weight * value for weight, value in zip(given, wanted, strict=True))
    for reduction, divisor in (
        ("sum", 1),
        ("sum_over_batch_size", len(wanted)),
        ("mean_with_sample_weight", sum(given)),
    ):
        loss = getattr(losses, name)(**arguments, reduction=reduction)
        for weights in (given, np.array(given).astype(int), torch.tensor(given)):
            got = loss(targets, predictions, sample_weight=weights).item()
            assert got == pytest.approx(weighted / divisor, rel=1e-5)


@each
def test_a_loss_reckons_in_float32_with_predictions_of_bfloat16(name: str) -> None:
    arguments, targets, predictions, _ = CASES[name]
    coarse = torch.tensor(predictions).bfloat16().requires_grad_()
    loss = getattr(losses, name)(**arguments)
    got = loss(targets, coarse)
    assert got.dtype == torch.float32
    assert torch.equal(got, loss(targets, coarse.detach().float()))
    assert torch.autograd.grad(got, coarse)[0].dtype == torch.bfloat16


@each
def test_a_loss_is_least_where_the_predictions_are_right(name: str) -> None:
    loss = getattr(losses, name)()
    targets, least = torch.tensor(CASES[name][1]), LEAST.get(name, 0)
    right = torch.eye(2)[targets] if targets.ndim == 1 and name not in RIGHT else targets
    right = torch.tensor(RIGHT[name]) if name in RIGHT else right
    # Focal losses think little of what is nearly right.
    part = 0.6 if "Focal" in name else 0.8
    assert loss(targets, right).item() == pytest.approx(least, abs=1e-5)
    assert loss(targets, part * right + (1 - part) / 2).item() > least + 0.001


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
    assert function.__name__ == to_snake_case(function.__name__)


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
    ("CosineSimilarity", {"axis": 0.5}, "axis"),
    *(
        (name, {argument: value}, argument)
        for name, arguments in {
            "BinaryFocalCrossentropy": ("alpha", "gamma", "label_smoothing"),
            "CategoricalFocalCrossentropy": ("alpha", "gamma", "label_smoothing"),
            "CategoricalGeneralizedCrossEntropy": ("q",),
            "Tversky": ("alpha", "beta"),
            "Circle": ("gamma",),
        }.items()
        for argument in arguments
        for value in (-0.1, "x", float("nan"))
    ),
    ("BinaryFocalCrossentropy", {"alpha": 1.5}, "alpha"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 1.0}, "q"),
    ("Circle", {"margin": "x"}, "margin"),
    ("SparseCategoricalCrossentropy", {"ignore_class": "x"}, "ignore_class"),
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


@each
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_replayed_step_makes_a_loss_small_to_the_same_bits(
    name: str, reduction: Any, weighted: bool, assert_replay_changes_nothing: Any
) -> None:
    arguments, targets, predictions, _ = CASES[name]
    width = len(predictions[0])
    rows = np.arange(11) % len(targets)
    inputs = np.linspace(-1, 1, 33, dtype="float32").reshape(11, 3)
    weights = np.linspace(0.5, 2, 11, dtype="float32") if weighted else None

    def train(**way: Any) -> Any:
        model = latih.Sequential(
            [
                latih.layers.Input((3,)),
                latih.layers.Dense(width, "sigmoid" if width == 1 else "softmax"),
            ]
        )
        loss = getattr(losses, name)(**arguments, reduction=reduction)
        model.compile(latih.optimizers.SGD(0.01), loss, **way)
        y = np.asarray(targets)[rows]
        model.fit(inputs, y, batch_size=4, epochs=3, verbose=0, sample_weight=weights)
        return model, model.evaluate(inputs, y, batch_size=4, verbose=0, sample_weight=weights)

    told = assert_replay_changes_nothing(train)
    assert told.startswith("A step is replayed"), told
