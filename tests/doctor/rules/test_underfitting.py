import pytest
from evidences import curve, layer, stack, training

from latih.doctor import diagnose
from latih.doctor.rules import RULES
from latih.doctor.rules.underfitting import underfitting

POOR = {"losses": 1.8, "skills": 0.2}
STUCK = {"losses": 2.3, "skills": 0.0}


@pytest.mark.parametrize(("penalty", "sick"), [(1.5, False), (2.5, True)])
def test_penalties_that_outweigh_the_loss(penalty: float, sick: bool) -> None:
    faults = diagnose(training(penalties=penalty, **POOR), [underfitting]).faults
    assert bool(faults) == sick


def test_penalties_that_do_no_harm_are_fine() -> None:
    assert underfitting(training(penalties=5.0)) == []


def test_penalties_that_have_pressed_the_weights_to_nothing() -> None:
    shrunk = stack(2, decay=0.1, weight=curve(0.2, 0.01))
    cause = diagnose(training(layers=shrunk, **STUCK), [underfitting]).cause
    assert cause is not None and cause.layer == "hidden_0"
    assert cause.probability > 0.7


def test_penalties_count_too_where_the_loss_is_that_of_a_constant() -> None:
    """All weights are so small that every class is as probable; the best guess may be right."""
    known = {"penalties": 5.0, "skills": 0.6}
    assert diagnose(training(losses=2.1, **known), [underfitting]).faults
    assert underfitting(training(losses=1.0, **known)) == []


@pytest.mark.parametrize(("rate", "sick"), [(0.6, False), (0.8, True)])
def test_dropout_that_leaves_too_little(rate: float, sick: bool) -> None:
    layers = [*stack(2), layer("drop", None, kind="Dropout", fan_in=0, weights=0, dropout=rate)]
    evidence = training(layers=layers, training_losses=2.6, **POOR)
    faults = diagnose(evidence, [underfitting]).faults
    assert [one.layer for one in faults] == ["drop"] * sick
    assert underfitting(training(layers=layers, training_losses=2.6)) == []


@pytest.mark.parametrize(("units", "sick"), [(2, True), (3, False)])
def test_a_layer_through_which_nothing_fits(units: int, sick: bool) -> None:
    layers = [layer("narrow", weights=65 * units), layer("output", "softmax", fan_in=units)]
    faults = diagnose(training(layers=layers, **POOR), [underfitting]).faults
    assert [one.layer for one in faults] == ["narrow"] * sick


def test_one_batch_that_cannot_be_learned() -> None:
    (fault,) = diagnose(training(overfits_a_batch=0.1, **POOR), [underfitting]).faults
    assert fault.evidence[0].value == 0.1
    assert diagnose(training(overfits_a_batch=0.9, **POOR), [underfitting]).faults == []


def test_nothing_learned_at_the_end_is_the_last_resort() -> None:
    (found,) = underfitting(training(**STUCK))
    assert (found.severity, found.probability) == ("fault", 0.3)
    assert underfitting(training(**STUCK, count=1)) == []
    dead = training(**STUCK, layers=stack(3, silent=1.0))
    assert [one.code for one in diagnose(dead, RULES).faults] == ["dying-relu"]
    assert underfitting(training(**STUCK, ended=False, steps=10_000)) == []


def test_a_poor_plateau_alone_is_advice() -> None:
    (found,) = underfitting(training(**POOR))
    assert found.severity == "advice"


def test_what_still_gains_is_not_poor() -> None:
    assert underfitting(training(skills=[n / 60 for n in range(20)])) == []
