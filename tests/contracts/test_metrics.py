"""Every metric keeps the contract of metrics."""

import math
from typing import Any

import numpy as np
import pytest
import torch

import latih
from latih import metrics
from latih.errors import LatihError
from latih.metrics import METRICS, MeanMetricWrapper, Metric
from latih.registry import to_snake_case

# Arguments, what two examples come as, and the metric's value for each, reckoned by hand.
ROWS = [[0.5, 0.2, 0.3], [0.1, 0.2, 0.7]]
CASES: dict[str, tuple[dict[str, Any], list[Any], list[float]]] = {
    "Mean": ({}, [[1.0, 3.0]], [1.0, 3.0]),
    "Accuracy": ({}, [[1, 2], [1, 0]], [1.0, 0.0]),
    "BinaryAccuracy": ({"threshold": 0.3}, [[[1], [1]], [[0.4], [0.3]]], [1.0, 0.0]),
    "CategoricalAccuracy": ({}, [[[1, 0, 0], [1, 0, 0]], ROWS], [1.0, 0.0]),
    "SparseCategoricalAccuracy": ({}, [[0, 0], ROWS], [1.0, 0.0]),
    "TopKCategoricalAccuracy": ({"k": 2}, [[[0, 0, 1], [1, 0, 0]], ROWS], [1.0, 0.0]),
    "SparseTopKCategoricalAccuracy": ({"k": 2}, [[2, 0], ROWS], [1.0, 0.0]),
    "MeanSquaredError": ({}, [[[0.0], [0.0]], [[1.0], [3.0]]], [1.0, 9.0]),
    "MeanAbsoluteError": ({}, [[[0.0], [0.0]], [[1.0], [3.0]]], [1.0, 3.0]),
}
SCORES = [[[1, 0], [0, 1], [0, 1], [1, 0]], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]]]
CASES |= {
    "MeanAbsolutePercentageError": ({}, [[[2.0], [5.0]], [[1.0], [4.0]]], [50.0, 20.0]),
    "MeanSquaredLogarithmicError": (
        {},
        [[[0.0], [1.0]], [[1.0], [3.0]]],
        [math.log(2) ** 2, math.log(2) ** 2],
    ),
    "LogCoshError": (
        {},
        [[[0.0], [0.0]], [[1.0], [-3.0]]],
        [math.log(math.cosh(1)), math.log(math.cosh(3))],
    ),
    "CosineSimilarity": ({}, [[[0.0, 1.0], [1.0, 1.0]], [[3.0, 4.0], [2.0, 0.0]]], [0.8, 0.5**0.5]),
    "PearsonCorrelation": ({}, [[[1.0, 2, 3], [1, 2, 3]], [[0.0, 2, 4], [2, 1, 0]]], [1.0, -1.0]),
    "ConcordanceCorrelation": (
        {},
        [[[1.0, 2, 3], [1, 2, 3]], [[1.0, 2, 3], [2, 4, 6]]],
        [1.0, 2 * (4 / 3) / (2 / 3 + 8 / 3 + 4)],
    ),
    "Hinge": ({}, [[[1.0], [-1.0]], [[0.5], [0.5]]], [0.5, 1.5]),
    "SquaredHinge": ({}, [[[1.0], [-1.0]], [[0.5], [0.5]]], [0.25, 2.25]),
    "CategoricalHinge": ({}, [[[1.0, 0], [0, 1]], [[0.8, 0.3], [0.9, 0.1]]], [0.5, 1.8]),
    "BinaryCrossentropy": (
        {},
        [[[1.0], [0.0]], [[0.5], [0.1]]],
        [math.log(2), -math.log(0.9)],
    ),
    "CategoricalCrossentropy": (
        {},
        [[[1.0, 0], [0, 1]], [[0.5, 0.5], [0.2, 0.8]]],
        [math.log(2), -math.log(0.8)],
    ),
    "SparseCategoricalCrossentropy": (
        {},
        [[0, 1], [[0.5, 0.5], [0.2, 0.8]]],
        [math.log(2), -math.log(0.8)],
    ),
    "KLDivergence": (
        {},
        [[[0.5, 0.5], [0.5, 0.5]], [[0.25, 0.75], [0.2, 0.8]]],
        [0.5 * math.log(2) + 0.5 * math.log(2 / 3), 0.5 * math.log(2.5) + 0.5 * math.log(0.625)],
    ),
    "Poisson": ({}, [[[1.0], [2.0]], [[2.0], [1.0]]], [2 - math.log(2), 1.0]),
}
# Those that are no mean of the examples: arguments, a batch, and the metric's value for it.
YES = [[0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9]]
REGIONS = [[0, 0, 1, 1], [0, 1, 0, 1]]
OTHERS: dict[str, tuple[dict[str, Any], list[Any], float]] = {
    "Sum": ({}, [[1.0, 3.0]], 4.0),
    "RootMeanSquaredError": ({}, [[[0.0], [0.0]], [[1.0], [3.0]]], math.sqrt(5)),
    "R2Score": ({}, [[[1.0], [2.0], [3.0]], [[1.0], [2.0], [4.0]]], 0.5),
    "TruePositives": ({}, YES, 1.0),
    "TrueNegatives": ({"thresholds": 0.7}, YES, 2.0),
    "FalsePositives": ({}, YES, 1.0),
    "FalseNegatives": ({"thresholds": 0.3}, YES, 0.0),
    "Precision": ({"thresholds": 0.3}, YES, 2 / 3),
    "Recall": ({}, YES, 0.5),
    "AUC": ({}, YES, 0.75),
    "SensitivityAtSpecificity": ({"specificity": 0.9}, YES, 0.5),
    "SpecificityAtSensitivity": ({"sensitivity": 0.9}, YES, 0.5),
    "PrecisionAtRecall": ({"recall": 0.9}, YES, 2 / 3),
    "RecallAtPrecision": ({"precision": 0.9}, YES, 0.5),
    "F1Score": ({"average": "macro"}, SCORES, (4 / 5 + 2 / 3) / 2),
    "FBetaScore": ({"average": "macro", "beta": 2.0}, SCORES, (10 / 11 + 5 / 9) / 2),
    "BalancedAccuracy": ({}, SCORES, 0.75),
    "IoU": ({"num_classes": 2, "target_class_ids": [0]}, REGIONS, 1 / 3),
    "BinaryIoU": ({}, YES, 1 / 3),
    "MeanIoU": ({"num_classes": 2}, REGIONS, 1 / 3),
    "OneHotIoU": ({"num_classes": 2, "target_class_ids": [0]}, SCORES, 2 / 3),
    "OneHotMeanIoU": ({"num_classes": 2}, SCORES, (2 / 3 + 1 / 2) / 2),
}
BATCHES: dict[str, list[Any]] = {name: case[1] for name, case in {**CASES, **OTHERS}.items()}
each = pytest.mark.parametrize("name", CASES)
each_other = pytest.mark.parametrize("name", OTHERS)
of_all = pytest.mark.parametrize("name", BATCHES)


