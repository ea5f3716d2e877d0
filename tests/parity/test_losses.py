"""Every loss against the one of the same name in Keras, and against numbers reckoned by hand."""

import os

os.environ["KERAS_BACKEND"] = "torch"  # before keras is imported

import json
import math
from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from keras.src.losses.losses import LossFunctionWrapper as KerasLossFunctionWrapper

from latih import losses
from latih.errors import InputError, UnknownNameError
from latih.losses import LOSSES, LossFunctionWrapper
from latih.registry import serialize

# keras hands NumPy arrays to torch in a way that NumPy 2 will refuse one day.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

few = settings(max_examples=6, deadline=None, derandomize=True, database=None)
REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None]

# For each loss what it takes, and arguments to try.
CASES: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "MeanSquaredError": ("numbers", [{}]),
    "MeanAbsoluteError": ("numbers", [{}]),
    "MeanAbsolutePercentageError": ("numbers", [{}]),
    "MeanSquaredLogarithmicError": ("counts", [{}]),
    "LogCosh": ("numbers", [{}]),
    "Huber": ("numbers", [{}, {"delta": 0.4}]),
    "CosineSimilarity": ("numbers", [{}, {"axis": 0}]),
    "BinaryCrossentropy": (
        "yes-no",
        [{}, {"label_smoothing": 0.3}, {"from_logits": True, "label_smoothing": 0.1}],
    ),
    "BinaryFocalCrossentropy": (
        "yes-no",
        [
            {},
            {"apply_class_balancing": True, "alpha": 0.7, "gamma": 1.5},
            {"from_logits": True, "label_smoothing": 0.2},
        ],
    ),
    "CategoricalCrossentropy": (
        "one-hot",
        [{}, {"label_smoothing": 0.3}, {"from_logits": True, "label_smoothing": 0.1}],
    ),
    "CategoricalFocalCrossentropy": (
        "one-hot",
        [
            {},
            {"alpha": [0.1, 0.2, 0.7], "gamma": 1.5},
            {"from_logits": True},
            {"label_smoothing": 0.2, "gamma": 3.0},
        ],
    ),
    "SparseCategoricalCrossentropy": (
        "labels",
        [{}, {"from_logits": True}, {"ignore_class": 1}, {"from_logits": True, "ignore_class": 0}],
    ),
    "CategoricalGeneralizedCrossEntropy": ("bare labels", [{}, {"q": 0.8}]),
    "KLDivergence": ("distributions", [{}]),
    "Poisson": ("counts", [{}]),
    "Hinge": ("yes-no", [{"from_logits": True}]),
    "SquaredHinge": ("signs", [{"from_logits": True}]),
    "CategoricalHinge": ("one-hot", [{"from_logits": True}]),
    "Dice": ("yes-no", [{}, {"axis": -1}, {"axis": [0, 1]}]),
    "Tversky": ("yes-no", [{}, {"alpha": 0.3, "beta": 0.9, "axis": 1}]),
    "Circle": ("embeddings", [{}, {"gamma": 2.0, "margin": 0.25, "remove_diagonal": False}]),
}
LOSS_CASES = [(name, kind, a) for name, (kind, cases) in CASES.items() for a in cases]
K = 3


