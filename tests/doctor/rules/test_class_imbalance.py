"""Rare classes that are passed over, and rare classes that are found all the same."""

import pytest
from evidences import classes, curve, regression, training

from latih.doctor.rules.class_imbalance import class_imbalance


def seen(counts=(950, 50), skills=0.0, accuracies=0.95, output=None, **known):
    told = classes(task="binary", classes=2, width=1, counts=counts, trivial_score=0.95)
    told = output or told
    evidence = training(output=told, skills=skills, accuracies=accuracies, **known)
    return [(one.severity, one.probability) for one in class_imbalance(evidence)]


def test_always_answering_with_the_frequent_class_is_a_fault():
    assert seen() == [("fault", 0.7)]


def test_it_is_surest_where_the_frequent_classes_were_learned():
    nine = classes(counts=(200,) * 5 + (10,) * 5, trivial_score=0.19)
    assert seen(output=nine, skills=0.4, accuracies=0.9) == [("fault", 0.85)]
    assert seen(output=nine, skills=0.0, accuracies=0.2) == [("fault", 0.7)]


def test_a_net_that_finds_the_rare_class_is_well():
    assert seen(skills=curve(0.0, 0.7)) == []


def test_even_counts_are_well_whatever_the_outcome():
    assert seen(counts=(500, 500), accuracies=0.5) == []


@pytest.mark.parametrize(("rare", "faults"), [(101, 0), (100, 0), (99, 1)])
def test_ten_to_one_is_the_limit(rare, faults):
    assert len(seen(counts=(1000, rare))) == faults


# Of two classes the balanced accuracy is (1 + skill)/2.
@pytest.mark.parametrize(("skill", "faults"), [(0.13, 1), (0.15, 0)])
def test_the_balanced_accuracy_must_be_far_below_the_plain_one(skill, faults):
    assert len(seen(skills=skill)) == faults


def test_one_class_in_fifty_is_advice_though_all_is_well():
    assert seen(counts=(990, 10), skills=0.9) == [("advice", 0.4)]
    assert seen(counts=(990, 10), skills=0.9, weighted=True) == []


@pytest.mark.parametrize(("held_back", "severity"), [(0.91, "advice"), (0.88, "fault")])
def test_and_a_fault_where_what_was_learned_does_not_hold(held_back, severity):
    logs = {"accuracy": [0.95] * 4, "val_accuracy": [held_back] * 4}
    assert [one for one, _ in seen(counts=(990, 10), skills=0.9, logs=logs)] == [severity]


def test_the_beginning_proves_nothing():
    assert seen(count=4, steps=1000, ended=False) == []


def test_weights_that_did_not_help_make_another_cause_likelier():
    assert seen(weighted=True) == [("fault", 0.4)]


def test_a_class_that_never_occurs_is_not_rare():
    assert seen(counts=(500, 0, 500)) == []


@pytest.mark.parametrize(
    "output", [regression(), classes(task="multi-label", counts=(900, 10)), classes(counts=())]
)
def test_what_has_no_exclusive_classes_has_none_that_is_rare(output):
    assert seen(output=output) == []


def test_accuracy_that_nobody_measured_says_nothing():
    assert seen(accuracies=None) == []