def make(name: str, /, **more: Any) -> Metric:
    return getattr(metrics, name)(**{**CASES, **OTHERS}[name][0], **more)


def test_every_metric_is_in_the_table_and_here(public_classes: Any) -> None:
    assert {cls.__name__ for cls in METRICS.classes} == set(BATCHES)
    assert public_classes(metrics, Metric) - {MeanMetricWrapper} == set(METRICS.classes)


@each
def test_a_metric_is_the_mean_over_all_that_was_seen(name: str) -> None:
    _, batch, (first, second) = CASES[name]
    metric = make(name)
    assert metric(*batch).item() == pytest.approx((first + second) / 2)
    metric.update_state(*([part[0]] for part in batch))
    assert metric.result().item() == pytest.approx((2 * first + second) / 3)


@each
def test_weights_divide_by_their_sum(name: str) -> None:
    _, batch, (first, second) = CASES[name]
    for weights in ([3.0, 1.0], np.array([3, 1]), torch.tensor([3.0, 1.0])):
        got = make(name)(*batch, sample_weight=weights).item()
        assert got == pytest.approx((3 * first + second) / 4)


@each
def test_a_metric_of_nothing_is_zero_and_reset_goes_back_to_nothing(name: str) -> None:
    metric = make(name)
    assert metric.result().item() == 0
    metric(*CASES[name][1])
    assert len(metric.variables) == 2 and metric.variables[1].item() == 2
    metric.reset_state()
    assert metric.result().item() == 0
    assert [v.item() for v in metric.variables] == [0, 0]


