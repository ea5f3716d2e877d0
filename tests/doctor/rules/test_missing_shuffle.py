"""Orders that tell the target, and targets that belong to other inputs."""

import math

import pytest
from evidences import classes, curve, layer, line, regression, stack, training

from latih.doctor.rules.missing_shuffle import missing_shuffle

# Of 1000 targets in ten classes, sorted: (1 - 0.1) / sqrt(0.1 * 0.9 / 1000) deviations.
SORTED = 0.99 / math.sqrt(0.1 * 0.9 / 1000) * 0.9


def seen(**known):
    known.setdefault("shuffles", False)
    return [(one.severity, one.probability) for one in missing_shuffle(training(**known))]


def chance(**known):
    """A run whose loss stays at that of the best constant prediction."""
    return seen(**{"skills": 0.0, "losses": math.log(10), "shuffles": True} | known)


def test_sorted_by_class_and_never_shuffled_is_a_fault_before_the_first_step():
    assert seen(output=classes(order=SORTED), count=1, ended=False) == [("fault", 0.95)]


def test_a_shuffled_training_has_no_order():
    assert seen(output=classes(order=SORTED), shuffles=True) == []


def test_an_order_by_chance_is_none():
    assert seen(output=classes(order=2.0)) == []


@pytest.mark.parametrize(("order", "advice"), [(5.9, 0), (14.0, 1)])
def test_an_order_far_above_chance_is_advice_while_all_is_well(order, advice):
    found = seen(output=classes(order=order))
    assert found == [("advice", 0.5)] * advice


def test_many_rows_make_a_weak_order_sure_but_not_strong():
    assert seen(output=classes(order=8.0, counts=(10_000,) * 10)) == []


def test_an_order_is_a_fault_when_nothing_is_learned():
    assert seen(output=classes(order=30.0), skills=0.0, losses=3.0) == [("fault", 0.6)]


def test_a_stream_that_the_user_makes_is_judged_by_the_outcome():
    output = classes(order=SORTED)
    assert seen(output=output, shuffles=None) == [("advice", 0.5)]
    assert seen(output=output, shuffles=None, skills=0.0, losses=3.0) == [("fault", 0.9)]


@pytest.mark.parametrize(
    ("batch_size", "severities"), [(199, ["fault"]), (200, ["advice"]), (1000, [])]
)
def test_a_batch_of_several_classes_or_of_all_rows_has_no_order(batch_size, severities):
    found = seen(output=classes(order=SORTED), batch_size=batch_size)
    assert [severity for severity, _ in found] == severities


def test_targets_of_others_leave_a_net_that_is_well_at_chance():
    assert chance() == [("fault", 0.5)]


def test_learning_one_batch_by_heart_makes_it_likely():
    assert chance(overfits_a_batch=0.95) == [("fault", 0.85)]


def test_a_net_that_cannot_learn_one_batch_has_another_illness():
    assert chance(overfits_a_batch=0.2) == []


def test_a_plateau_at_the_beginning_is_waited_for():
    assert chance(count=5, steps=100, epochs=10, every=55, ended=False) == []
    assert chance(count=5, steps=100, epochs=10, every=55, ended=False, overfits_a_batch=0.9)


@pytest.mark.parametrize("update", [1e-6, 0.3])
def test_steps_too_small_or_too_large_are_the_likelier_cause(update):
    assert chance(layers=stack(3, update=update)) == []


def test_gradients_that_vanish_are_the_likelier_cause():
    assert chance(layers=stack(3, gradient=(1e-8, 1e-6, 1e-4, 1e-2))) == []


@pytest.mark.parametrize("sign", ["silent", "saturated"])
def test_dead_units_are_the_likelier_cause(sign):
    assert chance(layers=stack(3, **{sign: 0.9})) == []


def test_units_that_mirror_each_other_are_the_likelier_cause():
    assert chance(layers=[layer("hidden", identical_units=1.0), layer("output", None)]) == []


def test_a_loss_above_chance_has_another_cause():
    assert chance(losses=2 * math.log(10)) == []


def test_a_regression_without_any_relation_stays_at_its_variance():
    assert chance(output=regression(), losses=1.0) == [("advice", 0.5)]
    own = chance(output=regression(), losses=1.0, shuffles=None)
    assert own == [("fault", 0.5)]  # a stream, which may be shuffled apart from its targets


def test_a_training_that_learns_is_well():
    assert chance(losses=curve(2.35, 0.1), skills=curve(0.0, 0.9)) == []


def test_rows_learned_by_heart_of_which_nothing_holds_elsewhere():
    learned = {"skills": line(0.0, 0.9), "losses": curve(2.35, 0.1)}
    worse = line(2.31, 4.0, 10)
    assert chance(**learned, logs={"val_loss": worse}) == [("advice", 0.6)]
    assert chance(**learned, logs={"val_loss": worse}, shuffles=None) == [("fault", 0.6)]
    assert chance(**learned, logs={"val_loss": line(2.31, 1.4, 10)}) == []
    # A fifth of the labels wrong: overfitting later, but better than chance before.
    assert chance(**learned, logs={"val_loss": [1.2, 1.4, 1.8, 2.5]}) == []


def test_penalties_in_the_validation_loss_are_no_ignorance():
    learned = {"skills": line(0.0, 0.9), "losses": curve(2.35, 0.1)}
    logs = {"val_loss": line(4.0, 2.3, 10)}
    assert chance(**learned, logs=logs) == [("advice", 0.6)]
    assert chance(**learned, logs=logs, penalties=line(1.7, 1.4)) == []


def test_a_validation_accuracy_above_chance_clears_its_loss():
    learned = {"skills": line(0.0, 0.9), "losses": curve(2.35, 0.1)}
    logs = {"val_loss": line(2.31, 4.0, 10), "val_accuracy": line(0.1, 0.5, 10)}
    assert chance(**learned, logs=logs) == []


def test_two_classes_of_pure_noise_are_no_fault_where_the_fit_shuffles():
    noise = classes(classes=2, width=2, counts=(500, 500), trivial_loss=math.log(2))
    assert chance(output=noise, losses=math.log(2)) == [("advice", 0.5)]
    assert chance(output=noise, losses=math.log(2), overfits_a_batch=0.9) == [("advice", 0.85)]
