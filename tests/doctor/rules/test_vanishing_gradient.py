from typing import Any

import pytest
from evidences import curve, layer, stack, training

from latih.doctor import Evidence, diagnose
from latih.doctor.rules.dying_relu import dying_relu
from latih.doctor.rules.learning_rate_too_low import learning_rate_too_low
from latih.doctor.rules.vanishing_gradient import vanishing_gradient

STUCK = {"losses": 0.693, "skills": 0.0}


def shrinking(decades: float, count: int = 10) -> tuple[float, ...]:
    """Gradients of `count` hidden layers and the output, by which a layer loses `decades`."""
    return tuple(0.1 * 10 ** (-decades * (count - n)) for n in range(count + 1))


def test_ten_sigmoids() -> None:
    layers = stack(10, "sigmoid", gradient=shrinking(0.6))
    diagnosis = diagnose(
        training(layers=layers, **STUCK), [learning_rate_too_low, vanishing_gradient]
    )
    assert [one.code for one in diagnosis.faults] == ["vanishing-gradient"]
    found = diagnosis.faults[0]
    assert found.layer == "hidden_0" and found.probability >= 0.9
    assert found.evidence[1].value == pytest.approx(0.6)


@pytest.mark.parametrize(("decades", "sick"), [(0.29, False), (0.31, True)])
def test_the_slope_decides(decades: float, sick: bool) -> None:
    layers = stack(11, gradient=shrinking(decades, 11))
    assert bool(vanishing_gradient(training(layers=layers, **STUCK))) == sick


@pytest.mark.parametrize(
    ("activation", "ratio", "sick"),
    [
        ("relu", 2e-3, False),
        ("relu", 5e-4, True),
        ("sigmoid", 5e-3, True),
        ("sigmoid", 2e-2, False),
    ],
)
def test_the_ratio_is_stricter_without_sigmoids(activation: str, ratio: float, sick: bool) -> None:
    gradients = tuple(0.1 * ratio ** (1 - n / 5) for n in range(6))
    layers = stack(5, activation, gradient=gradients)
    assert bool(vanishing_gradient(training(layers=layers, **STUCK))) == sick


def of_softmaxes(count: int, fan_in: int = 64, **known: Any) -> Evidence:
    shares = [layer(f"shares_{n}", "softmax") for n in range(count)]
    known.setdefault("skills", curve(0.0, 0.98))
    return training(
        layers=[*shares, layer("output", "softmax", fan_in=fan_in, is_output=True)], **known
    )


def test_hidden_softmaxes_are_a_fault_if_there_are_two_or_it_shows() -> None:
    (found,) = vanishing_gradient(of_softmaxes(2))
    assert (found.severity, found.layer) == ("fault", "shares_0")
    assert [one.severity for one in vanishing_gradient(of_softmaxes(1))] == ["advice"]
    (found,) = vanishing_gradient(of_softmaxes(1, skills=curve(0.0, 0.9)))
    assert found.severity == "fault"


def test_gates_and_attention_lead_elsewhere() -> None:
    assert vanishing_gradient(of_softmaxes(1, fan_in=16, skills=curve(0.0, 0.9))) == []


def test_what_learns_all_the_same_has_no_fault() -> None:
    layers = stack(10, "sigmoid", gradient=shrinking(0.6))
    assert vanishing_gradient(training(layers=layers)) == []
    (found,) = vanishing_gradient(training(layers=layers, skills=[0.3 + n / 60 for n in range(20)]))
    assert found.severity == "advice"


def test_two_checks_are_not_enough() -> None:
    layers = stack(10, "sigmoid", gradient=shrinking(0.6))
    assert vanishing_gradient(training(layers=layers, losses=[0.7, 0.7], skills=0.0)) == []


def test_it_must_persist() -> None:
    names = [f"hidden_{n}" for n in range(4)]
    layers = [
        layer(name, "tanh", gradient=[10.0 ** (n - 5) if k < 15 else 0.01 for k in range(20)])
        for n, name in enumerate(names)
    ]
    assert vanishing_gradient(training(layers=layers, **STUCK)) == []


def test_dead_units_are_deeper() -> None:
    layers = stack(9, gradient=shrinking(0.5, 9), silent=(*[0.0] * 7, 1.0, 0.0, 0.0))
    diagnosis = diagnose(training(layers=layers, **STUCK), [vanishing_gradient, dying_relu])
    assert [one.code for one in diagnosis.faults] == ["dying-relu", "vanishing-gradient"]


def test_a_shallow_net_has_no_way_to_vanish_on() -> None:
    layers = stack(1, "sigmoid", gradient=(1e-9, 1.0))
    assert vanishing_gradient(training(layers=layers, **STUCK)) == []