@each_other
def test_a_metric_of_another_kind_is_what_it_is_by_hand(name: str) -> None:
    _, batch, wanted = OTHERS[name]
    assert make(name)(*batch).item() == pytest.approx(wanted, rel=1e-4)


@each_other
def test_a_weight_counts_an_example_as_often(name: str) -> None:
    batch = OTHERS[name][1]
    again = make(name)(*([*part, part[0]] for part in batch))
    heavy = [2, *[1] * (len(batch[0]) - 1)]
    for weights in (heavy, np.array(heavy), torch.tensor(heavy)):
        assert make(name)(*batch, sample_weight=weights).item() == pytest.approx(again.item())


@each_other
def test_batches_add_up_and_reset_forgets_them(name: str) -> None:
    _, batch, wanted = OTHERS[name]
    metric = make(name)
    metric(*batch)
    metric.reset_state()
    metric.update_state(*(part[:1] for part in batch))
    metric.update_state(*(part[1:] for part in batch))
    assert metric.result().item() == pytest.approx(wanted, rel=1e-4)


@of_all
def test_a_metric_holds_no_graph(name: str) -> None:
    *targets, predictions = (torch.as_tensor(part) for part in BATCHES[name])
    predictions = predictions.float().requires_grad_()
    metric = make(name)
    metric.update_state(*targets, predictions)
    assert not any(variable.requires_grad for variable in metric.variables)


@of_all
def test_a_metric_reckons_in_float32_with_predictions_of_bfloat16(name: str) -> None:
    *targets, predictions = (torch.as_tensor(part) for part in BATCHES[name])
    coarse = predictions.bfloat16().requires_grad_()
    got = make(name)(*targets, coarse)
    assert got.dtype == torch.float32
    assert torch.equal(got, make(name)(*targets, coarse.float()))


@of_all
def test_a_metric_comes_back_from_its_config(name: str, assert_comes_back: Any) -> None:
    metric = make(name, name="mine")
    again = assert_comes_back(METRICS, metric)
    assert again.name == "mine"
    assert torch.equal(again(*BATCHES[name]), metric(*BATCHES[name]))


# A name alone makes no metric of these: an argument has no default.
NEEDY = {"IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"} | {n for n in OTHERS if "At" in n}
# Keras's names for these are no snakes of the class's.
CALLED = {"LogCoshError": "logcosh", "FBetaScore": "fbeta_score"}


@pytest.mark.parametrize("name", sorted(BATCHES.keys() - NEEDY))
def test_a_metric_is_found_by_its_names(name: str) -> None:
    cls = getattr(metrics, name)
    snake = to_snake_case(name)
    assert [type(metrics.get(spelled)) for spelled in (name, snake, cls)] == [cls] * 3
    assert metrics.get(snake).name == CALLED.get(name, snake)


