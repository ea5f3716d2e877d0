"""Inputs of another scale than the weights were made for, and inputs that only look so."""

from dataclasses import replace

import pytest
from evidences import curve, layer, training

from latih.doctor.fact_records import InputFacts
from latih.doctor.look_records import NotFinite
from latih.doctor.rules.unnormalised_inputs import unnormalised_inputs

BYTES = InputFacts("image", (28, 28, 1), most=255.0, deviation=90.0, mean=73.0, is_whole=True)
STUCK = {"skills": 0.0}


def seen(inputs, **known):
    found = unnormalised_inputs(training(inputs=inputs, **known))
    return [(one.severity, one.probability) for one in found]


def of(**known):
    return InputFacts("input", (8,), **known)


@pytest.mark.parametrize(
    ("sick", "probability"),
    [
        (BYTES, 0.88),
        (of(deviation=15.0, least=-40.0, most=50.0), 0.7),
        (of(deviation=1e-3, most=5e-3), 0.7),  # scaled twice
        (of(largest_mean=28.0, deviation=8.0, least=250.0, most=310.0), 0.75),  # kelvin
        (of(deviation=5000.0, deviation_ratio=1e4, most=99999.0), 0.88),
    ],
)
def test_another_scale_is_a_fault_if_nothing_is_learned_and_else_advice(sick, probability):
    assert seen(sick, **STUCK) == [("fault", probability)]
    assert seen(sick) == [("advice", 0.5)]


@pytest.mark.parametrize(
    "healthy",
    [
        of(),
        of(least=-6.0, most=6.0),
        of(deviation=6.0, least=-10.0, most=10.0),  # coordinates of blobs
        of(deviation=0.3, mean=0.13, most=1.0, constant=0.2),
        of(deviation=0.2, mean=0.95, largest_mean=99.0, most=1.0),  # drawings on white paper
        of(finite=False, deviation=1e30),
    ],
)
def test_a_usual_scale_is_none_whatever_the_outcome(healthy):
    assert seen(healthy) == []
    assert seen(healthy, **STUCK) == []


def test_a_rare_pixel_does_no_harm():
    rare = of(deviation=0.3, most=1.0, deviation_ratio=7000.0)
    assert seen(rare) == []
    assert seen(rare, **STUCK) == [("fault", 0.4)]


@pytest.mark.parametrize(("deviation", "found"), [(9.9, 0), (10.1, 1), (0.011, 0), (0.009, 1)])
def test_the_scale_has_two_ends(deviation, found):
    assert len(seen(of(deviation=deviation))) == found


@pytest.mark.parametrize(("mean", "largest", "found"), [(4.9, 99, 0), (5.1, 99, 1), (99, 9.9, 0)])
def test_a_mean_counts_if_it_is_large_by_itself_too(mean, largest, found):
    assert len(seen(of(largest_mean=mean, most=float(largest)))) == found


def test_a_model_that_scales_or_looks_up_by_itself_is_well():
    assert seen(replace(BYTES, is_scaled=True), **STUCK) == []


def test_inputs_that_never_change_tell_nothing():
    assert seen(of(constant=1.0), count=1, ended=False) == [("fault", 0.97)]
    assert seen(of(constant=0.9)) == []


@pytest.mark.parametrize("sign", ["silent", "saturated"])
def test_units_that_die_of_it_make_it_a_fault_unless_it_learns_all_the_same(sign):
    hurt = [layer("hidden", **{sign: 0.8}), layer("output", None)]
    assert seen(BYTES, layers=hurt, skills=0.6) == [("fault", 0.88)]
    assert seen(BYTES, layers=hurt, skills=0.9) == [("advice", 0.5)]
    well = [layer("hidden", **{sign: 0.4}), layer("output", None)]
    mild = of(deviation=15.0, least=-40.0, most=50.0)
    assert seen(mild, layers=well, skills=0.6) == [("advice", 0.5)]


@pytest.mark.parametrize("far", [BYTES, of(deviation=1e-3, most=5e-3)])
def test_a_scale_that_no_preparation_leaves_is_a_fault_where_more_could_be_learned(far):
    assert seen(far, skills=curve(0.0, 0.85)) == [("fault", 0.6)]
    assert seen(far, skills=curve(0.0, 0.85), ended=False) == [("advice", 0.5)]
    assert seen(far, skills=curve(0.0, 0.95)) == [("advice", 0.5)]


def test_a_loss_that_breaks_is_a_bad_outcome_too():
    broken = NotFinite(3, "loss")
    assert seen(BYTES, count=2, ended=False, not_finite=broken) == [("fault", 0.88)]
    assert seen(BYTES, count=2, ended=False, not_finite=NotFinite(0, "input")) == [("advice", 0.5)]
