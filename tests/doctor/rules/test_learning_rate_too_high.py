import pytest
from evidences import curve, layer, line, regression, stack, training

from latih.doctor import diagnose
from latih.doctor.fact_records import InputFacts
from latih.doctor.rules.dying_relu import dying_relu
from latih.doctor.rules.learning_rate_too_high import learning_rate_too_high

FELL = [2.3, 1.0, 0.6, 0.5, 0.4, 0.4, 0.4, 4.0, 6.0, 6.0, 7.0, 6.5]
LEARNED_AND_LOST = [0.0, 0.5, 0.7, 0.8, 0.85, 0.85, 0.85, 0.1, 0.0, 0.0, 0.0, 0.0]


def first(evidence):
    return diagnose(evidence, [learning_rate_too_high]).cause


def test_what_was_learned_and_lost() -> None:
    found = first(training(losses=FELL, skills=LEARNED_AND_LOST))
    assert found is not None and found.probability >= 0.8
    assert found.step == 350  # where it left its best
    loss = found.evidence[0]
    assert loss.value > loss.threshold == pytest.approx(2 * found.evidence[1].value)


def test_a_loss_that_recovers_is_no_fault() -> None:
    losses = [*FELL[:9], 0.5, 0.4, 0.3]
    skills = [*LEARNED_AND_LOST[:9], 0.8, 0.85, 0.9]
    assert learning_rate_too_high(training(losses=losses, skills=skills)) == []


def test_a_rising_loss_under_a_good_skill_is_none() -> None:
    assert learning_rate_too_high(training(losses=FELL, skills=curve(0.0, 0.95, 12))) == []


@pytest.mark.parametrize(("factor", "sick"), [(1.9, False), (2.5, True)])
def test_twice_the_best_loss_is_the_threshold(factor: float, sick: bool) -> None:
    losses = [1.0] * 6 + [factor] * 14
    evidence = training(losses=losses, skills=0.0)
    assert bool(learning_rate_too_high(evidence)) == sick


@pytest.mark.parametrize(("loss", "sick"), [(7.5, True), (4.0, False)])  # of a constant: log 10
def test_a_net_that_is_surely_wrong_for_ever(loss: float, sick: bool) -> None:
    """All units were thrown where none has a gradient, and a third of the answers is right."""
    evidence = training(losses=[2.3, 1.5, 1.2] + [loss] * 17, skills=0.29)
    assert bool(learning_rate_too_high(evidence)) == sick


def test_only_inference_is_off() -> None:
    """Statistics of batches make the loss of inference jump; the rate is not to blame."""
    seldom = [loss if n % 3 == 0 else None for n, loss in enumerate(curve(2.3, 0.3, 12))]
    for known in (curve(2.3, 0.3, 12), seldom):
        evidence = training(losses=FELL, training_losses=known, skills=LEARNED_AND_LOST)
        assert learning_rate_too_high(evidence) == []


def test_gradient_ascent_climbs_from_the_first_step() -> None:
    evidence = training(
        losses=line(600.0, 4000.0),
        skills=line(-8.0, -60.0),
        output=regression(mean=23.0, deviation=8.0, trivial_loss=64.0),
    )
    found = first(evidence)
    assert found is not None and found.probability > 0.9
    assert found.step == 50
    # A sign is no matter of the rate.
    assert found.remedies[:2] == ("output-and-loss", "other-optimizer")


def test_a_detour_of_the_first_steps_is_none() -> None:
    climbed = {"losses": line(2.3, 4.0, 6), "skills": 0.0, "ended": False, "steps": 1000}
    assert learning_rate_too_high(training(steps_at=[0, 1, 2, 5, 10, 20], **climbed)) == []
    assert learning_rate_too_high(training(steps_at=[0, 2, 5, 10, 20, 50], **climbed))


@pytest.mark.parametrize(
    ("rate", "thrown", "dead", "sick"),
    [
        (0.5, 13.0, 0.4, True),
        (0.2, 13.0, 0.4, False),
        (0.5, 5.0, 0.4, False),
        (0.5, 13.0, 0.2, False),
    ],
)
def test_units_that_the_first_steps_killed_are_a_fault_though_the_rest_learns(
    rate: float, thrown: float, dead: float, sick: bool
) -> None:
    hurt = [layer("hidden", silent=[0.05] + [dead] * 19), layer("output", "softmax")]
    losses = [2.3, thrown, *curve(2.3, 0.1, 18)]
    found = learning_rate_too_high(
        training(layers=hurt, losses=losses, optimizer="sgd", learning_rate=rate)
    )
    assert [(one.severity, one.layer) for one in found] == [("fault", "hidden")] * sick


