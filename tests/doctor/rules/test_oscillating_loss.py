import pytest
from evidences import line, training

from latih.doctor.rules.oscillating_loss import oscillating_loss

# Validation accuracies of a real net: 50 units, three blobs, SGD 0.01.
BATCH_OF_ONE = [
    *(0.49, 0.51, 0.68, 0.55, 0.493, 0.587, 0.517, 0.527, 0.477, 0.493, 0.703, 0.44, 0.553),
    *(0.54, 0.53, 0.5, 0.527, 0.497, 0.527, 0.54, 0.55, 0.507, 0.587, 0.69, 0.56, 0.637, 0.573),
    *(0.547, 0.527, 0.523),
]  # with momentum 0.9
WITHOUT_MOMENTUM = [
    *(0.777, 0.73, 0.807, 0.74, 0.823, 0.8, 0.807, 0.8, 0.817, 0.823, 0.817, 0.777, 0.793),
    *(0.827, 0.813, 0.8, 0.82, 0.837, 0.803, 0.817, 0.81, 0.79, 0.823, 0.83, 0.81, 0.827, 0.813),
    *(0.82, 0.827, 0.817),
]
BATCH_OF_32 = [
    *(0.727, 0.787, 0.79, 0.797, 0.793, 0.807, 0.81, 0.813, 0.8, 0.823, 0.817, 0.817, 0.817),
    *(0.827, 0.827, 0.807, 0.813, 0.823, 0.823, 0.82, 0.827, 0.823, 0.82, 0.817, 0.83, 0.823),
    *(0.813, 0.823, 0.833, 0.837),
]


def swinging(depth: float, count: int = 20, level: float = 0.7) -> list[float]:
    return [level - depth * (n % 2) for n in range(count)]


def test_a_batch_of_one_with_momentum() -> None:
    (found,) = oscillating_loss(training(skills=BATCH_OF_ONE, epochs=30, batch_size=1))
    assert found.severity == "fault" and found.probability >= 0.8
    assert found.evidence[-1].value == 1


@pytest.mark.parametrize("skills", [WITHOUT_MOMENTUM, BATCH_OF_32])
def test_noise_that_costs_nothing_is_advice_at_most(skills: list[float]) -> None:
    found = oscillating_loss(training(skills=skills, epochs=30, batch_size=1))
    assert all(one.severity == "advice" for one in found)


@pytest.mark.parametrize(
    ("depth", "severities"), [(0.02, []), (0.05, ["advice"]), (0.1, ["fault"])]
)
def test_the_depth_of_the_falls_decides(depth: float, severities: list[str]) -> None:
    found = oscillating_loss(training(skills=swinging(depth), epochs=20))
    assert [one.severity for one in found] == severities


def test_falls_on_the_way_up_are_advice() -> None:
    skills = [value - 0.09 * (n % 2) for n, value in enumerate(line(0.0, 0.7, 20))]
    (found,) = oscillating_loss(training(skills=skills, epochs=20))
    assert found.severity == "advice"


def test_a_cyclical_rate_means_its_swings() -> None:
    rates = [0.01 - 0.009 * (n % 2) for n in range(20)]
    (found,) = oscillating_loss(training(skills=swinging(0.2), rates=rates, epochs=20))
    assert found.severity == "advice"


def test_few_epochs_are_no_series() -> None:
    assert oscillating_loss(training(skills=swinging(0.2), epochs=5)) == []


def test_single_falls_are_noise() -> None:
    skills = [0.7] * 20
    skills[12] = 0.4
    assert oscillating_loss(training(skills=skills, epochs=20)) == []
