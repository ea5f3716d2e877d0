"""Every metric against the one of the same name in Keras, and against numbers reckoned by hand."""

import os

os.environ["KERAS_BACKEND"] = "torch"  # before keras is imported

import json
import math
from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from latih import losses, metrics
from latih.errors import InputError, LatihWarning, UnknownNameError
from latih.metrics import METRICS, MeanMetricWrapper
from latih.registry import serialize

# keras hands NumPy arrays to torch in a way that NumPy 2 will refuse one day.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

few = settings(max_examples=6, deadline=None, derandomize=True, database=None)
K = 3

# For each metric what it takes, and arguments to try.
CASES: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "Mean": ("values", [{}]),
    "Sum": ("values", [{}]),
    "Accuracy": ("same", [{}]),
    "BinaryAccuracy": ("yes-no", [{}, {"threshold": 0.3}]),
    "CategoricalAccuracy": ("one-hot", [{}]),
    "SparseCategoricalAccuracy": ("labels", [{}]),
    "TopKCategoricalAccuracy": ("one-hot", [{"k": 2}]),
    "SparseTopKCategoricalAccuracy": ("labels", [{"k": 2}]),
    "MeanSquaredError": ("numbers", [{}]),
    "RootMeanSquaredError": ("numbers", [{}]),
    "MeanAbsoluteError": ("numbers", [{}]),
    "MeanAbsolutePercentageError": ("numbers", [{}]),
    "MeanSquaredLogarithmicError": ("counts", [{}]),
    "LogCoshError": ("numbers", [{}]),
    "CosineSimilarity": ("numbers", [{}]),
    "R2Score": (
        "rows",
        [
            {},
            {"class_aggregation": None},
            {"class_aggregation": "variance_weighted_average"},
            {"num_regressors": 1},
            {"num_regressors": 1, "class_aggregation": None},
        ],
    ),
    "PearsonCorrelation": ("long numbers", [{}]),
    "ConcordanceCorrelation": ("long numbers", [{}]),
    "Hinge": ("signs", [{}]),
    "SquaredHinge": ("yes-no", [{}]),
    "CategoricalHinge": ("one-hot", [{}]),
    "BinaryCrossentropy": (
        "yes-no",
        [{}, {"label_smoothing": 0.2}, {"from_logits": True}],
    ),
    "CategoricalCrossentropy": (
        "one-hot",
        [{}, {"label_smoothing": 0.2}, {"from_logits": True}],
    ),
    "SparseCategoricalCrossentropy": (
        "labels",
        [{}, {"from_logits": True}, {"ignore_class": 1}],
    ),
    "KLDivergence": ("one-hot", [{}]),
    "Poisson": ("counts", [{}]),
    **{
        name: ("yes-no", [{}, {"thresholds": 0.3}, {"thresholds": [0.9, 0.2, 0.45]}])
        for name in ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives")
    },
    **{
        name: (
            "yes-no rows",
            [
                {},
                {"thresholds": [0.7, 0.2]},
                {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]},
                {"class_id": 1},
                {"top_k": 2},
                {"top_k": 2, "class_id": 0, "thresholds": 0.2},
            ],
        )
        for name in ("Precision", "Recall")
    },
    "AUC": (
        "yes-no rows",
        [
            {"curve": curve, "summation_method": method, **more}
            for curve in ("ROC", "PR", "PRGAIN")
            for method, more in (
                ("interpolation", {"num_thresholds": 7}),
                ("majoring", {"thresholds": [0.6, 0.1, 0.35]}),
                ("minoring", {}),
                ("interpolation", {"multi_label": True, "thresholds": [0.2, 0.7]}),
                ("majoring", {"multi_label": True, "num_labels": K, "num_thresholds": 11}),
                (
                    "interpolation",
                    {"multi_label": True, "label_weights": [1.0, 3.0, 0.5], "num_thresholds": 9},
                ),
            )
        ]
        + [
            {"from_logits": True},
            {"label_weights": [1.0, 3.0, 0.5], "num_thresholds": 9},
            {"label_weights": [1.0, 3.0, 0.5], "thresholds": [0.3]},
            {"num_thresholds": 2},
        ],
    ),
    **{
        name: (
            "yes-no rows",
            [
                {argument: 0.4137, "num_thresholds": 9},
                {argument: 0.6137, "class_id": 2},
                {argument: 0.2, "num_thresholds": 1},
                {argument: 0.2137, "num_thresholds": 2},
            ],
        )
        for name, argument in (
            ("SensitivityAtSpecificity", "specificity"),
            ("SpecificityAtSensitivity", "sensitivity"),
            ("PrecisionAtRecall", "recall"),
            ("RecallAtPrecision", "precision"),
        )
    },
    "FBetaScore": (
        "yes-no rows",
        [
            {"average": average, "beta": beta, "threshold": threshold}
            for average in (None, "micro", "macro", "weighted")
            for beta, threshold in ((0.5, 0.4), (2.0, None))
        ],
    ),
    "F1Score": ("yes-no rows", [{}, {"average": "macro", "threshold": 0.5}]),
    "IoU": (
        "both labels",
        [
            {"num_classes": K, "target_class_ids": [0, 2]},
            {"num_classes": K, "target_class_ids": [1], "ignore_class": 0, "dtype": "float32"},
            {"num_classes": 2, "target_class_ids": [0, 1]},
        ],
    ),
    "MeanIoU": (
        "both labels",
        [{"num_classes": K}, {"num_classes": K + 1, "ignore_class": 2, "dtype": "float32"}],
    ),
    "BinaryIoU": (
        "yes-no",
        [{}, {"target_class_ids": [1], "threshold": 0.3, "dtype": "float32"}],
    ),
    "OneHotIoU": (
        "one-hot",
        [
            {"num_classes": K, "target_class_ids": [0, 2]},
            {"num_classes": K, "target_class_ids": [1, 2], "ignore_class": 1, "dtype": "float32"},
        ],
    ),
    "OneHotMeanIoU": ("one-hot", [{"num_classes": K}]),
}
METRIC_CASES = [(name, kind, a) for name, (kind, cases) in CASES.items() for a in cases]


