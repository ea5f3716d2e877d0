"""Weights that never move without anybody's wish, and weights at rest."""

import pytest
from evidences import classes, layer, stack, training

from latih.doctor.rules.parameters_not_training import parameters_not_training

STILL = {"update": 0.0, "gradient": 0.0}


def seen(**known):
    found = parameters_not_training(training(**known))
    return [(one.severity, one.probability, one.layer) for one in found]


def both(updates):
    """Two layers with an update for each check."""
    return [layer("hidden", update=updates), layer("output", None, update=updates)]


def test_a_training_that_moves_is_none():
    assert seen() == []


def test_a_rate_of_zero_moves_nothing():
    assert seen(layers=stack(2, update=0.0), rates=0.0) == [("fault", 0.97, None)]


def test_an_optimizer_that_holds_other_weights_moves_nothing():
    assert seen(layers=stack(2, update=0.0)) == [("fault", 0.95, None)]


def test_a_loss_that_is_cut_from_the_weights_moves_nothing():
    assert seen(layers=stack(2, **STILL), gradient_norms=0.0) == [("fault", 0.85, None)]


def test_dead_units_or_a_constant_output_are_likelier_causes_of_no_gradient():
    dead = stack(2, **STILL, silent=1.0)
    assert seen(layers=dead, gradient_norms=0.0) == [("fault", 0.4, None)]
    one = classes(width=1, activation="softmax")
    assert seen(layers=stack(2, **STILL), gradient_norms=0.0, output=one)[0][1] == 0.4


def test_a_gradient_too_small_for_the_digits_of_a_weight_is_likelier_a_vanishing_one():
    vanished = stack(2, update=0.0, gradient=1e-9)
    assert seen(layers=vanished, gradient_norms=1e-9) == [("fault", 0.3, None)]


def test_a_layer_that_is_cut_off_stands_still_alone():
    layers = [layer("cut", **STILL), layer("moving"), layer("output", None)]
    assert seen(layers=layers) == [("fault", 0.88, "cut")]
    assert seen(layers=[layer("cut", update=0.0, gradient=None), layer("moving")]) == [
        ("fault", 0.88, "cut")
    ]


def test_an_output_that_has_no_loss_is_advice():
    layers = [layer("hidden"), layer("output", None), layer("shown", None, is_output=True, **STILL)]
    assert seen(layers=layers) == [("advice", 0.88, "shown")]


def test_a_layer_that_the_optimizer_does_not_hold_has_a_gradient():
    layers = [layer("forgotten", update=0.0), layer("moving")]
    assert seen(layers=layers) == [("fault", 0.9, "forgotten")]


def test_a_layer_whose_gradient_vanishes_has_another_illness():
    assert seen(layers=[layer("first", update=0.0, gradient=1e-9), layer("moving")]) == []


def test_a_layer_before_dead_units_has_another_illness():
    assert seen(layers=[layer("first", **STILL), layer("dead", silent=1.0)]) == []


def test_a_frozen_base_under_a_head_that_trains_is_meant():
    base = layer("base", weights=0, frozen=4160, **STILL)
    assert seen(layers=[base, layer("head", None)]) == []


def test_nothing_but_frozen_weights_is_a_fault_before_the_first_step():
    base = layer("base", weights=0, frozen=4160)
    found = seen(layers=[base], count=1, ended=False)
    assert found == [("fault", 0.95, None)]


@pytest.mark.parametrize(("count", "found"), [(3, 0), (4, 1)])
def test_three_checks_after_the_first_step_must_agree(count, found):
    assert len(seen(layers=stack(2, update=0.0), count=count)) == found


@pytest.mark.parametrize("updates", [[0.01] * 10 + [0.0] * 10, [0.0] * 10 + [0.01] * 10])
def test_what_moved_once_is_at_rest_or_was_frozen_for_a_while(updates):
    assert seen(layers=both(updates)) == []


def test_a_rate_that_ends_at_zero_is_a_schedule():
    updates = [0.01] * 15 + [0.0] * 5
    assert seen(layers=both(updates), rates=[1e-3] * 15 + [0.0] * 5) == []


def test_what_nobody_measured_is_none():
    assert seen(layers=stack(2, update=None)) == []
