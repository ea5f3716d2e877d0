import math

import pytest
from evidences import curve, stack, training

from latih.doctor import diagnose
from latih.doctor.fact_records import InputFacts
from latih.doctor.look_records import NotFinite
from latih.doctor.rules.exploding_gradient import exploding_gradient
from latih.doctor.rules.learning_rate_too_high import learning_rate_too_high
from latih.doctor.rules.nan_or_inf import nan_or_inf

STUCK = {"losses": 2.3, "skills": 0.0}
HUGE = (2.0, 30.0, 400.0, 5000.0)


def test_exponentials_overflow_and_are_the_root() -> None:
    layers = stack(5, "exponential", deviation=(1.0, 2.0, 9.0, 1e3, math.inf, math.nan))
    evidence = training(
        losses=[math.nan], layers=layers, not_finite=NotFinite(1, "activation", "hidden_3")
    )
    diagnosis = diagnose(evidence, [nan_or_inf, learning_rate_too_high, exploding_gradient])
    assert diagnosis.cause is not None and diagnosis.cause.code == "exploding-gradient"
    assert diagnosis.cause.layer == "hidden_0"


def test_an_exponential_that_learns_is_advice() -> None:
    (found,) = exploding_gradient(training(layers=stack(1, "exponential")))
    assert found.severity == "advice"
    output = stack(2)
    assert exploding_gradient(training(layers=output)) == []


def test_an_exponential_of_exponentials_is_a_fault_whatever_comes_of_it() -> None:
    (found,) = exploding_gradient(training(layers=stack(2, "exponential")))
    assert (found.severity, found.probability) == ("fault", 0.5)


def test_signals_that_grow_with_depth_before_training() -> None:
    evidence = training(layers=stack(3, deviation=HUGE), **STUCK)
    (found,) = exploding_gradient(evidence)
    assert (found.severity, found.layer, found.step) == ("fault", "hidden_2", 0)
    (found,) = exploding_gradient(training(layers=stack(3, deviation=HUGE)))
    assert found.severity == "advice"


def test_a_kernel_far_too_wide_points_to_the_initialisation() -> None:
    narrow = exploding_gradient(training(layers=stack(3, deviation=HUGE), **STUCK))
    wide = exploding_gradient(
        training(layers=stack(3, deviation=HUGE, kernel_deviation=1.0), **STUCK)
    )
    assert wide[0].probability < narrow[0].probability


@pytest.mark.parametrize(("deviation", "sick"), [(99.0, False), (101.0, True)])
def test_a_deviation_of_100_is_the_threshold(deviation: float, sick: bool) -> None:
    layers = stack(2, deviation=(2.0, 20.0, deviation))
    assert bool(exploding_gradient(training(layers=layers, **STUCK))) == sick


def test_large_inputs_do_not_explode() -> None:
    """Bytes of images make the first layer's pre-activations large, and no further ones larger."""
    wild = InputFacts("x", mean=100.0, deviation=90.0)
    layers = stack(3, deviation=(150.0, 140.0, 130.0, 120.0))
    assert exploding_gradient(training(layers=layers, inputs=wild, **STUCK)) == []


@pytest.mark.parametrize(("ratio", "sick"), [(60.0, False), (80.0, True)])
def test_a_first_layer_with_many_times_the_gradient(ratio: float, sick: bool) -> None:
    layers = stack(3, gradient=(ratio, 10.0, 3.0, 1.0))
    assert bool(exploding_gradient(training(layers=layers, **STUCK))) == sick
    assert exploding_gradient(training(layers=layers)) == []


@pytest.mark.parametrize(("growth", "sick"), [(900.0, False), (1500.0, True)])
def test_a_gradient_that_grows_a_thousandfold(growth: float, sick: bool) -> None:
    norms = [1.0] * 12 + [growth] * 8
    assert bool(exploding_gradient(training(gradient_norms=norms, **STUCK))) == sick
    assert exploding_gradient(training(gradient_norms=norms)) == []


def test_growth_up_to_a_nan_counts_without_three_checks() -> None:
    evidence = training(
        losses=[2.3, 2.2, math.nan],
        gradient_norms=[1.0, 5e3, math.nan],
        not_finite=NotFinite(100, "gradient", "hidden_0"),
    )
    (found,) = exploding_gradient(evidence)
    assert (found.severity, found.step) == ("fault", 50)


def test_a_leaving_of_a_plateau_is_none() -> None:
    norms = [*curve(1e-5, 0.5, 20)]
    assert exploding_gradient(training(gradient_norms=norms)) == []


def test_broken_data_explain_it_all() -> None:
    evidence = training(layers=stack(3, deviation=HUGE), not_finite=NotFinite(0, "input"), **STUCK)
    assert exploding_gradient(evidence) == []
