"""Targets far from where a new net's outputs are, and targets that it reaches in time."""

import pytest
from evidences import classes, curve, regression, training

from latih.doctor.rules.unnormalised_targets import unnormalised_targets

LARGE = regression(mean=234.0, deviation=78.0, trivial_loss=6084.0, first_loss=60_000.0)
STUCK = {"skills": -1.0}


def seen(output, **known):
    found = unnormalised_targets(training(output=output, **known))
    return [(one.severity, pytest.approx(one.probability)) for one in found]


def test_large_targets_that_are_never_reached_are_a_fault():
    assert seen(LARGE, **STUCK) == [("fault", 0.85)]


def test_large_targets_that_are_reached_soon_are_advice():
    assert seen(LARGE) == [("advice", 0.4)]


@pytest.mark.parametrize(("below", "severity"), [(2, "advice"), (3, "advice"), (4, "fault")])
def test_a_training_spent_on_finding_the_scale_is_a_fault(below, severity):
    skills = [-5.0] * below + [0.9] * (20 - below)
    assert [one for one, _ in seen(LARGE, skills=skills)] == [severity]


@pytest.mark.parametrize(
    "healthy",
    [
        regression(),
        regression(mean=5.0, deviation=6.0, trivial_loss=36.0, first_loss=70.0),
        # The output's bias begins at the mean.
        regression(mean=500.0, deviation=5.0, trivial_loss=25.0, first_loss=26.0),
        regression(deviation=0.005, trivial_loss=2.5e-5, first_loss=3e-5),
        classes(mean=50.0, deviation=30.0),
        regression(finite=False, mean=1e30),
    ],
)
def test_targets_near_the_outputs_are_none_whatever_the_outcome(healthy):
    assert seen(healthy) == []
    assert seen(healthy, **STUCK) == []


@pytest.mark.parametrize(("deviation", "found"), [(9.9, 0), (10.1, 1)])
def test_a_deviation_of_ten_is_the_limit(deviation, found):
    assert len(seen(regression(deviation=deviation))) == found


@pytest.mark.parametrize(("mean", "first", "found"), [(9, 9, 0), (-11, 9, 1), (11, 2.9, 0)])
def test_a_mean_counts_if_the_outputs_are_far_from_it(mean, first, found):
    assert (
        len(seen(regression(mean=float(mean), trivial_loss=1.0, first_loss=float(first)))) == found
    )


def test_targets_too_small_for_the_first_outputs_are_lost_among_them():
    small = regression(deviation=1e-4, trivial_loss=1e-8, first_loss=0.3)
    assert seen(small, **STUCK) == [("fault", 0.85)]
    assert seen(small, skills=curve(0.0, 0.9)) == [("advice", 0.4)]


def test_a_first_loss_that_nobody_knows_leaves_it_likely():
    unknown = regression(mean=234.0, deviation=78.0, trivial_loss=float("nan"))
    assert seen(unknown, **STUCK) == [("fault", 0.85)]
