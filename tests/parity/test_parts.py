"""Every part of a net against the part of the same name in Keras: values and gradients."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from keras.src.initializers.random_initializers import compute_fans
from keras.src.losses import losses as keras_losses  # keras.losses shows all but one

import latih
from latih.activations import ACTIVATIONS
from latih.initializers import INITIALIZERS
from latih.layers.augmentation.base import Augmentation
from latih.layers.merging import Merge
from latih.layers.spatial import SpatialLayer

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

few = settings(max_examples=20)


def numbers(size: float = 5.0, **shape: Any) -> st.SearchStrategy[np.ndarray]:
    """Arrays of float32, in hundredths."""
    shape = shape or {"min_dims": 1, "max_dims": 3, "min_side": 2, "max_side": 4}
    elements = st.integers(-round(size * 100), round(size * 100)).map(lambda n: n / 100)
    return arrays.arrays(np.float32, arrays.array_shapes(**shape), elements=elements)


def value_and_gradients(
    function: Callable[..., torch.Tensor], *inputs: np.ndarray
) -> list[np.ndarray]:
    """What a function gives, and the gradient of a sum of it, uneven so that none cancels."""
    tensors = [torch.tensor(x, requires_grad=True) for x in inputs]
    outputs = function(*tensors)
    factors = torch.linspace(0.5, 1.5, outputs.numel()).reshape(outputs.shape)
    gradients = torch.autograd.grad((outputs * factors).sum(), tensors, allow_unused=True)
    return [
        outputs.detach().numpy(),
        *(np.zeros(0) if g is None else g.numpy() for g in gradients),
    ]


def assert_same(got: Any, wanted: Any, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    assert len(got) == len(wanted)
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=atol)


# Activations

ACTIVATION_ARGUMENTS: dict[str, list[dict[str, Any]]] = {
    "relu": [
        {"negative_slope": 0.1},
        {"max_value": 2.0},
        {"threshold": 1.0},
        {"negative_slope": 0.2, "max_value": 3.0, "threshold": 0.5},
        {"max_value": 0.5, "threshold": 1.0},
    ],
    "leaky_relu": [{"negative_slope": 0.05}],
    "elu": [{"alpha": 0.3}],
    "celu": [{"alpha": 0.3}],
    "gelu": [{"approximate": True}],
    "softmax": [{"axis": 0}],
    "log_softmax": [{"axis": 0}],
    "glu": [{"axis": 0}],
    "soft_shrink": [{"threshold": 0.2}],
    "hard_shrink": [{"threshold": 0.2}],
    "threshold": [{"threshold": 1.0, "default_value": -2.0}],
    "squareplus": [{"b": 1.0}],
}
# These cannot be called with their input alone.
NEEDY = {"threshold"}


@few
@given(x=numbers())
@pytest.mark.parametrize("name", ACTIVATIONS.names())
def test_activations_have_keras_values_and_slopes(name: str, x: np.ndarray) -> None:
    ours, theirs = latih.activations.get(name), keras.activations.get(name)
    if name == "glu":  # both axes that are halved must have two halves
        x = np.concatenate([x, x], axis=-1)
        x = np.concatenate([x, x], axis=0)
    plain: list[dict[str, Any]] = [] if name in NEEDY else [{}]
    for arguments in [*plain, *ACTIVATION_ARGUMENTS.get(ours.__name__, [])]:
        got, slope = value_and_gradients(lambda t, a=arguments: ours(t, **a), x)
        wanted, wanted_slope = value_and_gradients(lambda t, a=arguments: theirs(t, **a), x)
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
        # At a kink any slope between those on both sides is right.
        smooth = ~np.isin(
            x, [0.0, 0.5, 1.0, 2.0, 3.0, -3.0, 6.0, -0.5, -1.0, *map(np.float32, (0.2, -0.2))]
        )
        np.testing.assert_allclose(slope[smooth], wanted_slope[smooth], rtol=1e-4, atol=1e-5)


def test_every_activation_that_takes_arguments_is_tried_with_some() -> None:
    for function in ACTIVATIONS.functions:
        takes_more = function.__code__.co_argcount > 1
        assert takes_more == (function.__name__ in ACTIVATION_ARGUMENTS)


@pytest.mark.parametrize("name", ACTIVATIONS.names())
def test_activations_stay_finite_where_keras_does(name: str) -> None:
    x = torch.tensor([-1e4, -100, -20, 20, 100, 1e4])
    told = ACTIVATION_ARGUMENTS[name][0] if name in NEEDY else {}
    got = latih.activations.get(name)(x, **told)
    np.testing.assert_allclose(got, keras.activations.get(name)(x, **told), rtol=1e-5)


# Losses

REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None]


@st.composite
def a_batch(draw: Any, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Targets, predictions and perhaps weights, as a loss of this kind takes them."""
    n, further = draw(st.integers(1, 4)), draw(st.lists(st.integers(1, 3), max_size=1))
    classes = draw(st.integers(2, 4))
    dice = np.random.default_rng(draw(st.integers(0, 10**6)))
    last = classes if kind != "regression" else draw(st.integers(1, 3))
    predictions = dice.normal(size=(n, *further, last)).astype("float32") * 2
    labels = dice.integers(0, classes, (n, *further))
    if kind.startswith("probabilities"):
        predictions = np.exp(predictions) / np.exp(predictions).sum(-1, keepdims=True)
        predictions = predictions.astype("float32")
    targets = {
        "sparse": labels[..., None] if draw(st.booleans()) else labels,
        "one-hot": np.eye(classes, dtype="float32")[labels],
        "yes-no": dice.integers(0, 2, predictions.shape),
        "regression": dice.normal(size=predictions.shape).astype("float32") * 2,
    }[kind.split()[-1]]
    weights = dice.uniform(0, 3, draw(st.sampled_from([(n, *further), (n, *(further or [1]))])))
    return targets, predictions, draw(st.sampled_from([None, weights.astype("float32")]))


