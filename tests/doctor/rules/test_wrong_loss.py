"""Losses that do not measure what is asked for, and losses that do."""

import math

import pytest
from evidences import classes, curve, line, regression, training

from latih.doctor.rules.wrong_loss import wrong_loss

STUCK = {"skills": 0.0, "losses": 3.0}
SCORES = {"activation": None, "output_least": -2.0, "output_most": 2.0, "sums": 3.0}


def seen(output, **known):
    found = wrong_loss(training(output=output, **known))
    return [(one.severity, one.probability) for one in found]


def binary(**known):
    told = {"task": "binary", "classes": 2, "width": 1, "activation": "sigmoid"}
    return classes(**(told | {"loss": "binary_crossentropy"} | known))


@pytest.mark.parametrize(
    "sick",
    [
        classes(from_logits=True),  # a softmax twice
        classes(from_logits=True, loss="categorical_crossentropy"),
        classes(activation="sigmoid", from_logits=True),
        # A softmax within a module: only the measurement shows it.
        classes(activation=None, from_logits=True, output_least=0.02, output_most=0.4),
        binary(from_logits=True),
        classes(**SCORES),
        classes(activation=None),
        classes(activation="linear", loss="categorical_crossentropy"),
        binary(activation=None, output_least=-0.4, output_most=0.2),
        regression(loss="categorical_crossentropy"),
        regression(loss="binary_crossentropy", least=9.0, most=47.0, activation="sigmoid"),
        classes(loss="?", first_loss=37.0, output_least=-2.0, output_most=2.0, activation=None),
    ],
)
def test_a_loss_that_misreads_is_a_fault_before_the_first_step(sick):
    found = seen(sick, count=1, ended=False)
    assert [severity for severity, _ in found] == ["fault"]
    assert found[0][1] >= 0.8


@pytest.mark.parametrize(
    "healthy",
    [
        classes(),
        classes(from_logits=True, **SCORES),
        classes(loss="categorical_crossentropy", output_least=0.01, output_most=0.5),
        # A softmax within a module under a loss of probabilities.
        classes(activation=None, output_least=0.02, output_most=0.4),
        binary(),
        binary(activation=None, from_logits=True, output_least=-1.0, output_most=1.0),
        regression(),
        regression(loss="huber", least=9.0, most=47.0),
        regression(loss="binary_crossentropy", least=0.0, most=1.0, activation="sigmoid"),
        classes(loss="?", first_loss=2.4),
        # A sum of binary cross-entropies over 200 labels.
        classes(loss="?", task="multi-label", classes=200, first_loss=140.0),
        regression(loss="?", first_loss=-3.0),  # a log-density
    ],
)
def test_a_loss_that_fits_is_none(healthy):
    assert seen(healthy) == []


def test_the_floor_of_a_softmax_twice_is_the_published_one():
    (found,) = wrong_loss(training(output=classes(from_logits=True)))
    assert found.evidence[0].value == pytest.approx(1.4612, abs=1e-4)


@pytest.mark.parametrize(
    ("output", "advice", "fault"),
    [
        (binary(loss="mse", most=1.0), 0.3, 0.35),
        (classes(loss="binary_crossentropy", width=2, most=1.0), 0.4, 0.4),
        (classes(reduction="sum"), 0.6, 0.75),
        (regression(loss="?", loss_growth=2.0), 0.6, 0.75),
        (binary(activation=None, output_least=0.1, output_most=0.4), 0.5, 0.5),
    ],
)
def test_what_trains_all_the_same_is_advice_until_the_outcome_is_bad(output, advice, fault):
    assert seen(output) == [("advice", advice)]
    assert seen(output, **STUCK) == [("fault", fault)]


def test_a_loss_that_does_not_know_that_classes_exclude_each_other_is_a_fault():
    output = classes(loss="binary_crossentropy", most=1.0)
    assert [severity for severity, _ in seen(output)] == ["fault"]
    before = seen(output, count=1, ended=False)
    assert before == seen(output) and 0.5 <= before[0][1] < 0.6


@pytest.mark.parametrize("loss", ["mse", "huber"])
def test_a_distance_between_classes_is_a_fault_by_what_it_costs(loss):
    output = classes(loss=loss, most=1.0)
    assert seen(output, count=1, ended=False) == [("advice", 0.55)]
    soon = [0.0, 0.3, 0.5, 0.7, 0.8, 0.85, *line(0.87, 0.95, 14)]
    assert seen(output, skills=soon) == [("advice", 0.55)]
    late = [0.0, 0.0, 0.0, 0.05, 0.1, 0.2, 0.5, *curve(0.6, 0.92, 13)]
    assert seen(output, skills=late) == [("fault", 0.55)]
    assert seen(output, skills=late, ended=False) == [("advice", 0.55)]
    assert seen(output, skills=0.5) == [("fault", 0.65)]
    assert seen(output, **STUCK) == [("fault", 0.65)]


