import pytest
from evidences import layer, stack, training

from latih.doctor.fact_records import InputFacts
from latih.doctor.rules.saturated_activation import saturated_activation

STUCK = {"losses": 2.3, "skills": 0.0}


@pytest.mark.parametrize(("share", "sick"), [(0.45, False), (0.55, True)])
def test_half_of_a_layer_is_the_threshold(share: float, sick: bool) -> None:
    layers = stack(2, "tanh", saturated=(share, 0.0, None))
    found = saturated_activation(training(layers=layers, **STUCK))
    assert [one.severity for one in found] == ["fault"] * sick


def test_layer_step_and_cause() -> None:
    rising = [0.0] * 5 + [0.9] * 15
    layers = [layer("hidden", "tanh", saturated=rising), layer("out", "softmax", is_output=True)]
    (found,) = saturated_activation(training(layers=layers, **STUCK))
    assert (found.layer, found.step) == ("hidden", 250)
    assert found.probability >= 0.8


def test_a_poor_plateau_is_a_fault_too() -> None:
    layers = stack(2, "tanh", saturated=(0.9, 0.0, None))
    (found,) = saturated_activation(training(layers=layers, losses=1.5, skills=0.2))
    assert found.severity == "fault"


def test_decisions_are_no_illness() -> None:
    layers = stack(2, "sigmoid", saturated=(0.9, 0.9, None))
    assert saturated_activation(training(layers=layers)) == []
    found = saturated_activation(training(layers=layers, skills=[n / 40 for n in range(20)]))
    assert {one.severity for one in found} == {"advice"}


def test_raw_inputs_are_deeper() -> None:
    layers = stack(2, "tanh", saturated=(0.9, 0.0, None))
    (found,) = saturated_activation(training(layers=layers, **STUCK))
    wild = InputFacts("x", deviation=90.0)
    (followed,) = saturated_activation(training(layers=layers, inputs=wild, **STUCK))
    assert followed.probability < found.probability


def test_an_output_counts_only_if_nothing_is_learned() -> None:
    def made(share: float):
        return [layer("hidden"), layer("out", "sigmoid", is_output=True, saturated=share)]

    assert saturated_activation(training(layers=made(0.95))) == []
    assert saturated_activation(training(layers=made(0.95), losses=1.0, skills=0.3)) == []
    assert saturated_activation(training(layers=made(0.8), **STUCK)) == []
    (found,) = saturated_activation(training(layers=made(0.95), **STUCK))
    assert found.severity == "fault" and found.probability < 0.5


def test_it_must_persist() -> None:
    layers = [layer("hidden", "tanh", saturated=[0.9] * 19 + [0.2])]
    assert saturated_activation(training(layers=layers, **STUCK)) == []