LOSSES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "MeanSquaredError": [("regression", {})],
    "MeanAbsoluteError": [("regression", {})],
    "Huber": [("regression", {}), ("regression", {"delta": 0.4})],
    "LogCosh": [("regression", {})],
    "Hinge": [("regression", {})],
    "SquaredHinge": [("regression", {})],
    "MeanAbsolutePercentageError": [("regression", {})],
    "KLDivergence": [("probabilities one-hot", {})],
    "CategoricalHinge": [("probabilities one-hot", {})],
    "BinaryFocalCrossentropy": [
        ("probabilities yes-no", {"apply_class_balancing": True}),
        ("logits yes-no", {"from_logits": True}),
    ],
    "CategoricalFocalCrossentropy": [
        ("probabilities one-hot", {}),
        ("logits one-hot", {"from_logits": True}),
    ],
    "BinaryCrossentropy": [
        ("probabilities yes-no", {}),
        ("probabilities yes-no", {"label_smoothing": 0.3}),
        ("logits yes-no", {"from_logits": True}),
        ("logits yes-no", {"from_logits": True, "label_smoothing": 0.3}),
    ],
    "CategoricalCrossentropy": [
        ("probabilities one-hot", {}),
        ("probabilities one-hot", {"label_smoothing": 0.3}),
        ("logits one-hot", {"from_logits": True}),
        ("logits one-hot", {"from_logits": True, "label_smoothing": 0.3}),
    ],
    "SparseCategoricalCrossentropy": [
        ("probabilities sparse", {}),
        ("logits sparse", {"from_logits": True}),
        ("probabilities sparse", {"ignore_class": 1}),
        ("logits sparse", {"from_logits": True, "ignore_class": 0}),
    ],
}
# Those that sum over other axes, or take targets of another kind; test_losses.py compares them.
LOSSES_APART = {
    *("MeanSquaredLogarithmicError", "CosineSimilarity", "Poisson", "Dice", "Tversky", "Circle"),
    "CategoricalGeneralizedCrossEntropy",
}
LOSS_CASES = [(name, *case) for name, cases in LOSSES.items() for case in cases]


def test_every_loss_is_compared() -> None:
    assert {cls.__name__ for cls in latih.losses.LOSSES.classes} == {*LOSSES, *LOSSES_APART}