def a_batch(
    dice: np.random.Generator, kind: str, shape: tuple[int, ...], logits: bool, column: bool
) -> list[np.ndarray]:
    """What a metric of this kind takes in, but for the weights; ``shape`` is without columns."""
    labels = dice.integers(0, K, shape)
    scores = dice.normal(size=(*shape, K)) * 2
    probabilities = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    # Some at the ends and on thresholds, where the side taken matters.
    chances = np.round(dice.uniform(-0.1, 1.1, (*shape, K)), 2).clip(0, 1)
    d = int(dice.integers(1, 4))
    batch: list[np.ndarray]
    match kind:
        case "values":
            batch = [dice.normal(size=(*shape, d))]
        case "same":
            batch = [labels, dice.integers(0, K, shape)]
        case "both labels":
            batch = [labels, dice.integers(0, K, shape)]
        case "labels":
            labels = labels[..., None] if column else labels
            batch = [labels, scores if logits else probabilities]
        case "one-hot":
            labels = labels.reshape(shape)
            batch = [np.eye(K)[labels], scores if logits else probabilities]
        case "numbers" | "rows":
            d = 2 if kind == "rows" else d
            targets = dice.normal(size=(*shape, d))
            batch = [targets + np.sign(targets), dice.normal(size=(*shape, d))]
        case "long numbers":
            batch = [dice.normal(size=(*shape, 5)), dice.normal(size=(*shape, 5))]
        case "counts":
            batch = [dice.poisson(3, (*shape, d)), np.exp(dice.normal(size=(*shape, d)))]
        case _:
            yes = dice.integers(0, 2, (*shape, K))
            batch = [yes, scores if logits else chances]
            if kind != "yes-no rows":
                batch = [part[..., :1] if column else part for part in batch]
            if kind == "signs":
                batch[0] = batch[0] * 2 - 1
    return [b.astype("float32") if b.dtype == np.float64 else b for b in batch]


