"""Targets that cannot be meant, and targets that only look so."""

import math

import pytest
from evidences import classes, regression, training

from latih.doctor.rules.label_range import label_range


def seen(output, **known):
    """Severity and probability of each finding."""
    return [
        (one.severity, one.probability) for one in label_range(training(output=output, **known))
    ]


def binary(**known):
    told = {"task": "binary", "classes": 2, "width": 1, "activation": "sigmoid"}
    told |= {"loss": "binary_crossentropy", "counts": (50, 50), "most": 1.0}
    return classes(**(told | known))


@pytest.mark.parametrize(
    "sick",
    [
        classes(most=10.0),  # 1..K instead of 0..K-1
        classes(least=-1.0),
        classes(task="regression", most=0.035, counts=()),  # y/255
        binary(task="regression", most=1 / 255, quantiles=(0.0,) * 11 + (1 / 255,) * 10),
        binary(least=-1.0),
        binary(least=1.0, most=2.0),
        binary(task="regression", is_whole=True, least=-1.0, counts=()),  # -1 and 1
        classes(loss="categorical_crossentropy", least=-1.0, most=1.0),
        binary(counts=(100, 0)),
        classes(counts=(0, 0, 300)),
        regression(deviation=0.0),
        regression(target_shape=(1,), width=5, output_shape=(5,)),
        regression(loss="?", reshaped_loss=1.9, first_loss=1.2),
    ],
)
def test_a_target_that_no_training_can_reach_is_a_fault_before_the_first_step(sick):
    found = seen(sick, count=1, ended=False)
    assert found and all(severity == "fault" and sure >= 0.9 for severity, sure in found)


@pytest.mark.parametrize(
    "healthy",
    [
        classes(),
        classes(width=100),  # more outputs than classes
        classes(least=1.0),  # a class 0 that never occurs
        classes(loss="categorical_crossentropy", most=1.0),
        classes(task="regression", loss="categorical_crossentropy", most=0.9, counts=()),  # soft
        binary(),
        binary(counts=(99, 1)),
        binary(loss="hinge", least=-1.0),
        binary(task="regression", most=0.9, quantiles=(0.0,) * 11 + (0.9,) * 10),  # smoothed
        binary(task="regression", most=0.02, quantiles=(0.0,) * 11 + (0.01,) * 8 + (0.02,) * 2),
        regression(),
        regression(task="regression", loss="binary_crossentropy", least=0.0, most=1.0),  # images
        regression(width=3, loss="?", target_shape=(1,)),  # three quantiles of one target
        regression(target_shape=(), output_shape=(1,)),  # Keras's own losses bring them together
        regression(loss="?", reshaped_loss=1.2, first_loss=1.2, output_shape=(1,)),
        regression(target_shape=(32, 1), width=5, output_shape=(5,)),
        classes(finite=False, most=math.inf),  # the data's illness, not the labels'
        classes(counts=()),
    ],
)
def test_targets_that_the_loss_can_read_are_none(healthy):
    assert seen(healthy) == []


@pytest.mark.parametrize(("most", "found"), [(9.0, 0), (10.0, 1)])
def test_the_last_class_is_one_less_than_the_outputs(most, found):
    assert len(seen(classes(most=most))) == found


@pytest.mark.parametrize(("looked_at", "severity"), [(0, "fault"), (1000, "fault"), (32, "advice")])
def test_one_class_in_the_first_batch_of_a_stream_proves_little(looked_at, severity):
    one = classes(counts=(32, 0))
    assert [said for said, _ in seen(one, looked_at=looked_at, examples=1000)] == [severity]


def test_a_loss_of_the_users_that_may_broadcast_is_advice_until_nothing_is_learned():
    output = regression(loss="?", target_shape=(), output_shape=(1,))
    assert [one for one, _ in seen(output)] == ["advice"]
    assert [one for one, _ in seen(output, skills=0.0)] == ["fault"]


def test_both_ends_are_told_in_one_finding():
    (found,) = label_range(training(output=classes(least=-1.0, most=12.0)))
    assert [one.value for one in found.evidence] == [-1.0, 12.0]
    assert [one.threshold for one in found.evidence] == [0.0, 9.0]


def test_against_labels_that_were_divided_the_targets_scale_helps():
    scaled = binary(task="regression", most=1 / 255, quantiles=(0.0,) * 11 + (1 / 255,) * 10)
    (found,) = label_range(training(output=scaled))
    assert found.remedies == ("map-labels", "scale-targets", "output-and-loss")


def test_a_first_class_that_never_occurs_is_noted():
    counted_from_one = classes(least=1.0, counts=(0, *[30] * 9))
    assert seen(counted_from_one) == [("note", 0.6)]
    assert seen(counted_from_one, looked_at=32, examples=1000) == []  # it may come yet
    assert seen(classes(least=1.0, counts=(0, 30, 0, *[30] * 7))) == []  # others are rare, too
