import math

import pytest
from evidences import curve, layer, regression, stack, training

from latih.doctor.fact_records import InputFacts
from latih.doctor.look_records import NotFinite
from latih.doctor.rules.learning_rate_too_high import learning_rate_too_high
from latih.doctor.rules.nan_or_inf import nan_or_inf

LOST = [2.3, 2.1, math.nan]


@pytest.mark.parametrize("place", ["input", "target"])
def test_broken_data_are_the_root_at_once(place: str) -> None:
    evidence = training(losses=[2.3], not_finite=NotFinite(0, place), ended=False)
    (found,) = nan_or_inf(evidence)
    assert (found.severity, found.step, found.layer) == ("fault", 0, None)
    assert found.probability > 0.95
    assert learning_rate_too_high(evidence) == []


def test_data_are_broken_before_any_step() -> None:
    (found,) = nan_or_inf(training(inputs=InputFacts("x", finite=False), count=0))
    assert (found.severity, found.evidence[0].value) == ("fault", 1)
    (found,) = nan_or_inf(training(output=regression(finite=False), count=0))
    assert found.probability > 0.95


def test_place_layer_and_step_are_told() -> None:
    evidence = training(losses=LOST, not_finite=NotFinite(120, "activation", "hidden_1"))
    (found,) = nan_or_inf(evidence)
    assert (found.layer, found.step) == ("hidden_1", 120)
    assert "activations" in found.evidence[0].name.en
    assert "aktivasi" in found.evidence[0].name.id


def test_out_of_the_blue_the_number_itself_is_the_illness() -> None:
    evidence = training(losses=LOST, not_finite=NotFinite(100, "loss"))
    (found,) = nan_or_inf(evidence)
    assert found.probability > 0.8
    assert learning_rate_too_high(evidence) == []


@pytest.mark.parametrize(
    "grown",
    [
        {"losses": [2.3, 2.1, 9.0, math.nan]},
        {"losses": LOST, "gradient_norms": [1.0, 500.0, math.inf]},
        {"losses": LOST, "layers": stack(3, update=[0.0, 0.9, math.nan]), "steps": 100},
    ],
)
def test_after_growth_the_rate_goes_first(grown: dict) -> None:
    evidence = training(not_finite=NotFinite(101, "loss"), **grown)
    (found,) = nan_or_inf(evidence)
    (root,) = learning_rate_too_high(evidence)
    assert found.severity == root.severity == "fault"
    assert root.probability > found.probability


def test_at_a_bold_rate_the_rate_goes_first() -> None:
    evidence = training(losses=[2.3], not_finite=NotFinite(3, "loss"), learning_rate=1.0)
    (found,) = nan_or_inf(evidence)
    (root,) = learning_rate_too_high(evidence)
    assert root.probability > 0.9 > found.probability


def test_a_net_that_overflows_untrained_is_its_own_reason() -> None:
    huge = stack(3, deviation=(10.0, 1e3, 1e5, 1e7))
    (found,) = nan_or_inf(
        training(losses=[1e7], layers=huge, not_finite=NotFinite(0, "activation", "hidden_2"))
    )
    assert found.probability < 0.7


def test_finite_numbers_are_fine() -> None:
    assert nan_or_inf(training(losses=curve(1e6, 1e5))) == []
    assert nan_or_inf(training(layers=[layer("wide", largest=1e30)])) == []
