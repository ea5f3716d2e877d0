"""Every metric keeps the contract of metrics."""

from typing import Any

import numpy as np
import pytest
import torch

from latih import metrics
from latih.errors import LatihError
from latih.metrics import METRICS, MeanMetricWrapper, Metric

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
each = pytest.mark.parametrize("name", CASES)


def make(name: str, /, **more: Any) -> Metric:
    return getattr(metrics, name)(**CASES[name][0], **more)


def test_every_metric_is_in_the_table_and_here(public_classes: Any) -> None:
    assert {cls.__name__ for cls in METRICS.classes} == set(CASES)
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


@each
def test_a_metric_holds_no_graph(name: str) -> None:
    *targets, predictions = (torch.as_tensor(part) for part in CASES[name][1])
    predictions = predictions.float().requires_grad_()
    metric = make(name)
    metric.update_state(*targets, predictions)
    assert not any(variable.requires_grad for variable in metric.variables)


@each
def test_a_metric_comes_back_from_its_config(name: str, assert_comes_back: Any) -> None:
    metric = make(name, name="mine")
    again = assert_comes_back(METRICS, metric)
    assert again.name == "mine"
    assert torch.equal(again(*CASES[name][1]), metric(*CASES[name][1]))


@each
def test_a_metric_is_found_by_its_names(name: str) -> None:
    cls = getattr(metrics, name)
    snake = latih_name(name)
    assert [type(metrics.get(spelled)) for spelled in (name, snake, cls)] == [cls] * 3
    assert metrics.get(snake).name == snake


def latih_name(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)[1:]


@pytest.mark.parametrize("cls", METRICS.classes)
def test_a_metric_is_documented(cls: type, assert_documented: Any) -> None:
    assert_documented(cls, "Args")


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    *((name, {"dtype": "float64"}, "dtype") for name in CASES),
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
