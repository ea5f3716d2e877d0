import math

import pytest
from evidences import curve, line, stack, training

from latih.doctor.rules.learning_rate_too_low import learning_rate_too_low

SLOW = {"losses": line(2.3, 2.2), "skills": line(0.0, 0.04)}


def test_tiny_updates_under_a_straight_loss() -> None:
    (found,) = learning_rate_too_low(
        training(layers=stack(3, update=2e-6), learning_rate=1e-6, **SLOW)
    )
    assert found.severity == "fault" and found.probability >= 0.9


def test_a_hundredth_of_the_usual_rate_of_adam() -> None:
    """Adam at 1e-5 on a regression: its updates are 1e-4 of the weights, and it crawls."""
    evidence = training(
        layers=stack(2, update=1e-4),
        learning_rate=1e-5,
        losses=line(600.0, 420.0),
        skills=line(-8.0, -5.5),
    )
    (found,) = learning_rate_too_low(evidence)
    assert found.severity == "fault" and found.probability >= 0.8


@pytest.mark.parametrize(("update", "sick"), [(0.9e-5, True), (1.1e-5, False)])
def test_the_threshold_at_a_usual_rate(update: float, sick: bool) -> None:
    found = learning_rate_too_low(training(layers=stack(3, update=update), **SLOW))
    assert any(not one.is_last_resort for one in found) == sick


def test_a_plateau_is_something_else() -> None:
    level = {"losses": curve(2.4, 2.3), "skills": 0.0}
    (found,) = learning_rate_too_low(training(layers=stack(3, update=2e-6), **level))
    assert found.is_last_resort and found.probability < 0.5
    assert learning_rate_too_low(training(layers=stack(3, update=1e-3), **level)) == []


@pytest.mark.parametrize(("update", "sick"), [(4e-5, True), (6e-5, False)])
def test_weights_that_at_such_a_rate_never_left_their_place(update: float, sick: bool) -> None:
    """Of 950 steps, each so far, all together are less than a twentieth of the weights' size."""
    evidence = training(
        layers=stack(3, update=update), losses=curve(2.4, 2.3), skills=0.0, learning_rate=1e-5
    )
    found = learning_rate_too_low(evidence)
    assert any(not one.is_last_resort for one in found) == sick


def test_what_learns_all_the_same_is_advice_or_nothing() -> None:
    evidence = {"layers": stack(3, update=2e-6), "losses": line(2.3, 1.2), "learning_rate": 1e-6}
    (found,) = learning_rate_too_low(training(**evidence, skills=line(0.0, 0.5)))
    assert found.severity == "advice"
    assert learning_rate_too_low(training(**evidence, skills=line(0.0, 0.8))) == []


def test_vanishing_gradients_and_dead_units_are_something_else() -> None:
    small = {"update": 2e-6}
    vanishing = stack(5, "sigmoid", gradient=(1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-3), **small)
    dead = stack(3, silent=(0.0, 1.0, 0.0, 0.0), **small)
    for layers in (vanishing, dead):
        assert learning_rate_too_low(training(layers=layers, learning_rate=1e-6, **SLOW)) == []


def test_a_rate_so_low_that_nothing_moves() -> None:
    evidence = training(layers=stack(3, update=1e-9), losses=2.3, skills=0.0, learning_rate=1e-9)
    (found,) = learning_rate_too_low(evidence)
    assert found.severity == "fault"


def test_too_early_to_say() -> None:
    evidence = training(
        layers=stack(3, update=2e-6),
        losses=line(2.3, 2.29, 4),
        skills=0.0,
        learning_rate=1e-6,
        ended=False,
        steps=1000,
    )
    assert learning_rate_too_low(evidence) == []


def test_looks_that_become_rarer_do_not_bend_the_curve() -> None:
    steps = [0, 1, 2, 5, 10, 20, 50, 100, 150, 200, 400, 600, 800, 1000]
    known = {"layers": stack(3, update=2e-6), "skills": 0.0, "ended": False, "steps": 100}
    straight = [2.3 - step / 1e4 for step in steps]
    level = [2.2 + 0.1 * math.exp(-step / 60) for step in steps]
    assert len(learning_rate_too_low(training(losses=straight, steps_at=steps, **known))) == 1
    assert learning_rate_too_low(training(losses=level, steps_at=steps, **known)) == []