def numbered(**known):
    told = {"least": 0.0, "most": 4.0, "is_whole": True, "mean": 2.0, "deviation": 1.4}
    return regression(**(told | known))


def test_the_numbers_of_classes_are_no_quantities_where_nothing_comes_of_it():
    assert seen(numbered()) == [("advice", 0.4)]
    assert seen(numbered(), skills=curve(0.0, 0.55)) == [("advice", 0.4)]
    assert seen(numbered(), skills=curve(0.0, 0.25)) == [("fault", 0.5)]
    assert seen(numbered(least=1.0, most=3.0)) == [("advice", 0.4)]


@pytest.mark.parametrize(
    "known", [{"is_whole": False}, {"least": 3.0}, {"most": 20.0}, {"most": 1.0}, {"width": 2}]
)
def test_other_whole_numbers_are_quantities(known):
    assert seen(numbered(**known), skills=curve(0.0, 0.25)) == []


def test_a_loss_whose_sign_is_wrong_falls_for_ever():
    """What is minimised is minus the squared error."""
    losses = [-600.0 * 1.5**n for n in range(20)]
    output = regression(mean=23.0, deviation=8.0, trivial_loss=-64.0, loss="?")
    sick = seen(output, losses=losses, skills=[loss / 64 + 1 for loss in losses])
    assert sick == [("fault", 0.93)]
    assert seen(output, losses=line(-1.0, -20.0), skills=curve(-8.0, 0.9)) == []


@pytest.mark.parametrize(("optimizer", "severity"), [("sgd", "fault"), ("adam", "advice")])
def test_plain_descent_feels_a_sum(optimizer, severity):
    found = seen(classes(reduction="sum"), skills=curve(0.0, 0.8), optimizer=optimizer)
    assert [one for one, _ in found] == [severity]


def test_a_sum_over_one_example_is_its_mean():
    assert seen(classes(reduction="sum"), batch_size=1) == []


@pytest.mark.parametrize(("growth", "found"), [(1.4, 0), (1.6, 1)])
def test_twice_the_rows_make_a_mean_no_greater(growth, found):
    assert len(seen(classes(loss_growth=growth))) == found


def test_a_first_loss_that_scores_can_give_is_advice():
    far = classes(loss="?", first_loss=37.0, output_least=-30.0, output_most=30.0, activation=None)
    assert seen(far) == [("advice", 0.5)]
    assert seen(far, **STUCK) == [("fault", 0.5)]


@pytest.mark.parametrize(("times", "found"), [(9.9, 0), (10.1, 1)])
def test_ten_times_chance_is_the_limit_of_a_first_loss(times, found):
    output = classes(loss="?", first_loss=times * math.log(10), activation=None)
    assert len(seen(output)) == found


def test_a_negative_loss_of_classes_is_advice_until_the_outcome_is_bad():
    output = classes(loss="?", first_loss=-0.5, activation=None)
    assert seen(output) == [("advice", 0.6)]
    assert seen(output, **STUCK) == [("fault", 0.6)]


def test_a_loss_that_falls_while_nothing_is_learned_is_beside_the_point():
    output = regression(loss="?")
    assert seen(output, losses=curve(1.2, 0.1), skills=0.0) == [("fault", 0.85)]
    assert seen(output, losses=curve(1.2, 0.9), skills=0.0) == []
    assert seen(output, losses=curve(1.2, 0.1), skills=curve(0.0, 0.9)) == []


def test_without_a_known_constant_the_loss_must_all_but_vanish():
    output = regression(loss="?", trivial_loss=math.nan)
    assert seen(output, losses=curve(1.2, 0.001), skills=0.0) == [("fault", 0.6)]
    assert seen(output, losses=curve(1.2, 0.1), skills=0.0) == []


@pytest.mark.parametrize(
    ("last", "skill", "found"),
    [(1.47, 0.9, 1), (1.7, 0.9, 1), (1.44, 0.9, 0), (1.9, 0.9, 0), (1.47, 0.6, 0)],
)
def test_a_softmax_within_a_loss_of_the_users_shows_by_the_floor_it_rests_on(last, skill, found):
    output = classes(loss="?")
    losses, skills = curve(2.3, last), curve(0.0, skill)
    assert seen(output, losses=losses, skills=skills) == [("fault", 0.75)] * found
    scores = classes(loss="?", **SCORES)
    assert seen(scores, losses=losses, skills=skills) == []


def test_a_loss_of_the_library_means_what_it_says():
    # It falls as the net learns to name the frequent class, and balanced skill stays 0.
    assert seen(binary(trivial_loss=0.5), losses=curve(0.7, 0.1), skills=0.0) == []
