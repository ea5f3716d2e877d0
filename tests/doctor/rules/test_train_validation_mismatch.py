"""Validations that do not tell of the training, and those that do."""

import math

import pytest
from evidences import curve, layer, stack, training

from latih.doctor.rules.train_validation_mismatch import train_validation_mismatch

LOG_TEN = math.log(10)
NORM = layer("norm", None, kind="BatchNormalization", fan_in=0, is_normalization=True)


def seen(**known):
    known.setdefault("has_validation", True)
    found = train_validation_mismatch(training(**known))
    return [(one.severity, round(one.probability, 2)) for one in found]


def test_a_clean_split_is_none():
    assert seen() == []


@pytest.mark.parametrize(("share", "found"), [(0.009, []), (0.02, [0.52]), (1.0, [0.93])])
def test_rows_on_both_sides_are_a_fault_and_surer_the_more_there_are(share, found):
    assert [sure for _, sure in seen(duplicates=share)] == found


@pytest.mark.parametrize(("own", "found"), [(0.0, 1), (0.05, 1), (0.1, 0), (0.9, 0)])
def test_rows_that_repeat_in_the_training_too_are_chance(own, found):
    assert len(seen(duplicates=0.3, own_duplicates=own)) == found


def test_without_validation_nothing_can_be_on_both_sides():
    assert seen(duplicates=0.5, shift=50.0, has_validation=False) == []


@pytest.mark.parametrize(("shift", "found"), [(4.9, []), (5.1, [("fault", 0.9)])])
def test_another_scale_is_a_fault_before_the_first_step(shift, found):
    assert seen(shift=shift, count=1, ended=False) == found


@pytest.mark.parametrize(("held_back", "severity"), [(0.3, "advice"), (4.0, "fault")])
def test_a_validation_as_good_as_the_training_clears_another_scale(held_back, severity):
    logs = {"loss": [1.0, 0.25], "val_loss": [1.0, held_back]}
    assert [one for one, _ in seen(shift=20.0, logs=logs)] == [severity]


def test_a_net_that_predicts_worse_than_it_trains_is_a_fault():
    layers = [NORM, *stack(2)]
    assert seen(layers=layers, losses=2.0, training_losses=0.3) == [("fault", 0.75)]


@pytest.mark.parametrize(
    "known",
    [
        # Both are small: twice next to nothing is next to nothing.
        {"losses": curve(2.3, 0.002), "training_losses": curve(2.3, 0.001)},
        # Dropout: the training is the worse one.
        {"losses": 0.3, "training_losses": 0.9},
        # The statistics catch up: only the beginning differs.
        {"losses": curve(4.0, 0.1), "training_losses": curve(2.0, 0.1)},
        {"losses": 2.0, "training_losses": 0.3, "count": 5, "steps": 1000, "ended": False},
    ],
)
def test_a_gap_that_is_usual_is_none(known):
    assert seen(layers=[NORM, *stack(2)], **known) == []


def test_without_normalisation_the_two_modes_have_one_net():
    assert seen(losses=2.0, training_losses=0.3) == []


def test_few_steps_leave_the_statistics_behind_which_is_advice():
    short = {"losses": 2.0, "training_losses": 0.3, "every": 5}
    assert seen(layers=[NORM, *stack(2)], **short) == [("advice", 0.75)]


@pytest.mark.parametrize(
    ("training_loss", "loss", "found"),
    [
        (2.0, 2.8, 0),  # 1.4 times
        (2.0, 3.2, 1),  # 1.6 times
        (0.1, 0.1 + 0.24 * LOG_TEN, 0),
        (0.1, 0.1 + 0.26 * LOG_TEN, 1),
    ],
)
def test_the_gap_must_be_great_as_a_ratio_and_beside_the_loss_of_a_constant(
    training_loss, loss, found
):
    assert len(seen(layers=[NORM, *stack(2)], losses=loss, training_losses=training_loss)) == found