@st.composite
def batches(
    draw: Any, kind: str, logits: bool, mixed: bool = True
) -> tuple[np.ndarray, np.ndarray, Any]:
    """Targets, predictions, and weights or None."""
    dice = np.random.default_rng(draw(st.integers(0, 2**20)))
    n = draw(st.integers(2, 5))
    free = kind in ("numbers", "counts", "yes-no", "signs")
    flat = free and mixed and draw(st.booleans())
    further = draw(st.sampled_from([(), (2,)])) if kind != "embeddings" else ()
    last = draw(st.sampled_from([1, 2, 4])) if free else K
    shape = (n, *further, last)
    predictions = dice.normal(size=shape) * 2
    labels = dice.integers(0, K, shape[:-1])
    targets: np.ndarray
    match kind:
        case "numbers":
            targets = dice.normal(size=shape) + np.sign(dice.normal(size=shape))
        case "counts":
            predictions, targets = np.exp(predictions), dice.poisson(3, shape)
        case "yes-no" | "signs":
            predictions = predictions if logits else 1 / (1 + np.exp(-predictions))
            targets = dice.integers(0, 2, shape)
            targets = targets * 2 - 1 if kind == "signs" else targets
        case "embeddings":
            predictions /= np.linalg.norm(predictions, axis=-1, keepdims=True)
            targets = labels
        case _:
            if not logits:
                predictions = np.exp(predictions)
                predictions /= predictions.sum(-1, keepdims=True)
            targets = labels
            if kind == "one-hot":
                targets = np.eye(K)[labels]
            elif kind == "distributions":
                targets = dice.dirichlet(np.ones(K), shape[:-1])
                targets[0] = 0
            elif kind == "labels" and draw(st.booleans()):
                targets = labels[..., None]
    if flat and not further and last == 1:
        # Keras compares a column with a row; so must Latih.
        which = draw(st.sampled_from(["targets", "predictions", "both"]))
        targets = targets if which == "predictions" else targets[:, 0]
        predictions = predictions if which == "targets" else predictions[:, 0]
    weights = draw(st.sampled_from([None, "rows", "columns"]))
    if weights is not None:
        size = (n, *further) if weights == "rows" else (n, *further, 1)
        weights = dice.uniform(0.1, 3, size).astype("float32")
    targets = targets.astype("float32") if targets.dtype == np.float64 else targets
    return targets, predictions.astype("float32"), weights


def value_and_gradient(loss: Any, targets: Any, predictions: Any, weights: Any = None) -> list[Any]:
    y_pred = torch.tensor(predictions, requires_grad=True)
    weights = None if weights is None else torch.tensor(weights)
    value = loss(torch.tensor(targets), y_pred, weights)
    factors = torch.linspace(0.5, 1.5, value.numel()).reshape(value.shape)
    (gradient,) = torch.autograd.grad((value * factors).sum(), y_pred)
    return [value.detach().numpy(), gradient.numpy()]


def assert_alike(got: Any, wanted: Any, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    assert np.shape(got) == np.shape(wanted)
    np.testing.assert_allclose(got, wanted, rtol=rtol, atol=atol)


@few
@given(data=st.data())
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("name", "kind", "arguments"), LOSS_CASES)
def test_values_and_gradients_are_keras(
    name: str, kind: str, arguments: dict[str, Any], reduction: Any, data: Any
) -> None:
    arguments = dict(arguments)
    logits = arguments.get("from_logits", False)
    if "Hinge" in name:
        arguments.pop("from_logits")
    targets, predictions, weights = data.draw(batches(kind, logits))
    axis = arguments.get("axis")
    if axis not in (None, -1):
        weights = None  # the values are no longer one an example
        assume(min(predictions.ndim, targets.ndim) > 1)
    if min(predictions.ndim, targets.ndim) == max(predictions.ndim, targets.ndim) == 1:
        weights = None  # all examples make one value
    if name == "Circle" and weights is not None:
        weights = weights.reshape(-1)
    ours, theirs = (
        value_and_gradient(
            getattr(library, name)(**arguments, reduction=reduction), targets, predictions, weights
        )
        for library in (losses, keras.losses)
    )
    scale = max(1.0, float(np.abs(theirs[1]).max()))
    if name == "CosineSimilarity":
        # The gradient goes with one over the length, and so does its rounding.
        scale = max(scale, 4 / float(np.linalg.norm(predictions, axis=-1).min()))
    assert_alike(ours[0], theirs[0])
    assert_alike(ours[1], theirs[1], atol=1e-6 * scale)


@few
@given(data=st.data())
@pytest.mark.parametrize("cls", LOSSES.classes, ids=lambda c: c.__name__)
def test_functions_give_keras_value_for_each_example(cls: Any, data: Any) -> None:
    name = LOSSES.functions[LOSSES.classes.index(cls)].__name__
    # Some of Keras's functions, unlike its classes, make (n, n) of (n,) and (n, 1).
    targets, predictions, _ = data.draw(batches(CASES[cls.__name__][0], False, mixed=False))
    more = {"q": 0.5} if "generalized" in name else {}
    wanted = getattr(keras.losses, name)(torch.tensor(targets), torch.tensor(predictions), **more)
    for form in (torch.tensor, np.asarray, np.ndarray.tolist):
        assert_alike(getattr(losses, name)(form(targets), form(predictions), **more), wanted)