def update(metric: Any, batch: list[np.ndarray], weights: Any) -> None:
    metric.update_state(*(torch.tensor(b) for b in batch), sample_weight=weights)


def assert_alike(got: Any, wanted: Any, atol: float = 2e-6) -> None:
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=atol)


TWO_AXES = ("rows", "yes-no rows")  # (n, d) and no more


@few
@given(
    seed=st.integers(0, 2**20),
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    time=st.booleans(),
    column=st.booleans(),
    weighted=st.sampled_from(["none", "fractions", "whole", "both"]),
)
@example(seed=0, sizes=[6, 5, 1], time=True, column=False, weighted="fractions")
@example(seed=1, sizes=[5, 2], time=False, column=True, weighted="both")
@example(seed=2, sizes=[6, 4], time=False, column=False, weighted="none")
@pytest.mark.parametrize(("name", "kind", "arguments"), METRIC_CASES)
def test_metrics_accumulate_as_keras_do(
    name: str,
    kind: str,
    arguments: dict[str, Any],
    seed: int,
    sizes: list[int],
    time: bool,
    column: bool,
    weighted: str,
) -> None:
    dice = np.random.default_rng(seed)
    ours = getattr(metrics, name)(**arguments)
    theirs = getattr(keras.metrics, name)(**arguments)
    if kind == "rows":
        sizes = [4, *sizes]  # a variance needs examples
    time = time and kind not in TWO_AXES
    whole = isinstance(ours, metrics.IoU) and ours.dtype != "float32"
    logits = arguments.get("from_logits", False)

    def feed() -> None:
        for number, size in enumerate(sizes):
            shape = (size, 2) if time else (size,)
            batch = a_batch(dice, kind, shape, logits, column)
            weights: Any = None
            if weighted in ("fractions", "whole") or (weighted == "both" and number):
                flat_labels = kind == "yes-no" and isinstance(ours, metrics.IoU)
                full = batch[0].shape if flat_labels else shape
                weights = dice.uniform(0.2, 3, full).astype("float32")
                if whole or weighted == "whole":
                    weights = dice.integers(0, 4, full)
            for metric in (ours, theirs):
                update(metric, batch, weights)
            assert_alike(ours.result(), theirs.result())

    feed()
    assert len(ours.variables) == len(theirs.variables)
    for got, wanted in zip(ours.variables, theirs.variables, strict=True):
        # Keras reckons some as a difference of large sums, where Latih adds up what is small.
        assert_alike(got, wanted.value, atol=1e-5)
    for metric in (ours, theirs):
        metric.reset_state()
    assert all(not variable.any() for variable in ours.variables)
    if not arguments.get("num_regressors"):
        assert_alike(ours.result(), theirs.result())
    feed()


def is_own(cls: type[metrics.Metric]) -> bool:
    """Say whether Keras has no such metric."""
    return cls.keras_module.startswith("latih.")


def test_every_metric_is_compared() -> None:
    assert {cls.__name__ for cls in METRICS.classes if not is_own(cls)} == set(CASES)
    assert {n for n in dir(keras.metrics) if not n.startswith("_")} <= set(dir(metrics))


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize(
    "name", ["CosineSimilarity", "PearsonCorrelation", "ConcordanceCorrelation"]
)
def test_the_axis_is_keras(name: str, axis: int) -> None:
    batch = a_batch(np.random.default_rng(0), "long numbers", (4, 3), False, False)
    ours, theirs = (getattr(lib, name)(axis=axis) for lib in (metrics, keras.metrics))
    for metric in (ours, theirs):
        update(metric, batch, None)
    assert_alike(ours.result(), theirs.result())


# By hand

