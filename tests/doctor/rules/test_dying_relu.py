import pytest
from evidences import layer, stack, training

from latih.doctor import diagnose
from latih.doctor.fact_records import InputFacts
from latih.doctor.rules.dying_relu import dying_relu

STUCK = {"losses": 2.3, "skills": 0.0}


def test_a_dead_layer_is_certain() -> None:
    layers = stack(4, silent=(0.2, 0.3, 1.0, 0.1, 0.0))
    found = diagnose(training(layers=layers, **STUCK), [dying_relu]).cause
    assert found is not None
    assert (found.severity, found.layer, found.step) == ("fault", "hidden_2", 0)
    assert found.probability >= 0.95


def test_it_is_told_at_once_if_nothing_passes() -> None:
    """Long before a fifth of the training, if no gradient reaches any layer in front."""
    cut = stack(3, silent=(0.0, 1.0, 0.0, 0.0), gradient=(0.0, 0.0, 0.0, 0.1))
    early = {"ended": False, "steps": 10_000, "every": 10, "count": 3}
    (found,) = dying_relu(training(layers=cut, losses=2.3, skills=0.0, **early))
    assert found.severity == "fault"
    open_way = stack(3, silent=(0.0, 1.0, 0.0, 0.0))
    (found,) = dying_relu(training(layers=open_way, losses=2.3, skills=0.0, **early))
    assert found.severity == "advice"


def test_something_may_lead_around_a_dead_layer() -> None:
    (found,) = dying_relu(training(layers=stack(2, silent=(0.0, 1.0, 0.0))))
    assert found.severity == "advice"


@pytest.mark.parametrize(("share", "severity"), [(0.49, "advice"), (0.51, "fault")])
def test_half_of_a_layer_is_the_threshold_of_the_stuck(share: float, severity: str) -> None:
    (found,) = dying_relu(training(layers=stack(1, silent=(share, 0.0)), **STUCK))
    assert found.severity == severity


@pytest.mark.parametrize(
    ("share", "skill", "told"),
    [(0.24, 0.7, False), (0.26, 0.7, True), (0.4, 0.95, False), (0.6, 0.95, True)],
)
def test_advice_from_a_quarter_or_from_half_if_all_is_well(
    share: float, skill: float, told: bool
) -> None:
    found = dying_relu(training(layers=stack(1, silent=(share, 0.0)), skills=skill))
    assert [one.severity for one in found] == ["advice"] * told


def test_zeros_are_no_deaths() -> None:
    assert dying_relu(training(layers=stack(3, zeros=0.99, silent=0.0), **STUCK)) == []


def test_only_what_can_die_is_looked_at() -> None:
    layers = [layer("linear", None, silent=1.0), layer("leaky", "leaky_relu", silent=1.0)]
    assert dying_relu(training(layers=layers, **STUCK)) == []
    standing_alone = [layer("act", None, kind="ReLU", silent=1.0, fan_in=0, weights=0)]
    assert len(dying_relu(training(layers=standing_alone, **STUCK))) == 1


def test_it_must_persist() -> None:
    layers = [layer("hidden", silent=[1.0] * 18 + [0.1, 1.0])]
    assert dying_relu(training(layers=layers, **STUCK)) == []


def test_killed_later_or_by_wild_inputs_is_less_certain() -> None:
    later = [layer("hidden", silent=[0.1] * 10 + [1.0] * 10)]
    (at_start,) = dying_relu(training(layers=[layer("hidden", silent=1.0)], **STUCK))
    (killed,) = dying_relu(training(layers=later, **STUCK))
    wild = InputFacts("x", deviation=90.0)
    (followed,) = dying_relu(training(layers=later, inputs=wild, **STUCK))
    assert at_start.probability > killed.probability > followed.probability
    assert killed.step == 500