def test_every_loss_is_compared() -> None:
    assert {cls.__name__ for cls in LOSSES.classes} == set(CASES)
    theirs = {n for n in dir(keras.losses) if not n.startswith("_")}
    assert theirs - set(dir(losses)) == {"CTC", "ctc"}


# By hand

BY_HAND: list[tuple[str, dict[str, Any], Any, Any, list[float]]] = [
    ("MeanAbsolutePercentageError", {}, [[4.0, 10.0]], [[3.0, 10.0]], [12.5]),
    ("MeanAbsolutePercentageError", {}, [[0.0]], [[1.0]], [1e9]),
    ("MeanSquaredLogarithmicError", {}, [[0.0], [math.e - 1]], [[math.e - 1], [-5.0]], [1.0, 1.0]),
    ("LogCosh", {}, [[0.0], [0.0]], [[1.0], [-100.0]], [0.4337808, 100 - math.log(2)]),
    ("CosineSimilarity", {}, [[3.0, 4.0], [1.0, 0.0]], [[4.0, 3.0], [0.0, 0.0]], [-0.96, 0.0]),
    ("Hinge", {}, [[1.0, 0.0], [1.0, 0.0]], [[0.5, -2.0], [-1.0, 0.5]], [0.25, 1.75]),
    ("Hinge", {}, [[1.0, 0.0], [-1.0, 0.0]], [[0.5, -2.0], [-1.0, 0.5]], [0.75, 0.5]),
    ("SquaredHinge", {}, [[1.0, -1.0]], [[0.5, 1.0]], [(0.25 + 4) / 2]),
    ("CategoricalHinge", {}, [[0.0, 1.0, 0.0]], [[0.6, 0.1, 0.2]], [1.5]),
    ("KLDivergence", {}, [[0.5, 0.5]], [[0.25, 0.75]], [0.5 * math.log(2) + 0.5 * math.log(2 / 3)]),
    ("Poisson", {}, [[2.0, 0.0]], [[math.e, 3.0]], [(math.e - 2 + 3) / 2]),
    ("BinaryFocalCrossentropy", {"gamma": 1.0}, [[1.0]], [[0.75]], [-0.25 * math.log(0.75)]),
    (
        "BinaryFocalCrossentropy",
        {"apply_class_balancing": True, "alpha": 0.1},
        [[0.0]],
        [[0.75]],
        [-0.9 * 0.75**2 * math.log(0.25)],
    ),
    (
        "CategoricalFocalCrossentropy",
        {"alpha": 0.5},
        [[0.0, 1.0]],
        [[0.4, 1.6]],
        [-0.5 * 0.2**2 * math.log(0.8)],
    ),
    ("CategoricalGeneralizedCrossEntropy", {}, [0, 1], [[0.25, 0.75], [0.0, 1.0]], [1.0, 0.0]),
    ("Dice", {"axis": 1}, [[0.0, 1.0], [1.0, 1.0]], [[0.5, 0.5], [1.0, 1.0]], [0.5, 0.0]),
    ("Tversky", {"alpha": 0.75, "beta": 0.25, "axis": -1}, [[1.0, 0.0]], [[0.5, 1.0]], [5 / 9]),
]