YES = [[1, 0, 1], [0, 0, 1]], [[0.6, 0.3, 0.2], [0.7, 0.1, 0.9]]
BY_HAND: list[tuple[str, dict[str, Any], Any, Any]] = [
    ("Sum", {}, ([1.0, 2.0, 3.0],), 6.0),
    ("RootMeanSquaredError", {}, ([[0.0], [0.0]], [[3.0], [4.0]]), math.sqrt(12.5)),
    ("MeanAbsolutePercentageError", {}, ([[4.0], [10.0]], [[3.0], [10.0]]), 12.5),
    ("LogCoshError", {}, ([[0.0]], [[-100.0]]), 100 - math.log(2)),
    ("CosineSimilarity", {}, ([[3.0, 4.0]], [[4.0, 3.0]]), 0.96),
    ("R2Score", {}, ([[1.0], [2.0], [3.0]], [[1.0], [2.0], [4.0]]), 0.5),
    ("R2Score", {"num_regressors": 1}, ([[1.0], [2.0], [3.0]], [[1.0], [2.0], [4.0]]), 0.0),
    ("PearsonCorrelation", {}, ([[0.0, 1.0, 2.0]], [[5.0, 3.0, 1.0]]), -1.0),
    ("ConcordanceCorrelation", {}, ([[0.0, 1.0, 2.0]], [[1.0, 2.0, 3.0]]), 4 / 7),
    ("TruePositives", {}, YES, 2.0),
    ("FalsePositives", {}, YES, 1.0),
    ("TrueNegatives", {}, YES, 2.0),
    ("FalseNegatives", {}, YES, 1.0),
    ("Precision", {}, YES, 2 / 3),
    ("Recall", {"thresholds": [0.1, 0.65]}, YES, [1.0, 1 / 3]),
    ("Precision", {"top_k": 1}, YES, 1.0),
    ("Recall", {"class_id": 2}, YES, 0.5),
    ("AUC", {}, ([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 0.75),
    ("AUC", {"from_logits": True}, ([0, 0, 1, 1], [-3.0, 0.0, -1.0, 2.0]), 0.75),
    ("F1Score", {"threshold": 0.5}, YES, [2 / 3, 0.0, 2 / 3]),
    ("F1Score", {}, ([[1, 0], [0, 1]], [[0.0, 0.0], [0.2, 0.8]]), [0.0, 1.0]),
    ("FBetaScore", {"average": "micro", "beta": 2.0, "threshold": 0.5}, YES, 2 / 3),
    ("SensitivityAtSpecificity", {"specificity": 1.0}, ([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.8]), 0.5),
    ("SpecificityAtSensitivity", {"sensitivity": 1.0}, ([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.8]), 0.5),
    ("PrecisionAtRecall", {"recall": 1.0}, ([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.8]), 2 / 3),
    ("RecallAtPrecision", {"precision": 1.0}, ([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.8]), 0.5),
    ("RecallAtPrecision", {"precision": 1.0}, ([0, 0], [0.1, 0.4]), 0.0),
    ("MeanIoU", {"num_classes": 3}, ([0, 0, 1, 1], [0, 1, 1, 1]), (1 / 2 + 2 / 3) / 2),
    ("IoU", {"num_classes": 2, "target_class_ids": [1]}, ([0, 0, 1, 1], [0, 1, 1, 1]), 2 / 3),
    ("BinaryIoU", {"target_class_ids": [1]}, ([0, 1, 1], [0.5, 0.6, 0.2]), 1 / 3),
    ("OneHotMeanIoU", {"num_classes": 2}, ([[1, 0], [0, 1]], [[0.9, 0.1], [0.7, 0.3]]), 0.25),
]


@pytest.mark.parametrize(("name", "arguments", "batch", "wanted"), BY_HAND)
def test_a_metric_is_what_it_is_by_hand(
    name: str, arguments: dict[str, Any], batch: Any, wanted: Any
) -> None:
    for form in (list, np.array, torch.tensor):
        metric = getattr(metrics, name)(**arguments)
        got = metric(*(form(part) for part in batch))
        assert got.tolist() == pytest.approx(wanted, rel=1e-5, abs=1e-6)
        if "iou" not in name.lower():
            # Twice the weight is as to be there twice.
            ones, twos = (form([float(n)] * len(batch[0])) for n in (1, 2))
            once, twice, weighted = (getattr(metrics, name)(**arguments) for _ in range(3))
            once(*(form(part) for part in batch), sample_weight=ones)
            assert_alike(once.result(), got)
            if not arguments.get("num_regressors"):
                weighted(*(form(part) for part in batch), sample_weight=twos)
                for _ in range(2):
                    twice(*(form(part) for part in batch))
                assert_alike(weighted.result(), twice.result())


@few
@given(seed=st.integers(0, 2**20), many=st.integers(1, 40))
def test_counts_are_those_of_a_loop(seed: int, many: int) -> None:
    dice = np.random.default_rng(seed)
    thresholds = dice.permutation(np.round(dice.uniform(0, 1, 5), 1)).tolist()
    yes = dice.integers(0, 2, many)
    chances = np.round(dice.uniform(0, 1, many), 1).astype("float32")
    chances[0] = np.nan
    weights = dice.integers(0, 5, many)
    for name, label, above in (
        ("TruePositives", 1, True),
        ("FalsePositives", 0, True),
        ("TrueNegatives", 0, False),
        ("FalseNegatives", 1, False),
    ):
        got = getattr(metrics, name)(thresholds=thresholds)(yes, chances, sample_weight=weights)
        wanted = [
            sum(
                int(w)
                for y, p, w in zip(yes, chances, weights, strict=True)
                if y == label and bool(p > np.float32(t)) == above
            )
            for t in thresholds
        ]
        assert got.tolist() == wanted


def test_an_area_of_many_thresholds_is_the_chance_of_the_right_order() -> None:
    dice = np.random.default_rng(5)
    yes = dice.integers(0, 2, 300)
    chances = (dice.uniform(0, 1, 300) * 0.7 + yes * 0.3).astype("float32")
    pairs = chances[yes == 1][:, None] - chances[yes == 0][None]
    wanted = (pairs > 0).mean()
    assert metrics.AUC(num_thresholds=5000)(yes, chances).item() == pytest.approx(wanted, abs=1e-3)


def test_an_example_weighs_all_of_its_answers() -> None:
    # Keras refuses a weight an example where an example has several steps of answers.
    yes, chances = torch.ones(3, 2, 2), torch.ones(3, 2, 2)
    assert metrics.TruePositives()(yes, chances, sample_weight=[1.0, 0.0, 2.0]).item() == 12
    metric = metrics.MeanIoU(2, dtype="float32")
    metric.update_state(yes, chances, sample_weight=[1.0, 0.0, 0.5])
    assert metric.total_cm.tolist() == [[0, 0], [0, 6]]


def test_regions_are_counted_beyond_float32() -> None:
    metric = metrics.MeanIoU(2)
    metric.total_cm += 2**24
    metric.update_state([0, 1], [0, 1])
    assert metric.total_cm.tolist() == [[2**24 + 1, 2**24], [2**24, 2**24 + 1]]


def test_fractions_of_weights_are_cut_down_with_a_warning_as_in_keras() -> None:
    batch, weights = ([0, 1, 1], [0, 1, 0]), np.array([1.5, 0.5, 2.0], "float32")
    ours, theirs = metrics.MeanIoU(2), keras.metrics.MeanIoU(2)
    with pytest.warns(LatihWarning, match="float32"):
        ours.update_state(*batch, sample_weight=weights)
    with pytest.warns(UserWarning, match="int"):
        theirs.update_state(*batch, sample_weight=weights)
    assert_alike(ours.result(), theirs.result())


@pytest.mark.parametrize("regressors", [1, 2, 5])
def test_too_few_examples_leave_r2_as_it_is(regressors: int) -> None:
    ours, theirs = (lib.R2Score(num_regressors=regressors) for lib in (metrics, keras.metrics))
    for metric in (ours, theirs):
        update(metric, [np.array([[1.0], [2.0]], "float32"), np.ones((2, 1), "float32")], None)
    with pytest.warns(LatihWarning, match="num_regressors"):
        got = ours.result()
    with pytest.warns(UserWarning, match="R2"):
        wanted = theirs.result()
    assert_alike(got, wanted)


@pytest.mark.parametrize("weighted", [False, True])
def test_balanced_accuracy_is_scikit_learns(weighted: bool) -> None:
    dice = np.random.default_rng(2)
    metric = metrics.BalancedAccuracy()
    for _ in range(2):
        # A class is never met, and one is rare.
        true = dice.choice(4, 300, p=[0.6, 0.37, 0.03, 0.0])
        scores = dice.normal(size=(300, 4)).astype("float32")
        scores[:, 3] = -9
        scores[np.arange(300), true] += 1
        weights = dice.uniform(0.5, 2, 300).astype("float32") if weighted else None
        metric.reset_state()
        for half in (slice(200), slice(200, None)):
            part = None if weights is None else weights[half]
            metric.update_state(np.eye(4, dtype="float32")[true[half]], scores[half], part)
        wanted = balanced_accuracy_score(true, scores.argmax(1), sample_weight=weights)
        assert metric.result().item() == pytest.approx(wanted, abs=1e-6)


def test_a_score_of_nothing() -> None:
    for cls in METRICS.classes:
        metric = cls() if is_own(cls) else cls(**CASES[cls.__name__][1][0])
        got = metric.result()
        assert got.isnan() if cls is metrics.R2Score else not got.any()


def test_a_metric_holds_no_graph() -> None:
    for name, kind, arguments in METRIC_CASES:
        batch = a_batch(np.random.default_rng(0), kind, (4,), False, False)
        *rest, last = (torch.tensor(b) for b in batch)
        if last.is_floating_point():
            last.requires_grad_()
        metric = getattr(metrics, name)(**arguments)
        metric.update_state(*rest, last)
        assert metric.variables
        assert not any(v.requires_grad or v.grad_fn for v in metric.variables)
        assert not metric.result().requires_grad


# Names and configs


@pytest.mark.parametrize(("name", "arguments"), [(n, a) for n, _, a in METRIC_CASES])
def test_a_metric_comes_back_and_keras_reads_it(name: str, arguments: dict[str, Any]) -> None:
    metric = getattr(metrics, name)(**arguments, name="mine")
    data = json.loads(json.dumps(serialize(metric), allow_nan=False))
    again = metrics.deserialize(data)
    assert type(again) is type(metric)
    assert again.get_config() == metric.get_config()
    given = {**arguments, "name": "mine"}
    if name == "AUC" and "thresholds" in given:
        given["thresholds"] = sorted(given["thresholds"])
    assert given.items() <= again.get_config().items()
    known = {k: v for k, v in data["config"].items() if k not in metric.neutral_config}
    theirs = getattr(keras.metrics, name).from_config(known)
    config = json.loads(json.dumps(theirs.get_config(), default=lambda tensor: tensor.tolist()))
    ours = getattr(metrics, name).from_config(config)
    assert ours.get_config().items() >= {"name": "mine"}.items()
    if name not in ("CosineSimilarity",):
        assert ours.get_config() == again.get_config()


def test_a_wrapped_function_comes_back() -> None:
    wrapped = MeanMetricWrapper(losses.huber, delta=2.0, name="mine")
    config = json.loads(json.dumps(wrapped.get_config()))
    again = MeanMetricWrapper.from_config(config)
    assert again.name == "mine"
    assert again([[0.0]], [[3.0]]).item() == wrapped([[0.0]], [[3.0]]).item() == 4.0
    theirs = keras.src.metrics.MeanMetricWrapper(keras.losses.huber, delta=2.0).get_config()
    assert MeanMetricWrapper.from_config(theirs)([[0.0]], [[3.0]]).item() == 4.0
    for function in (metrics.binary_accuracy, metrics.pearson_correlation):
        config = MeanMetricWrapper(function).get_config()
        assert MeanMetricWrapper.from_config(config).get_config() == config


def test_names_mean_what_they_mean_in_keras() -> None:
    theirs = set(keras.src.metrics.ALL_OBJECTS_DICT)
    for name in theirs - {"Metric", "metric", "MeanMetricWrapper", "mean_metric_wrapper"}:
        cls = keras.src.metrics.ALL_OBJECTS_DICT[name]
        try:
            made = metrics.get(name)
        except TypeError:
            continue  # it needs an argument, in Keras as well
        assert type(made).__name__ == cls.__name__
        assert made.name == cls().name or cls().name.startswith(made.name)
    with pytest.raises(UnknownNameError, match="'Precision'"):
        metrics.get("precison")


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    *((name, {**cases[0], "dtype": "float64"}, "dtype") for name, (_, cases) in CASES.items()),
    ("BinaryAccuracy", {"threshold": 1.5}, "threshold"),
    ("TopKCategoricalAccuracy", {"k": 0}, "k"),
    ("SparseTopKCategoricalAccuracy", {"k": "x"}, "k"),
    ("R2Score", {"class_aggregation": "mean"}, "class_aggregation"),
    ("R2Score", {"num_regressors": -1}, "num_regressors"),
    ("BinaryCrossentropy", {"label_smoothing": 2}, "label_smoothing"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 0.5}, "ignore_class"),
    ("PearsonCorrelation", {"axis": 0.5}, "axis"),
    ("Precision", {"thresholds": [0.5, 1.5]}, "thresholds"),
    ("TruePositives", {"thresholds": -0.5}, "thresholds"),
    ("Recall", {"top_k": 0}, "top_k"),
    ("Recall", {"class_id": "x"}, "class_id"),
    ("AUC", {"num_thresholds": 1}, "num_thresholds"),
    ("AUC", {"curve": "LIFT"}, "curve"),
    ("AUC", {"summation_method": "middle"}, "summation_method"),
    ("AUC", {"thresholds": [2.0]}, "thresholds"),
    ("AUC", {"num_labels": 3}, "num_labels"),
    ("PrecisionAtRecall", {"recall": 1.5}, "recall"),
    ("RecallAtPrecision", {"precision": 0.5, "num_thresholds": 0}, "num_thresholds"),
    ("FBetaScore", {"beta": 0.0}, "beta"),
    ("FBetaScore", {"average": "all"}, "average"),
    ("F1Score", {"threshold": 0.0}, "threshold"),
    ("IoU", {"num_classes": 2, "target_class_ids": [2]}, "target_class_ids"),
    ("MeanIoU", {"num_classes": 0}, "num_classes"),
    ("BinaryIoU", {"threshold": 1.5}, "threshold"),
]


@pytest.mark.parametrize(("name", "arguments", "named"), REFUSED)
def test_bad_arguments_are_refused_by_their_name(
    name: str, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(InputError, match=f"`{named}`"):
        getattr(metrics, name)(**arguments)


@pytest.mark.parametrize(
    ("name", "arguments", "targets", "predictions"),
    [
        ("R2Score", {}, [0.0, 1.0], [0.0, 1.0]),
        ("F1Score", {}, [0, 1], [[0.1, 0.9], [0.2, 0.8]]),
        ("AUC", {"multi_label": True}, [0, 1], [0.1, 0.9]),
        ("Precision", {}, [0, 1, 1], [[0.1, 0.9], [0.2, 0.8]]),
        ("Recall", {"class_id": 1}, [0, 1], [0.1, 0.9]),
        ("MeanIoU", {"num_classes": 2}, [0, 1, 1], [0, 1]),
    ],
)
def test_data_of_another_shape_are_refused(
    name: str, arguments: dict[str, Any], targets: Any, predictions: Any
) -> None:
    with pytest.raises(InputError, match="shape"):
        getattr(metrics, name)(**arguments).update_state(targets, predictions)