@pytest.mark.parametrize("cls", METRICS.classes)
def test_a_metric_is_documented(cls: type, assert_documented: Any) -> None:
    assert_documented(cls, "Args")


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    *((name, {**OTHERS.get(name, [{}])[0], "dtype": "float64"}, "dtype") for name in BATCHES),
    ("CosineSimilarity", {"axis": 0.5}, "axis"),
    ("BinaryCrossentropy", {"label_smoothing": 1.5}, "label_smoothing"),
    ("CategoricalCrossentropy", {"label_smoothing": "x"}, "label_smoothing"),
    ("SparseCategoricalCrossentropy", {"ignore_class": "x"}, "ignore_class"),
    ("R2Score", {"num_regressors": -1}, "num_regressors"),
    ("R2Score", {"class_aggregation": "x"}, "class_aggregation"),
    ("TruePositives", {"thresholds": 1.5}, "thresholds"),
    ("Precision", {"top_k": 0}, "top_k"),
    ("Recall", {"class_id": "x"}, "class_id"),
    ("AUC", {"num_thresholds": 1}, "num_thresholds"),
    ("AUC", {"curve": "x"}, "curve"),
    ("SensitivityAtSpecificity", {"specificity": 1.5}, "specificity"),
    ("SpecificityAtSensitivity", {"sensitivity": "x"}, "sensitivity"),
    ("PrecisionAtRecall", {"recall": -0.1}, "recall"),
    ("RecallAtPrecision", {"precision": float("nan")}, "precision"),
    ("RecallAtPrecision", {"precision": 0.5, "num_thresholds": 0}, "num_thresholds"),
    ("F1Score", {"average": "x"}, "average"),
    ("F1Score", {"threshold": 0}, "threshold"),
    ("FBetaScore", {"beta": 0}, "beta"),
    ("MeanIoU", {"num_classes": 0}, "num_classes"),
    ("IoU", {"num_classes": 2, "target_class_ids": [2]}, "target_class_ids"),
    ("BinaryIoU", {"threshold": 1.5}, "threshold"),
    ("BinaryAccuracy", {"threshold": 1.5}, "threshold"),
    ("BinaryAccuracy", {"threshold": -0.1}, "threshold"),
    ("BinaryAccuracy", {"threshold": "x"}, "threshold"),
    ("TopKCategoricalAccuracy", {"k": 0}, "k"),
    ("TopKCategoricalAccuracy", {"k": 2.5}, "k"),
    ("SparseTopKCategoricalAccuracy", {"k": 0}, "k"),
    ("SparseTopKCategoricalAccuracy", {"k": "x"}, "k"),
]


@pytest.mark.parametrize(("name", "arguments", "named"), REFUSED, ids=str)
def test_bad_arguments_are_refused_by_their_name(
    name: str, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(LatihError, match=f"`{named}`"):
        getattr(metrics, name)(**arguments)


def test_a_name_that_is_none_is_refused_with_those_that_look_like_it() -> None:
    with pytest.raises(LatihError, match="'binary_accuracy'"):
        metrics.get("binary_acuracy")


@pytest.mark.filterwarnings("ignore:.*counts in whole numbers.*")
@pytest.mark.parametrize(
    ("name", "weighted"),
    [
        (name, weighted)
        for name in BATCHES
        # Of a mean or sum as a metric of compile() the predictions are the weights.
        for weighted in ([False] if name in ("Mean", "Sum") else [False, True])
    ],
)
def test_a_replayed_step_measures_the_same_bits(
    name: str, weighted: bool, assert_replay_changes_nothing: Any
) -> None:
    *_, targets = (np.asarray(part) for part in BATCHES[name][:1])
    predictions = np.asarray(BATCHES[name][-1])
    width = predictions.shape[1] if predictions.ndim == 2 else 1
    rows = np.arange(11) % len(targets)
    inputs = np.linspace(-2, 1, 33, dtype="float32").reshape(11, 3)
    weights = np.linspace(0.5, 2, 11, dtype="float32")

    def train(**way: Any) -> Any:
        model = latih.Sequential(
            [
                latih.layers.Input((3,)),
                latih.layers.Dense(width, "sigmoid" if width == 1 else "softmax"),
            ]
        )
        kind = "weighted_metrics" if weighted else "metrics"
        # What is learned does not matter here, but must change.
        loss = lambda y, p: p.square().sum(-1)  # noqa: E731
        model.compile(latih.optimizers.SGD(0.5), loss, **{kind: [make(name)]}, **way)
        y = targets[rows].reshape(11, -1) if width == 1 else targets[rows]
        given = {"batch_size": 4, "verbose": 0, "sample_weight": weights if weighted else None}
        model.fit(inputs, y, epochs=3, **given)
        return model, model.evaluate(inputs, y, **given)

    told = assert_replay_changes_nothing(train)
    assert told.startswith("A step is replayed"), told