@few
@given(data=st.data(), reduction=st.sampled_from(REDUCTIONS))
@pytest.mark.parametrize(("name", "kind", "arguments"), LOSS_CASES)
def test_losses_have_keras_values_and_gradients(
    name: str, kind: str, arguments: dict[str, Any], data: Any, reduction: Any
) -> None:
    targets, predictions, weights = data.draw(a_batch(kind))
    both = []
    for library in (latih, keras):
        loss = getattr(library.losses, name)(**arguments, reduction=reduction)
        both.append(
            value_and_gradients(
                lambda p, loss=loss: loss(
                    torch.tensor(targets), p, None if weights is None else torch.tensor(weights)
                ),
                predictions,
            )
        )
    assert_same(*both, rtol=1e-4)


# No value for each example, or an argument without a default: test_losses.py compares them.
APART = ("dice", "tversky", "circle", "categorical_generalized_cross_entropy")


@pytest.mark.parametrize(
    "name",
    [
        function.__name__
        for function in latih.losses.LOSSES.functions
        if function.__name__ not in APART
    ],
)
def test_loss_functions_give_keras_value_for_each_example(name: str) -> None:
    dice = np.random.default_rng(3)
    predictions = dice.dirichlet(np.ones(3), size=(4, 2)).astype("float32")
    labels = dice.integers(0, 3, (4, 2))
    sparse = name.startswith("sparse") or "generalized" in name
    targets = labels if sparse else np.eye(3, dtype="float32")[labels]
    got = latih.losses.get(name)(targets, predictions)
    wanted = getattr(keras_losses, name)(torch.tensor(targets), torch.tensor(predictions))
    assert tuple(got.shape) == (4, 2)
    np.testing.assert_allclose(got, wanted, rtol=1e-5)


