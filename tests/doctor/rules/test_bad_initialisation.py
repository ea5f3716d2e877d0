"""Weights that begin alike or on the wrong scale, and odd ones that are meant."""

import math

import pytest
from evidences import classes, layer, regression, stack, training

from latih.doctor.rules.bad_initialisation import bad_initialisation

HE = math.sqrt(2 / 64)
STUCK = {"skills": 0.0}


def seen(layers, **known):
    found = bad_initialisation(training(layers=layers, **known))
    return [(one.severity, one.probability, one.layer) for one in found]


def spread(deviation, count=1, activation="relu", **known):
    return stack(count, activation, kernel_deviation=deviation, **known)


def test_units_that_begin_alike_are_a_fault_before_the_first_step():
    layers = spread(0.0, 2, identical_units=(1.0, 1.0, 0.0), initializer="constant")
    found = seen(layers, count=1, ended=False)
    assert found == [("fault", 0.95, "hidden_0"), ("fault", 0.95, "hidden_1")]
    assert seen(layers, skills=0.9) == found


@pytest.mark.parametrize(("share", "found"), [(0.5, 0), (0.51, 1)])
def test_half_of_the_units_is_the_limit(share, found):
    assert len(seen([layer("hidden", identical_units=share)])) == found


@pytest.mark.parametrize(
    "meant",
    [
        layer("output", None, is_output=True, identical_units=1.0, kernel_deviation=0.0),
        layer("norm", None, is_normalization=True, identical_units=1.0, kernel_deviation=0.0),
        layer("words", None, kind="Embedding", identical_units=1.0, kernel_deviation=0.0),
        layer("base", weights=0, frozen=4160, identical_units=1.0),
        layer("gamma", None, fan_in=0, identical_units=1.0),
    ],
)
def test_what_may_begin_alike_is_none(meant):
    assert seen([layer("hidden"), meant]) == []


def test_a_branch_that_begins_at_zero_is_advice_until_nothing_is_learned():
    zeros = layer("branch", initializer="zeros", identical_units=1.0, kernel_deviation=0.0)
    layers = [layer("first"), layer("second"), zeros, layer("output", None, is_output=True)]
    assert seen(layers) == [("advice", 0.4, "branch")]
    assert seen(layers, **STUCK) == [("fault", 0.6, "branch")]
    assert seen([zeros, layer("output", None, is_output=True)]) == [("fault", 0.95, "branch")]


@pytest.mark.parametrize("deviation", [HE, 0.18, 1 / 8, HE / 3, HE * 4, 0.05])
def test_a_usual_spread_is_none_whatever_the_outcome(deviation):
    assert seen(spread(deviation, 2), **STUCK) == []


@pytest.mark.parametrize(
    ("deviation", "found"), [(HE * 4.9, 0), (HE * 5.1, 1), (HE / 4.9, 0), (HE / 5.1, 1)]
)
def test_five_times_too_wide_or_too_narrow_is_advice_and_a_fault_if_nothing_is_learned(
    deviation, found
):
    assert seen(spread(deviation)) == [("advice", 0.4, "hidden_0")] * found
    assert seen(spread(deviation), **STUCK) == [("fault", 0.75, "hidden_0")] * found


def test_small_ratios_add_up_over_the_layers():
    narrow = spread(0.0289 * math.sqrt(5 / 64), 8)  # RandomUniform(±0.05) of five inputs
    assert seen(narrow, **STUCK) == [("fault", 0.85, "hidden_0")]
    wide = spread(HE * 3, 7)
    assert seen(wide, **STUCK) == [("fault", 0.75, "hidden_0")]
    assert seen(spread(HE * 3, 4), **STUCK) == []


def test_normalisation_between_begins_anew():
    norms = [
        layer(f"norm_{n}", None, kind="BatchNormalization", fan_in=0, is_normalization=True)
        for n in range(7)
    ]
    wide = spread(HE * 3, 7)
    mixed = [one for pair in zip(wide, norms, strict=False) for one in pair]
    assert seen([*mixed, wide[-1]], **STUCK) == []


def test_glorot_is_meant_to_be_narrow_where_a_layer_widens():
    glorot = math.sqrt(2 / (9 + 9 * 512))
    assert seen([layer("c", fan_in=9, kernel_deviation=glorot, initializer="glorot_uniform")]) == []
    assert seen([layer("c", fan_in=9, kernel_deviation=glorot, initializer="random_normal")])


def test_glorot_under_many_relus_loses_the_signal():
    glorot = {"kernel_deviation": 1 / 8, "initializer": "glorot_uniform"}
    assert seen(stack(34, "relu", **glorot), **STUCK) == [("fault", 0.75, "hidden_0")]
    assert seen(stack(34, "tanh", **glorot), **STUCK) == []
    assert seen(stack(15, "relu", **glorot), **STUCK) == []


def test_torchs_own_spread_is_usual():
    torch = 1 / math.sqrt(3 * 64)
    assert seen(spread(torch, 4), **STUCK) == []


def test_an_output_of_any_spread_is_none():
    assert seen([layer("output", None, is_output=True, kernel_deviation=1e-4)], **STUCK) == []


def test_a_first_loss_far_above_chance_makes_it_a_fault_at_once():
    wide = spread(1.0 * math.sqrt(784 / 64), 2)  # N(0, 1) of 784 inputs
    sure = classes(first_loss=40.0)
    assert seen(wide, output=sure, count=1, ended=False) == [("fault", 0.6, "hidden_0")]
    assert seen(wide, output=classes(first_loss=6.0), count=1, ended=False)[0][0] == "advice"
    # It has learned all the same.
    assert seen(wide, output=sure) == [("advice", 0.4, "hidden_0")]
    # The targets' scale tells nothing of the weights.
    far = regression(first_loss=90.0)
    assert seen(wide, output=far, count=1, ended=False)[0][0] == "advice"
