import math
from dataclasses import replace
from typing import Any

import pytest
from evidences import curve, line, regression, stack, training

from latih.doctor.rules.under_training import under_training


def test_it_was_still_learning_and_had_far_to_go() -> None:
    (found,) = under_training(training(losses=line(2.3, 1.5), skills=line(0.0, 0.4), epochs=2))
    assert found.severity == "fault"
    assert found.evidence[-1].value == 2


@pytest.mark.parametrize(
    ("last", "severity"), [(0.17, "fault"), (0.36, "fault"), (0.49, "fault"), (0.6, "advice")]
)
def test_a_fault_is_poor_and_gains_strongly(last: float, severity: str) -> None:
    (found,) = under_training(training(losses=line(2.3, 1.5), skills=line(0.0, last)))
    assert found.severity == severity


def test_what_is_fine_or_level_hears_nothing() -> None:
    assert under_training(training(skills=line(0.0, 0.99))) == []
    assert under_training(training(losses=curve(1.0, 0.7), skills=curve(0.0, 0.3))) == []


def test_noise_at_the_end_is_no_gain() -> None:
    skills = [*curve(0.0, 0.4, 14), 0.3, 0.45, 0.35, 0.47, 0.37, 0.49]
    assert under_training(training(skills=skills)) == []


def test_swings_are_no_gain_either() -> None:
    skills = [*curve(0.0, 0.4, 12), *(0.25, 0.5, 0.3, 0.28, 0.52, 0.35, 0.33, 0.55)]
    assert under_training(training(losses=1.5, skills=skills)) == []


def test_a_falling_loss_under_a_falling_skill_is_something_else() -> None:
    evidence = training(losses=line(-600.0, -4000.0), skills=line(-8.0, -60.0))
    assert under_training(evidence) == []


def test_at_the_entropy_of_the_targets_there_is_nothing_left_to_learn() -> None:
    """An autoencoder of pictures: shares of grey under a cross-entropy."""
    known: dict[str, Any] = {"losses": line(0.5, 0.28), "skills": line(0.0, 0.4)}
    output = regression(loss="binary_crossentropy", most=1.0, trivial_loss=0.5)
    assert under_training(training(output=output, **known))
    assert under_training(training(output=replace(output, floor=0.27), **known)) == []


def test_before_the_end_nobody_knows() -> None:
    evidence = training(losses=line(2.3, 1.5), skills=line(0.0, 0.4), ended=False)
    assert under_training(evidence) == []


def test_a_loss_far_from_the_trivial_one_counts_too() -> None:
    evidence = training(
        output=regression(mean=23.0, deviation=8.0, trivial_loss=64.0),
        losses=line(600.0, 150.0),
        skills=line(-8.0, -1.3),
    )
    (found,) = under_training(evidence)
    assert found.severity == "fault" and found.probability >= 0.7


def test_tiny_updates_point_to_the_rate() -> None:
    evidence = training(losses=line(2.3, 1.5), skills=line(0.0, 0.4), layers=stack(3, update=1e-6))
    (found,) = under_training(evidence)
    assert found.probability <= 0.4


def test_looks_that_become_rarer_do_not_bend_the_curve() -> None:
    """A level curve, and one that still rises, looked at as the doctor does."""
    steps = [0, 1, 2, 5, 10, 20, 50, 100, 150, 200, 400, 600, 800, 1000]
    level = [0.4 * (1 - math.exp(-step / 60)) for step in steps]
    rising = [0.4 * step / 1000 for step in steps]
    assert under_training(training(losses=1.5, skills=level, steps_at=steps)) == []
    (found,) = under_training(training(losses=1.5, skills=rising, steps_at=steps))
    assert found.severity == "fault"


LEARNING: dict[str, Any] = {"losses": line(0.69, 0.5), "skills": line(0.0, 0.4)}


@pytest.mark.parametrize(
    "held_back", [[0.7] * 12, line(0.68, 0.75, 12), [0.7, 0.69, 0.71, 0.7] * 3]
)
def test_noise_learned_by_heart_lowers_no_validation_loss(held_back: list[float]) -> None:
    assert under_training(training(**LEARNING, logs={"val_loss": held_back})) == []


def test_a_validation_loss_that_still_falls_makes_it_a_fault() -> None:
    logs = {"val_loss": line(0.7, 0.55, 12)}
    (found,) = under_training(training(**LEARNING, logs=logs, examples=1000))
    assert found.severity == "fault"


@pytest.mark.parametrize(
    ("epochs", "examples", "severity"),
    [(12, 1000, "advice"), (12, 100_000, "fault"), (2, 1000, "fault")],
)
def test_with_nothing_held_back_what_may_be_known_by_heart_is_advice(
    epochs: int, examples: int, severity: str
) -> None:
    logs = {"loss": line(0.69, 0.5, epochs)}
    (found,) = under_training(training(**LEARNING, logs=logs, examples=examples))
    assert found.severity == severity
