"""Outputs that cannot give what is asked for, and outputs that can."""

import math

import pytest
from evidences import classes, curve, regression, training

from latih.doctor.rules.wrong_output_activation import wrong_output_activation

MEASURED = {"output_least": 0.01, "output_most": 0.9}


def seen(output, **known):
    found = wrong_output_activation(training(output=output, **known))
    return [(one.severity, one.probability) for one in found]


def binary(**known):
    told = {"task": "binary", "classes": 2, "width": 1, "activation": "sigmoid"}
    return classes(**(told | {"loss": "binary_crossentropy"} | known))


def targets(least, most, **known):
    """A regression whose targets lie evenly between two ends."""
    mean, deviation = (least + most) / 2, (most - least) / math.sqrt(12)
    return regression(least=least, most=most, mean=mean, deviation=deviation, **known)


@pytest.mark.parametrize(
    "sick",
    [
        binary(activation="softmax"),
        regression(activation="softmax"),
        targets(-1.0, 1.0, activation="sigmoid"),
        targets(-1.0, 3.0, activation="sigmoid"),
        targets(9.0, 47.0, activation="tanh"),
        targets(-2.0, 2.0, activation="relu"),
        targets(-1.0, 0.0, activation="softplus", loss="mae"),
        binary(least=-1.0, most=1.0, loss="mse"),  # -1 and 1 under a sigmoid
        classes(width=1, activation="sigmoid", loss="mse"),  # class numbers under a sigmoid
        classes(activation="relu"),
        classes(activation="tanh", loss="categorical_crossentropy"),
        binary(activation="relu"),
        binary(activation="relu", from_logits=True),
        classes(activation="softmax", sums=0.9, **MEASURED),
        classes(activation="?", sums=0.9, column_sums=1e-6, **MEASURED),
        classes(activation="softmax", task="multi-label", mean=0.3, loss="binary_crossentropy"),
        regression(activation="tanh", loss="poisson", output_least=-0.4, output_most=0.3),
    ],
)
def test_what_the_output_cannot_give_is_a_fault_before_the_first_step(sick):
    found = seen(sick, count=1, ended=False)
    assert [severity for severity, _ in found[:1]] == ["fault"]
    assert found[0][1] >= 0.8


@pytest.mark.parametrize(
    "healthy",
    [
        classes(),
        classes(sums=1e-6, column_sums=5.0, **MEASURED),
        classes(sums=math.nan, output_least=math.nan, output_most=math.nan),
        classes(activation=None, from_logits=True, sums=3.0, output_least=-2.0, output_most=2.0),
        classes(activation="log_softmax", from_logits=True),
        classes(activation="sigmoid", task="multi-label", loss="binary_crossentropy", mean=0.4),
        classes(activation="sigmoid", loss="binary_crossentropy", sums=4.0, **MEASURED),
        classes(activation="softmax", loss="mse", most=1.0),
        binary(),
        binary(activation=None, from_logits=True),
        regression(least=-3.0, most=3.0),
        targets(0.0, 1.0, activation="sigmoid"),
        targets(-1.0, 1.0, activation="tanh"),
        targets(0.0, 500.0, activation="relu"),
        targets(0.0, 9.0, activation="exponential", loss="poisson"),
        regression(task="regression", loss="binary_crossentropy", activation="sigmoid", most=1.0),
        # A count with a little noise below 0.
        targets(-0.02, 8.0, activation="relu"),
    ],
)
def test_what_the_output_can_give_is_none(healthy):
    assert seen(healthy) == []
    assert seen(healthy, skills=0.0) == []


def test_a_softmax_over_one_unit_is_told_first():
    found = wrong_output_activation(training(output=binary(activation="softmax")))
    assert len(found) == 1 and found[0].evidence[0].value == 1


def test_few_targets_out_of_reach_are_advice_until_the_outcome_is_bad():
    quantiles = (-0.5, -0.1, *(n / 4 for n in range(19)))
    output = targets(-0.5, 4.5, activation="relu", quantiles=quantiles)
    assert seen(output) == [("advice", 0.6)]
    assert seen(output, skills=0.0) == [("fault", 0.7)]


def test_a_single_outlier_is_no_matter():
    quantiles = (-50.0, *(n / 4 for n in range(20)))
    assert seen(targets(-50.0, 4.75, activation="relu", quantiles=quantiles)) == []


def test_the_cost_is_the_variance_that_stays_whatever_is_learned():
    # Targets -1 and 1 in equal parts: a ReLU leaves 1 of each -1, of a variance of 1.
    output = targets(-1.0, 1.0, activation="relu", quantiles=(-1.0, -1.0, 1.0, 1.0))
    (found,) = wrong_output_activation(training(output=output))
    assert [one.value for one in found.evidence] == [0.5, 0.5]


def test_a_loss_of_the_users_may_turn_outputs_into_targets():
    output = targets(-5.0, 5.0, activation="sigmoid", loss="?")
    assert [severity for severity, _ in seen(output)] == ["advice"]
    assert [severity for severity, _ in seen(output, skills=0.0)] == ["fault"]


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        # What the loss divides by its sum is a distribution after all.
        (classes(activation="sigmoid", sums=0.6, **MEASURED), 0.5),
        (classes(activation="exponential", loss="categorical_crossentropy"), 0.6),
        (classes(activation="relu", from_logits=True), 0.6),
        (classes(activation="tanh", from_logits=True), 0.6),
        (classes(activation="softmax", task="multi-label", mean=0.1), 0.6),
    ],
)
def test_what_trains_all_the_same_is_advice_until_the_outcome_is_bad(output, fault):
    assert [severity for severity, _ in seen(output)] == ["advice"]
    assert seen(output, skills=0.0) == [("fault", fault)]


def test_sigmoids_for_classes_that_exclude_each_other_are_a_fault_where_they_end_low():
    output = classes(activation="sigmoid", sums=0.6, **MEASURED)
    assert seen(output, skills=curve(0.0, 0.45)) == [("fault", 0.5)]
    assert [severity for severity, _ in seen(output, skills=curve(0.0, 0.55))] == ["advice"]


@pytest.mark.parametrize(("sums", "faults"), [(0.009, 0), (0.02, 1)])
def test_the_rows_of_a_softmax_sum_to_one(sums, faults):
    assert len(seen(classes(sums=sums, **MEASURED))) == faults