@pytest.mark.parametrize(("name", "arguments", "targets", "predictions", "wanted"), BY_HAND)
def test_a_loss_is_what_it_is_by_hand(
    name: str, arguments: dict[str, Any], targets: Any, predictions: Any, wanted: list[float]
) -> None:
    values = getattr(losses, name)(**arguments, reduction=None)(targets, predictions)
    assert values.tolist() == pytest.approx(wanted, rel=1e-5, abs=1e-6)
    weights = [2.0, 3.0][: len(wanted)]
    weighted = sum(w * v for w, v in zip(weights, wanted, strict=True))
    for reduction, divisor in (
        ("sum", 1),
        ("mean", len(wanted)),
        ("mean_with_sample_weight", sum(weights)),
    ):
        loss = getattr(losses, name)(**arguments, reduction=reduction)
        for form in (list, np.array, torch.tensor):
            got = loss(form(targets), form(predictions), form(weights)).item()
            assert got == pytest.approx(weighted / divisor, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_circle_of_likes_alone_counts_nothing(reduction: Any) -> None:
    loss = losses.Circle(reduction=reduction)
    embeddings = torch.eye(3).requires_grad_()
    value = loss([0, 1, 2], embeddings).sum()
    assert value.item() == 0
    (gradient,) = torch.autograd.grad(value, embeddings)
    assert torch.equal(gradient, torch.zeros(3, 3))


def test_a_circle_compares_with_others_as_keras() -> None:
    dice = torch.Generator().manual_seed(0)
    own, others = (torch.nn.functional.normalize(torch.randn(n, 4, generator=dice)) for n in (3, 5))
    labels, other_labels = torch.tensor([0, 1, 2]), torch.tensor([0, 1, 2, 1, 0])
    for diagonal in (True, False):
        got, wanted = (
            library.circle(labels, own, other_labels, others, remove_diagonal=diagonal)
            for library in (losses, keras.losses)
        )
        assert_alike(got, wanted)


def test_the_margin_has_keras_slope_at_its_corner() -> None:
    corner = np.array([[1, -1]], "float32")
    for name in ("Hinge", "SquaredHinge"):
        ours, theirs = (
            value_and_gradient(getattr(library, name)(), corner, corner)
            for library in (losses, keras.losses)
        )
        assert_alike(ours[1], theirs[1])


def test_a_vector_of_zeros_has_a_gradient() -> None:
    # In Keras it is no number: the slope of 1/sqrt at zero times zero.
    _, gradient = value_and_gradient(
        losses.CosineSimilarity(), np.ones((1, 2), "float32"), np.zeros((1, 2), "float32"), None
    )
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("certain", [0.0, 1.0])
@pytest.mark.parametrize(
    "name",
    [
        "BinaryCrossentropy",
        "BinaryFocalCrossentropy",
        "CategoricalCrossentropy",
        "CategoricalFocalCrossentropy",
        "KLDivergence",
        "Poisson",
        "Dice",
        "Tversky",
    ],
)
def test_certain_answers_stay_finite_as_in_keras(name: str, certain: float) -> None:
    batch = np.array([[1, 0]], "float32"), np.array([[certain, 1 - certain]], "float32"), None
    ours, theirs = (
        value_and_gradient(getattr(lib, name)(), *batch) for lib in (losses, keras.losses)
    )
    for got, wanted in zip(ours, theirs, strict=True):
        assert np.isfinite(got).all()
        assert_alike(got, wanted, atol=1e-4)


def test_a_weight_an_example_weighs_all_of_its_values() -> None:
    # Keras refuses this, or weighs the steps where there happen to be as many as examples.
    targets, predictions = torch.zeros(3, 3, 1), torch.arange(9.0).reshape(3, 3, 1)
    got = losses.MeanAbsoluteError(reduction="none")(targets, predictions, [1.0, 0.0, 2.0])
    assert got.tolist() == [[0, 1, 2], [0, 0, 0], [12, 14, 16]]


def test_ignored_examples_leave_the_mean_whatever_the_weights() -> None:
    rows = [[0.5, 0.5], [0.25, 0.75], [0.1, 0.9]]
    for weights in (None, [2.0, 1.0, 5.0]):
        for reduction in REDUCTIONS[:4]:
            ours, theirs = (
                library.SparseCategoricalCrossentropy(ignore_class=-1, reduction=reduction)(
                    np.array([0, 1, -1]), np.array(rows, "float32"), weights
                ).item()
                for library in (losses, keras.losses)
            )
            assert ours == pytest.approx(theirs, rel=1e-5)


# Names and configs


@pytest.mark.parametrize(
    "alias",
    [
        *("mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle", "MSLE", "bce", "BCE", "kld", "KLD"),
        *(f.__name__ for f in LOSSES.functions if "generalized" not in f.__name__),
    ],
)
def test_a_name_means_what_it_means_in_keras(alias: str) -> None:
    assert losses.get(alias).__name__ == keras.losses.get(alias).__name__


def test_names_of_older_keras_and_of_none() -> None:
    assert losses.get("logcosh") is losses.log_cosh
    assert losses.get("kullback_leibler_divergence") is losses.kl_divergence
    with pytest.raises(UnknownNameError, match="'squared_hinge'"):
        losses.get("squaredhinge_")


@pytest.mark.parametrize(("name", "arguments"), [(n, a) for n, _, a in LOSS_CASES])
def test_a_loss_comes_back_and_keras_reads_it(name: str, arguments: dict[str, Any]) -> None:
    if "Hinge" in name:
        arguments = {}
    loss = getattr(losses, name)(**arguments, reduction="sum", name="mine")
    data = json.loads(json.dumps(serialize(loss)))
    again = losses.deserialize(data)
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
    assert {"name": "mine", "reduction": "sum", **arguments}.items() <= again.get_config().items()
    theirs = getattr(keras.losses, name).from_config(data["config"])
    assert set(theirs.get_config()) <= set(data["config"]) | {"dtype"}
    ours = getattr(losses, name).from_config(theirs.get_config())
    assert ours.name == "mine"
    assert ours.reduction == "sum"


def test_a_wrapped_function_comes_back() -> None:
    wrapped = LossFunctionWrapper(losses.huber, delta=2.0, reduction="sum")
    config = json.loads(json.dumps(wrapped.get_config()))
    again = LossFunctionWrapper.from_config(config)
    assert again([[0.0]], [[3.0]]).item() == wrapped([[0.0]], [[3.0]]).item() == 4.0
    theirs = KerasLossFunctionWrapper(keras.losses.huber, delta=2.0).get_config()
    assert LossFunctionWrapper.from_config(theirs)([[0.0]], [[3.0]]).item() == 4.0


def test_a_wrapped_function_sees_one_shape_as_in_keras() -> None:
    def off(y_true: Any, y_pred: Any) -> Any:
        return (y_true - y_pred).abs()

    targets, predictions = torch.arange(3.0), torch.zeros(3, 1)
    ours, theirs = (
        wrapper(off)(targets, predictions).item()
        for wrapper in (LossFunctionWrapper, KerasLossFunctionWrapper)
    )
    assert ours == theirs == 1.0


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    *((name, {"reduction": "average"}, "reduction") for name in CASES),
    *((name, {"dtype": "float64"}, "dtype") for name in CASES),
    ("Huber", {"delta": 0.0}, "delta"),
    ("Huber", {"delta": "x"}, "delta"),
    ("BinaryCrossentropy", {"label_smoothing": 1.5}, "label_smoothing"),
    ("CategoricalCrossentropy", {"axis": 0.5}, "axis"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 0.5}, "ignore_class"),
    ("BinaryFocalCrossentropy", {"gamma": -1.0}, "gamma"),
    ("BinaryFocalCrossentropy", {"alpha": 1.5}, "alpha"),
    ("CategoricalFocalCrossentropy", {"alpha": -0.1}, "alpha"),
    ("CategoricalFocalCrossentropy", {"gamma": "x"}, "gamma"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 1.0}, "q"),
    ("CosineSimilarity", {"axis": None}, "axis"),
    ("Tversky", {"beta": -0.1}, "beta"),
    ("Circle", {"gamma": 0}, "gamma"),
    ("Circle", {"margin": "x"}, "margin"),
]


@pytest.mark.parametrize(("name", "arguments", "named"), REFUSED)
def test_bad_arguments_are_refused_by_their_name(
    name: str, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(InputError, match=f"`{named}`"):
        getattr(losses, name)(**arguments)


def test_targets_of_another_kind_are_refused() -> None:
    rows = [[0.5, 0.5], [0.2, 0.8]]
    for name in ("CategoricalCrossentropy", "CategoricalFocalCrossentropy"):
        with pytest.raises(InputError, match="sparse_categorical_crossentropy"):
            getattr(losses, name)()([0, 1], rows)
    for name in ("SparseCategoricalCrossentropy", "CategoricalGeneralizedCrossEntropy"):
        with pytest.raises(InputError, match="categorical_crossentropy"):
            getattr(losses, name)()([[1, 0], [0, 1]], rows)