@pytest.mark.parametrize("certain", [0.0, 1.0])
def test_losses_of_certain_answers_stay_finite_as_in_keras(certain: float) -> None:
    row = torch.tensor([[certain, 1 - certain]])
    for name, target in (
        ("BinaryCrossentropy", [[1.0, 0.0]]),
        ("CategoricalCrossentropy", [[1.0, 0.0]]),
        ("SparseCategoricalCrossentropy", [0]),
    ):
        got = getattr(latih.losses, name)()(torch.tensor(target), row)
        wanted = getattr(keras.losses, name)()(torch.tensor(target), row)
        assert math.isfinite(got)
        assert got.item() == pytest.approx(wanted.item(), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", ["MeanSquaredError", "MeanAbsoluteError", "Huber"])
@pytest.mark.parametrize("shapes", [((4,), (4, 1)), ((4, 1), (4,)), ((4,), (4,)), ((4, 1), (4, 1))])
def test_a_column_and_a_row_are_one_thing(name: str, shapes: Any) -> None:
    dice = np.random.default_rng(4)
    targets, predictions = (torch.tensor(dice.normal(size=s).astype("float32")) for s in shapes)
    got = getattr(latih.losses, name)()(targets, predictions)
    wanted = getattr(keras.losses, name)()(targets, predictions)
    assert got.item() == pytest.approx(wanted.item(), rel=1e-5)


# Metrics

METRICS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "Accuracy": [("labels", {})],
    "BinaryAccuracy": [
        ("probabilities yes-no", {}),
        ("probabilities yes-no", {"threshold": 0.3}),
    ],
    "CategoricalAccuracy": [("probabilities one-hot", {})],
    "SparseCategoricalAccuracy": [("probabilities sparse", {})],
    "TopKCategoricalAccuracy": [
        ("probabilities one-hot", {"k": 1}),
        ("probabilities one-hot", {"k": 2}),
    ],
    "SparseTopKCategoricalAccuracy": [
        ("probabilities sparse", {"k": 1}),
        ("probabilities sparse", {"k": 2}),
    ],
    "MeanSquaredError": [("regression", {})],
    "MeanAbsoluteError": [("regression", {})],
}
# Those that are no mean of a function, or compared with more arguments in test_metrics.py.
METRICS_APART = {
    *("Mean", "Sum", "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "LogCoshError"),
    *("CosineSimilarity", "R2Score", "PearsonCorrelation", "ConcordanceCorrelation", "Hinge"),
    *("SquaredHinge", "CategoricalHinge", "BinaryCrossentropy", "CategoricalCrossentropy"),
    *("SparseCategoricalCrossentropy", "KLDivergence", "Poisson", "TruePositives"),
    *("TrueNegatives", "FalsePositives", "FalseNegatives", "Precision", "Recall", "AUC"),
    *("SensitivityAtSpecificity", "SpecificityAtSensitivity", "PrecisionAtRecall"),
    *("RecallAtPrecision", "F1Score", "FBetaScore", "IoU", "BinaryIoU", "MeanIoU", "OneHotIoU"),
    *("OneHotMeanIoU", "RootMeanSquaredError"),
}
METRIC_CASES = [(name, *case) for name, cases in METRICS.items() for case in cases]


def test_every_metric_is_compared() -> None:
    theirs = [c for c in latih.metrics.METRICS.classes if c.keras_module.startswith("keras.")]
    assert {cls.__name__ for cls in theirs} == {*METRICS, *METRICS_APART}


@few
@given(data=st.data())
@pytest.mark.parametrize(("name", "kind", "arguments"), METRIC_CASES)
def test_metrics_accumulate_as_keras_do(
    name: str, kind: str, arguments: dict[str, Any], data: Any
) -> None:
    ours = getattr(latih.metrics, name)(**arguments)
    theirs = getattr(keras.metrics, name)(**arguments)
    for _ in range(data.draw(st.integers(1, 3))):
        targets, predictions, weights = data.draw(
            a_batch("probabilities sparse" if kind == "labels" else kind)
        )
        if kind == "labels":
            targets, predictions = targets, predictions[..., : targets.ndim].argmax(-1)
            targets = targets.reshape(predictions.shape)
        for metric in (ours, theirs):
            metric.update_state(
                torch.tensor(targets), torch.tensor(predictions), sample_weight=weights
            )
        assert float(ours.result()) == pytest.approx(float(theirs.result()), rel=1e-5)
    for metric in (ours, theirs):
        metric.reset_state()
    assert float(ours.result()) == float(theirs.result()) == 0


@few
@given(
    batches=st.lists(
        st.tuples(
            numbers(min_dims=1, max_dims=3, max_side=3), st.sampled_from(["none", "each", "all"])
        ),
        min_size=1,
        max_size=3,
    )
)
def test_a_mean_of_batches_is_keras_mean(batches: Any) -> None:
    ours, theirs = latih.metrics.Mean(), keras.metrics.Mean()
    for values, kind in batches:
        weights = {
            "none": None,
            "each": np.linspace(0, 2, len(values), dtype="float32"),
            "all": np.linspace(0, 2, values.size, dtype="float32").reshape(values.shape),
        }[kind]
        for mean in (ours, theirs):
            mean.update_state(torch.tensor(values), sample_weight=weights)
    assert float(ours.result()) == pytest.approx(float(theirs.result()), rel=1e-4, abs=1e-6)


# Initializers

INITIALIZER_CASES: list[tuple[str, dict[str, Any]]] = [
    ("Zeros", {}),
    ("Ones", {}),
    ("Constant", {"value": 0.3}),
    ("RandomNormal", {}),
    ("RandomNormal", {"mean": 1.0, "stddev": 0.2}),
    ("RandomUniform", {}),
    ("RandomUniform", {"minval": 0.0, "maxval": 3.0}),
    ("TruncatedNormal", {}),
    ("TruncatedNormal", {"mean": 1.0, "stddev": 0.2}),
    ("GlorotNormal", {}),
    ("GlorotUniform", {}),
    ("HeNormal", {}),
    ("HeUniform", {}),
    ("LecunNormal", {}),
    ("LecunUniform", {}),
    *(
        ("VarianceScaling", {"scale": scale, "mode": mode, "distribution": distribution})
        for scale, mode in ((0.5, "fan_in"), (2.0, "fan_out"), (1.0, "fan_avg"))
        for distribution in ("truncated_normal", "untruncated_normal", "uniform")
    ),
]


# Those that are not drawn number by number; test_leaf_parts.py compares them.
INITIALIZERS_APART = {"Orthogonal", "LSUV", "Identity"}


def test_every_initializer_is_compared() -> None:
    compared = {name for name, _ in INITIALIZER_CASES} | INITIALIZERS_APART
    assert {cls.__name__ for cls in INITIALIZERS.classes} == compared


@pytest.mark.parametrize("shape", [(300, 100), (3, 3, 40, 80)])
@pytest.mark.parametrize(("name", "arguments"), INITIALIZER_CASES)
def test_initial_weights_are_drawn_as_widely_as_keras(
    name: str, arguments: dict[str, Any], shape: tuple[int, ...]
) -> None:
    seed = {} if name in ("Zeros", "Ones", "Constant") else {"seed": 7}
    got = getattr(latih.initializers, name)(**arguments, **seed)(shape).numpy()
    wanted = getattr(keras.initializers, name)(**arguments, **seed)(shape).detach().numpy()
    assert got.shape == wanted.shape and got.dtype == wanted.dtype
    spread = float(wanted.std())
    # Of 28,800 numbers the mean is known to 1/170 of the deviation, and a decile to about 1/80.
    deciles = np.linspace(0.1, 0.9, 9)
    assert got.mean() == pytest.approx(wanted.mean(), abs=0.03 * spread + 1e-7)
    assert got.std() == pytest.approx(spread, rel=0.02, abs=1e-7)
    np.testing.assert_allclose(
        np.quantile(got, deciles), np.quantile(wanted, deciles), atol=0.05 * spread + 1e-7
    )
    if "Normal" not in name or "Truncated" in name or name in ("GlorotNormal", "HeNormal"):
        assert np.abs(got).max() == pytest.approx(np.abs(wanted).max(), rel=0.2)


@pytest.mark.parametrize(
    ("initializer", "deviation", "bound"),
    [
        (latih.initializers.TruncatedNormal(0.0, 1.0, seed=1), 0.8796, 2.0),
        (latih.initializers.HeNormal(seed=1), (2 / 400) ** 0.5, 2 * (2 / 400) ** 0.5 / 0.8796),
        (latih.initializers.LecunNormal(seed=1), 0.05, 2 * 0.05 / 0.8796),
        (latih.initializers.GlorotNormal(seed=1), (2 / 700) ** 0.5, None),
        (latih.initializers.HeUniform(seed=1), (2 / 400) ** 0.5, (6 / 400) ** 0.5),
        (latih.initializers.LecunUniform(seed=1), 0.05, (3 / 400) ** 0.5),
        (latih.initializers.GlorotUniform(seed=1), (2 / 700) ** 0.5, (6 / 700) ** 0.5),
    ],
)
def test_deviation_and_bound_are_the_papers(
    initializer: Any, deviation: float, bound: float | None
) -> None:
    values = initializer((400, 300))
    assert values.std().item() == pytest.approx(deviation, rel=0.01)
    assert abs(values.mean().item()) < 0.02 * deviation
    if bound is not None:
        largest = values.abs().max().item()
        assert 0.97 * bound < largest <= bound * (1 + 1e-4)


@pytest.mark.parametrize(("name", "arguments"), INITIALIZER_CASES)
def test_an_initializer_called_twice_gives_the_same_values(
    name: str, arguments: dict[str, Any]
) -> None:
    initializer = getattr(latih.initializers, name)(**arguments)
    assert torch.equal(initializer((5, 4)), initializer((5, 4)))


@pytest.mark.parametrize("name", [n for n, a in INITIALIZER_CASES if not a][2:])
def test_two_initializers_without_a_seed_give_other_values(name: str) -> None:
    cls = getattr(latih.initializers, name)
    assert not torch.equal(cls()((5, 4)), cls()((5, 4)))
    assert torch.equal(cls(seed=3)((5, 4)), cls(seed=3)((5, 4)))


@given(shape=st.lists(st.integers(1, 40), max_size=5))
def test_fans_are_keras_fans(shape: list[int]) -> None:
    assert latih.initializers.compute_fans(shape) == tuple(compute_fans(shape))


# Regularizers, constraints, schedules

prices = st.sampled_from([0.0, 1e-4, 0.01, 0.3, 2.0])


@few
@given(weight=numbers(), one=prices, two=prices)
def test_penalties_and_their_gradients_are_keras(
    weight: np.ndarray, one: float, two: float
) -> None:
    for name, arguments in (
        ("L1", {"l1": one}),
        ("L2", {"l2": two}),
        ("L1L2", {"l1": one, "l2": two}),
    ):
        both = []
        for library in (latih, keras):
            penalty = getattr(library.regularizers, name)(**arguments)
            both.append(
                value_and_gradients(
                    # A price of nothing leaves no gradient at all: a zero of w keeps it.
                    lambda w, p=penalty: torch.as_tensor(p(w)) + 0 * w.sum(),
                    weight,
                )
            )
        assert_same(*both, rtol=1e-5)


@few
@given(
    weight=numbers(min_dims=2, max_dims=4, max_side=4),
    largest=st.sampled_from([0.1, 1.0, 2, 30.0]),
    data=st.data(),
)
@example(weight=np.zeros((2, 2), "float32"), largest=1.0, data=None)
def test_max_norm_bounds_as_keras_does(weight: np.ndarray, largest: float, data: Any) -> None:
    axes = (
        [0]
        if data is None
        else sorted(data.draw(st.sets(st.integers(0, weight.ndim - 1), min_size=1)))
    )
    axis = axes[0] if len(axes) == 1 else axes
    got = latih.constraints.MaxNorm(largest, axis)(torch.tensor(weight))
    wanted = keras.constraints.MaxNorm(largest, axis)(torch.tensor(weight))
    np.testing.assert_allclose(got, wanted.detach(), rtol=1e-5, atol=1e-7)
    assert float((got.square().sum(dim=axis).sqrt()).max()) <= largest * (1 + 1e-5)


@pytest.mark.parametrize("axis", [None, -1, (0, 1)])
def test_max_norm_takes_keras_axes(axis: Any) -> None:
    weight = torch.tensor([[3.0, 0.0], [-4.0, 0.1]])
    got = latih.constraints.MaxNorm(1.0, axis)(weight)
    torch.testing.assert_close(got, keras.constraints.MaxNorm(1.0, axis)(weight).detach())


@given(
    initial=st.floats(1e-5, 1.0),
    steps=st.integers(1, 1000),
    rate=st.floats(0.1, 1.5),
    staircase=st.booleans(),
    at=st.integers(0, 3000),
)
def test_exponential_decay_is_keras(
    initial: float, steps: int, rate: float, staircase: bool, at: int
) -> None:
    assume(at / steps * abs(math.log10(rate)) < 25)  # beyond float32 both say 0 or infinity
    arguments = (initial, steps, rate, staircase)
    wanted = keras.optimizers.schedules.ExponentialDecay(*arguments)(at)
    got = latih.optimizers.schedules.ExponentialDecay(*arguments)(at)
    # Keras reckons in float32, whose rounding the exponent multiplies.
    assert float(got) == pytest.approx(float(wanted), rel=1e-5 * (1 + at / steps))


# Layers

LAYERS: dict[str, tuple[Callable[[Any], Any], list[tuple[int, ...]]]] = {
    "Dense": (lambda k: k.layers.Dense(3), [(4, 5), (4, 2, 5), (4, 2, 3, 5)]),
    "Dense of one": (lambda k: k.layers.Dense(1, "relu"), [(4, 5), (1, 1)]),
    "Dense without bias": (
        lambda k: k.layers.Dense(3, "tanh", use_bias=False),
        [(4, 5), (4, 2, 5)],
    ),
    "Dense softmax": (lambda k: k.layers.Dense(3, activation="softmax"), [(4, 5), (4, 2, 5)]),
    "Flatten": (lambda k: k.layers.Flatten(), [(4, 5), (4, 2, 3), (4, 2, 3, 2)]),
    "Reshape": (lambda k: k.layers.Reshape((3, 2)), [(4, 6), (4, 2, 3), (4, 1, 6)]),
    "Reshape by -1": (lambda k: k.layers.Reshape((-1, 2)), [(4, 6), (4, 2, 3)]),
    "Reshape to a row": (lambda k: k.layers.Reshape((6,)), [(4, 6), (4, 2, 3)]),
    "Activation": (lambda k: k.layers.Activation("gelu"), [(4,), (4, 5), (4, 2, 3)]),
    "ReLU": (lambda k: k.layers.ReLU(), [(4, 5), (4, 2, 3)]),
    "ReLU of all": (lambda k: k.layers.ReLU(1.0, 0.1, 0.3), [(4, 5), (4, 2, 3)]),
    "LeakyReLU": (lambda k: k.layers.LeakyReLU(), [(4, 5), (4, 2, 3)]),
    "LeakyReLU 0.1": (lambda k: k.layers.LeakyReLU(negative_slope=0.1), [(4, 5)]),
    "ELU": (lambda k: k.layers.ELU(), [(4, 5), (4, 2, 3)]),
    "ELU 0.5": (lambda k: k.layers.ELU(0.5), [(4, 5)]),
    "BatchNormalization": (
        lambda k: k.layers.BatchNormalization(),
        [(6, 5), (6, 2, 3), (6, 2, 2, 3), (6, 2, 2, 2, 3)],
    ),
    "BatchNormalization of axis 1": (
        lambda k: k.layers.BatchNormalization(axis=1, momentum=0.7, epsilon=0.1),
        [(6, 5), (6, 2, 3), (6, 2, 2, 3)],
    ),
    "BatchNormalization without scale": (
        lambda k: k.layers.BatchNormalization(scale=False),
        [(6, 5), (6, 2, 3)],
    ),
    "BatchNormalization without centre": (
        lambda k: k.layers.BatchNormalization(center=False),
        [(6, 5), (6, 2, 3)],
    ),
    "BatchNormalization of neither": (
        lambda k: k.layers.BatchNormalization(center=False, scale=False),
        [(6, 5), (6, 2, 3)],
    ),
    "Dropout": (lambda k: k.layers.Dropout(0.0), [(4, 5)]),
    "Rescaling": (lambda k: k.layers.Rescaling(2.0, -1.0), [(4, 5), (4, 2, 3)]),
    "Rescaling of columns": (
        lambda k: k.layers.Rescaling([2.0, 3.0, 4.0], [1.0, 0.0, -1.0]),
        [(4, 3), (4, 2, 3)],
    ),
    "Resizing": (lambda k: k.layers.Resizing(3, 7), [(2, 5, 4, 3), (2, 3, 7, 1)]),
    "Resizing to the nearest": (
        lambda k: k.layers.Resizing(3, 7, interpolation="nearest"),
        [(2, 5, 4, 3)],
    ),
    "Resizing smoothly": (lambda k: k.layers.Resizing(3, 2, antialias=True), [(2, 8, 9, 3)]),
    "Normalization": (lambda k: k.layers.Normalization(), [(4, 5), (4, 2, 3)]),
    "Normalization of axis 1": (lambda k: k.layers.Normalization(axis=1), [(4, 2), (4, 2, 3)]),
    "Normalization as given": (
        lambda k: k.layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[0.5, 2.0, 4.0]),
        [(4, 3), (4, 2, 3)],
    ),
    "Normalization of all alike": (
        lambda k: k.layers.Normalization(axis=None, mean=1.5, variance=0.0),
        [(4, 3), (4, 2, 3)],
    ),
    "Normalization back": (
        lambda k: k.layers.Normalization(
            mean=[1.0, 2.0, 3.0], variance=[0.5, 2.0, 4.0], invert=True
        ),
        [(4, 3)],
    ),
}
# test_leaf_layers.py, test_noise_layers.py and test_wrappers.py compare them.
LAYERS_APART = {
    *("InputLayer", "Permute", "Embedding", "PReLU", "Softmax", "LayerNormalization"),
    *("GroupNormalization", "WeightNormalization", "SpectralNormalization", "MCDropout"),
    *("AlphaDropout", "GaussianNoise", "GaussianDropout"),
}
LAYER_CASES = [(name, shape) for name, (_, shapes) in LAYERS.items() for shape in shapes]


