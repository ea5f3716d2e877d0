"""Which remedies are tried first: worked by hand."""

from latih.doctor.diagnosis import Diagnosis
from latih.doctor.finding import Finding
from latih.doctor.proposals import FALLBACK, proposals
from latih.doctor.words import Words

SAID = Words("told", "dikatakan")


def found(code: str, probability: float, *remedies: str, severity: str = "fault") -> Finding:
    return Finding(code, severity, probability, None, None, (), remedies, SAID, SAID, SAID)  # type: ignore[arg-type]


def names(*findings: Finding, tried: tuple[str, ...] = (), **more: bool) -> list[str]:
    return [one.remedy for one in proposals(Diagnosis(list(findings)), tried, **more)]


def test_each_next_remedy_promises_less() -> None:
    first = found("dying-relu", 0.9, "initialise", "leaky-activation", "batch-normalisation")
    second = found("underfitting", 0.5, "more-units", "raise-learning-rate")
    # 0.9, 0.54, 0.324 and 0.5, 0.3.
    assert names(first, second, thinks=False) == [
        *("initialise", "leaky-activation", "more-units"),
        *("batch-normalisation", "raise-learning-rate"),
    ]


def test_what_costs_many_epochs_comes_later() -> None:
    # 0.7 / 2 against 0.7 * 0.6.
    slow = found("under-training", 0.7, "more-epochs", "raise-learning-rate")
    assert names(slow, thinks=False) == ["raise-learning-rate", "more-epochs"]


def test_each_is_proposed_once_and_nothing_again() -> None:
    first = found("dying-relu", 0.9, "initialise", "relu")
    second = found("bad-initialisation", 0.8, "initialise", "selu")
    assert names(first, second, thinks=False) == ["initialise", "relu", "selu"]
    assert names(first, second, tried=("initialise",), thinks=False) == ["relu", "selu"]


def test_what_helps_most_often_comes_last_and_only_against_faults() -> None:
    broken = found("nan-or-inf", 0.9, "clean-data")
    told = names(broken)
    assert told == ["clean-data", "relu", "initialise", "scale-inputs", *told[4:]]
    assert {*told[1:]} == {*FALLBACK}
    assert names() == []


def test_advice_is_treated_only_if_it_is_taken() -> None:
    advised = found("dying-relu", 0.3, "initialise", severity="advice")
    assert names(advised) == ["initialise"]
    assert names(advised, takes_advice=False) == []
    fault = found("overfitting", 0.5, "dropout")
    assert names(advised, fault, thinks=False) == ["dropout"]