@pytest.mark.parametrize(
    ("optimizer", "rate", "skill", "sick"),
    [
        ("adagrad", 1.0, 0.8, True),
        ("adagrad", 0.1, 0.8, False),
        ("adagrad", 1.0, 0.95, False),
        ("sgd", 1.0, 0.8, False),
        ("sgd", 10.0, 0.8, True),
    ],
)
def test_a_rate_that_nobody_means_is_a_fault_where_it_shows(
    optimizer: str, rate: float, skill: float, sick: bool
) -> None:
    evidence = training(skills=curve(0.0, skill), optimizer=optimizer, learning_rate=rate)
    assert bool(learning_rate_too_high(evidence)) == sick


def test_an_epsilon_of_nothing_is_advice() -> None:
    (found,) = learning_rate_too_high(training(settings={"epsilon": 1e-16}))
    assert found.severity == "advice"
    assert learning_rate_too_high(training(settings={"epsilon": 1e-8})) == []


def test_a_loss_that_does_not_climb_half_its_height_may_be_noise() -> None:
    assert learning_rate_too_high(training(losses=line(2.3, 3.0), skills=0.0)) == []


def test_thrown_and_dead_is_the_rate_and_not_the_relu() -> None:
    sick = [
        layer("hidden", update=[0.0, 5.0] + [0.0] * 18, silent=[0.1] + [1.0] * 19),
        layer("output", "softmax", is_output=True),
    ]
    evidence = training(
        layers=sick, losses=[2.3] * 20, skills=0.0, optimizer="sgd", learning_rate=0.5
    )
    diagnosis = diagnose(evidence, [dying_relu, learning_rate_too_high])
    assert [one.code for one in diagnosis.faults] == ["learning-rate-too-high", "dying-relu"]
    assert diagnosis.faults[0].layer == "hidden"
    assert diagnosis.faults[0].step == 50


@pytest.mark.parametrize(("leap", "sick"), [(0.9, False), (1.1, True)])
def test_a_leap_as_large_as_the_weights_is_the_threshold(leap: float, sick: bool) -> None:
    evidence = training(layers=stack(2, update=[0.0, leap] + [0.001] * 18), losses=2.3, skills=0.0)
    assert bool(learning_rate_too_high(evidence)) == sick


def test_a_leap_that_works_is_none() -> None:
    assert learning_rate_too_high(training(layers=stack(2, update=[0.0, 9.0] + [0.01] * 18))) == []


@pytest.mark.parametrize(("update", "sick"), [(0.09, False), (0.12, True)])
def test_a_tenth_of_the_weights_at_every_step(update: float, sick: bool) -> None:
    evidence = training(layers=stack(3, update=update), losses=2.3, skills=0.0)
    faults = diagnose(evidence, [learning_rate_too_high]).faults
    assert bool(faults) == sick


def test_large_updates_that_learn_a_little_are_advice() -> None:
    evidence = training(layers=stack(3, update=0.2), skills=curve(0.0, 0.7))
    (found,) = learning_rate_too_high(evidence)
    assert found.severity == "advice"
    assert learning_rate_too_high(training(layers=stack(3, update=0.2))) == []


def test_a_loss_that_leaps_about() -> None:
    losses = [2.3, 4.0] * 10
    found = first(training(losses=losses, skills=0.0, layers=stack(3, update=0.05)))
    assert found is not None
    quiet = training(losses=losses, skills=0.0, layers=stack(3, update=0.001))
    assert learning_rate_too_high(quiet) == []


def test_wild_inputs_are_deeper() -> None:
    wild = InputFacts("x", deviation=80.0, mean=100.0)
    found = first(training(losses=FELL, skills=LEARNED_AND_LOST, inputs=wild))
    bold = first(training(losses=FELL, skills=LEARNED_AND_LOST, inputs=wild, learning_rate=0.5))
    assert found is not None and found.probability <= 0.6
    assert bold is not None and bold.probability > 0.8


def test_momentum_counts_for_sgd() -> None:
    stuck = {"losses": 2.3, "skills": 0.0, "optimizer": "sgd", "learning_rate": 0.1}
    assert learning_rate_too_high(training(**stuck)) == []
    found = first(training(**stuck, settings={"momentum": 0.9}))
    assert found is not None and found.evidence[0].value == pytest.approx(100)