def test_every_layer_is_compared() -> None:
    compared = {name.split()[0] for name in LAYERS}
    # Those of several inputs, those that draw and those of images have files of their own.
    families = (Merge, Augmentation, SpatialLayer)
    elsewhere = {cls.__name__ for cls in latih.layers.LAYERS.classes if issubclass(cls, families)}
    assert {cls.__name__ for cls in latih.layers.LAYERS.classes} == (
        compared | elsewhere | LAYERS_APART
    )


def layer_twins(name: str, shape: tuple[int, ...]) -> tuple[Any, Any]:
    ours, theirs = LAYERS[name][0](latih), LAYERS[name][0](keras)
    for layer in (ours, theirs):
        if len(shape) > 1 or name != "Activation":
            layer.build(shape)
    dice = np.random.default_rng(5)
    # A weight without axes is a count.
    weights = [
        dice.uniform(0.5, 1.5, w.shape).astype("float32") if w.ndim else np.float32(3)
        for w in ours.weights
    ]
    for layer in (ours, theirs):
        layer.set_weights(weights)
    return ours, theirs


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("name", "shape"), LAYER_CASES)
def test_layers_give_keras_outputs_and_gradients(
    name: str, shape: tuple[int, ...], training: bool
) -> None:
    x = np.random.default_rng(6).normal(size=shape).astype("float32") * 2 + 0.3
    both = []
    for layer in layer_twins(name, shape):
        inputs = torch.tensor(x, requires_grad=True)
        outputs = layer(inputs, training=training)
        trained = [getattr(w, "value", w) for w in layer.trainable_weights]
        factors = torch.linspace(0.5, 1.5, outputs.numel()).reshape(outputs.shape)
        gradients = torch.autograd.grad((outputs * factors).sum(), [inputs, *trained])
        both.append([t.detach().numpy() for t in (outputs, *gradients)] + layer.get_weights())
    assert_same(*both, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "shape"), [case for case in LAYER_CASES if len(case[1]) > 1])
