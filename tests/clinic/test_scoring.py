"""What the clinic counts: worked by hand, intervals beside published ones."""

import pytest
import split
from scoring import Share, is_detected, is_false_alarm, is_named, label_precision, label_recall


def record(*told, codes=("dying-relu",), **more):
    findings = [{"code": code, "severity": "fault"} for code in told]
    labels = {code: [code] for code in codes}
    return {"findings": findings, "codes": list(codes), "labels": labels, **more}


def test_wilsons_interval_is_the_published_one():
    # Newcombe, Statistics in Medicine 17 (1998), table I: method 3.
    for (hits, of), interval in {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }.items():
        assert Share(hits, of).interval == pytest.approx(interval, abs=5e-5)


def test_a_cause_is_named_first_or_among_three():
    second = record("under-training", "dying-relu")
    assert is_detected(second)
    assert not is_named(second, 1) and is_named(second, 3)
    assert not is_detected(record())


def test_advice_is_no_fault():
    advised = record()
    advised["findings"] = [{"code": "dying-relu", "severity": "advice"}]
    assert not is_detected(advised) and not is_false_alarm(advised)


def test_a_fault_on_the_way_is_a_false_alarm_too():
    assert is_false_alarm(record(codes=(), told={"overfitting": 20}))
    assert not is_false_alarm(record(codes=(), told={}))


def test_a_fault_on_the_way_is_a_detection_too():
    on_the_way = record(told={"dying-relu": 20})
    assert is_detected(on_the_way) and is_named(on_the_way, 1)
    assert not is_named(record("overfitting", told={"dying-relu": 20}), 3)


def test_a_refusal_counts_if_it_names_the_fault():
    refusal = "`y` holds labels out of range: expected 0..9, got labels from 1 to 10."
    assert is_detected(record(codes=("label-range",), refused=refusal))
    assert is_named(record(codes=("label-range",), refused=refusal), 1)
    assert not is_detected(record(codes=("overfitting",), refused=refusal))


def test_labels_are_counted_one_by_one():
    records = [
        record("dying-relu", "overfitting", codes=("dying-relu", "wrong-loss")),
        record("overfitting"),
    ]
    assert label_recall(records) == Share(1, 3)
    assert label_precision(records) == Share(1, 3)


def test_the_halves_are_even_within_an_origin_and_stay():
    names = [(f"{origin} {n}", origin) for origin in ("a", "b") for n in range(11)]
    halves = split.extended({}, names)
    for origin in ("a", "b"):
        tuning = sum(half == "tuning" for name, half in halves.items() if name[0] == origin)
        assert tuning in (5, 6)
    assert split.extended(halves, [*names, ("a new", "a")]).items() >= halves.items()