def test_layers_foretell_the_shape_that_keras_foretells(name: str, shape: tuple[int, ...]) -> None:
    ours, theirs = layer_twins(name, shape)
    whole = (None, *shape[1:])
    assert ours.compute_output_shape(whole) == tuple(theirs.compute_output_shape(whole))
    given = tuple(ours(torch.zeros(shape)).shape)
    assert given == ours.compute_output_shape(shape)


def test_a_flat_batch_becomes_a_column() -> None:
    x = torch.arange(4.0)
    assert torch.equal(latih.layers.Flatten()(x), keras.layers.Flatten()(x))


def test_a_frozen_normalisation_uses_and_keeps_its_moving_statistics() -> None:
    x = torch.randn(6, 5, generator=torch.Generator().manual_seed(0)) * 3
    outputs = []
    for layer in layer_twins("BatchNormalization", (6, 5)):
        before = layer.get_weights()
        layer.trainable = False
        outputs.append(layer(x, training=True).detach())
        assert_same(layer.get_weights(), before, rtol=0, atol=0)
        assert len(layer.trainable_weights) == 0 and len(layer.non_trainable_weights) == 4
    torch.testing.assert_close(*outputs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("noise_shape", [None, (None, 1), (1, None)])
def test_dropout_drops_as_many_and_scales_as_keras(rate: float, noise_shape: Any) -> None:
    x = torch.ones(400, 300)
    kept = []
    for library in (latih, keras):
        layer = library.layers.Dropout(rate, noise_shape=noise_shape, seed=3)
        assert torch.equal(layer(x, training=False), x)
        outputs = layer(x, training=True)
        scaled = torch.tensor(1 / (1 - rate))
        assert torch.all((outputs == 0) | torch.isclose(outputs, scaled))
        kept.append((outputs > 0).float())
    ours, theirs = kept
    # A mask that is shared along an axis has no more than 300 draws.
    assert ours.mean().item() == pytest.approx(1 - rate, abs=0.005 if noise_shape is None else 0.1)
    for axis in (0, 1):
        shared = theirs.std(dim=axis).max() == 0
        assert (ours.std(dim=axis).max() == 0) == shared


@pytest.mark.parametrize("axis", [-1, 1, None])
@pytest.mark.parametrize("shape", [(6, 5), (6, 2, 3)])
def test_normalization_adapts_to_data_as_keras_does(axis: int | None, shape: Any) -> None:
    x = np.random.default_rng(7).normal(2.0, 3.0, shape).astype("float32")
    outputs = []
    for library in (latih, keras):
        layer = library.layers.Normalization(axis=axis)
        layer.adapt(x)
        outputs.append(layer(torch.tensor(x[:3] + 1)).detach().numpy())
    np.testing.assert_allclose(*outputs, rtol=1e-5, atol=1e-6)


def test_dropout_draws_another_mask_each_time() -> None:
    layer = latih.layers.Dropout(0.5, seed=3)
    first, second = (layer(torch.ones(50), training=True) for _ in range(2))
    assert not torch.equal(first, second)
    again = latih.layers.Dropout(0.5, seed=3)
    assert torch.equal(again(torch.ones(50), training=True), first)
