"""What is healthy, or only looks sick, brings no fault from any rule that watches a training."""

from collections.abc import Callable

import numpy as np
import pytest
from evidences import curve, layer, line, regression, stack, training

from latih.doctor import Evidence, Words, diagnose
from latih.doctor.evidence import Evidence as Seen
from latih.doctor.remedies import REMEDIES
from latih.doctor.rule import Rule
from latih.doctor.rules.dying_relu import dying_relu
from latih.doctor.rules.exploding_gradient import exploding_gradient
from latih.doctor.rules.learning_rate_too_high import learning_rate_too_high
from latih.doctor.rules.learning_rate_too_low import learning_rate_too_low
from latih.doctor.rules.nan_or_inf import nan_or_inf
from latih.doctor.rules.oscillating_loss import oscillating_loss
from latih.doctor.rules.overfitting import overfitting
from latih.doctor.rules.saturated_activation import saturated_activation
from latih.doctor.rules.under_training import under_training
from latih.doctor.rules.underfitting import underfitting
from latih.doctor.rules.vanishing_gradient import vanishing_gradient

WATCHING: list[Rule] = [
    nan_or_inf,
    learning_rate_too_high,
    exploding_gradient,
    vanishing_gradient,
    dying_relu,
    saturated_activation,
    learning_rate_too_low,
    under_training,
    oscillating_loss,
    overfitting,
    underfitting,
]


def noisy(values: list[float], size: float) -> list[float]:
    noise = np.random.default_rng(7).normal(size=len(values))
    return [value + size * one for value, one in zip(values, noise.tolist(), strict=True)]


def healthy_logs(epochs: int = 10) -> dict[str, list[float]]:
    return {
        "loss": curve(2.0, 0.1, epochs),
        "accuracy": curve(0.3, 0.99, epochs),
        "val_loss": curve(1.9, 0.12, epochs),
        "val_accuracy": curve(0.3, 0.98, epochs),
    }


def sparse_relu() -> Evidence:
    return training(layers=stack(4, zeros=0.85, silent=0.1))


def cyclical_rate() -> Evidence:
    cycle = [0.0, 0.5, 1.0, 0.5]
    rates = [1e-4 + 1e-2 * cycle[n % 4] for n in range(40)]
    skills = [s - 0.12 * cycle[n % 4] for n, s in enumerate(curve(0.0, 0.93, 40))]
    losses = [v + 0.15 * cycle[n % 4] for n, v in enumerate(curve(2.3, 0.1, 40))]
    return training(losses=losses, skills=skills, rates=rates, epochs=40)


def tiny_batch() -> Evidence:
    skills = noisy(curve(0.0, 0.72, 40), 0.03)
    losses = noisy(curve(1.1, 0.45, 40), 0.06)
    return training(losses=losses, skills=skills, batch_size=1, epochs=40, optimizer="sgd")


def adagrad_at_a_tenth() -> Evidence:
    updates = curve(0.8, 0.01)
    return training(
        layers=[*stack(3, "tanh", update=None), layer("more", "tanh", update=updates)],
        optimizer="adagrad",
        learning_rate=0.1,
        rates=0.1,
    )


def label_noise() -> Evidence:
    logs = healthy_logs() | {
        "loss": curve(2.0, 0.95),
        "val_loss": curve(2.0, 0.9),
        "accuracy": curve(0.3, 0.8),
        "val_accuracy": curve(0.3, 0.79),
    }
    return training(losses=curve(2.3, 0.95), skills=curve(0.0, 0.77), logs=logs)


def frozen_base() -> Evidence:
    base = [
        layer(f"block_{n}", weights=0, frozen=4160, gradient=None, update=None) for n in range(5)
    ]
    head = layer("head", "softmax", is_output=True, update=1e-3, gradient=0.05)
    return training(layers=[*base, head], learning_rate=1e-3, skills=curve(0.1, 0.9))


def fine_tuned() -> Evidence:
    return training(
        layers=stack(5, update=8e-6),
        learning_rate=1e-5,
        skills=curve(0.85, 0.97),
        losses=curve(0.4, 0.08),
    )


def nearly_perfect() -> Evidence:
    return training(skills=curve(0.0, 0.99), accuracies=curve(0.1, 0.99), logs=healthy_logs())


def noise_in_single_epochs() -> Evidence:
    skills = curve(0.0, 0.9, 30)
    skills[11] -= 0.3
    skills[22] -= 0.4
    losses = curve(2.3, 0.2, 30)
    losses[11] *= 3
    losses[22] *= 4
    return training(skills=skills, losses=losses, epochs=30)


def late_adam() -> Evidence:
    return training(layers=stack(4, update=curve(1e-2, 3e-6)), skills=curve(0.0, 0.97))


def overconfident() -> Evidence:
    """A validation loss that rises because the net is sure of itself, at the same accuracy."""
    logs = {
        "loss": curve(0.8, 0.1, 30),
        "val_loss": [*curve(0.8, 0.32, 10), *line(0.33, 0.5, 20)],
        "accuracy": curve(0.7, 0.96, 30),
        "val_accuracy": curve(0.7, 0.89, 30),
    }
    return training(logs=logs, epochs=30)


def far_targets() -> Evidence:
    """A regression whose targets have mean 23: it begins far below the mean, and learns."""
    return training(
        output=regression(mean=23.0, deviation=8.0, trivial_loss=64.0, first_loss=600.0),
        losses=curve(600.0, 9.0, 40),
        skills=curve(-8.4, 0.86, 40),
        layers=[
            *stack(2, update=3e-3)[:2],
            layer("output", None, is_output=True),
        ],
        epochs=100,
    )


def warmed_up() -> Evidence:
    return training(rates=[*line(1e-6, 1e-3, 10), *line(1e-3, 0.0, 10)], learning_rate=1e-6)


def deep_tanh() -> Evidence:
    return training(layers=stack(8, "tanh", saturated=0.6, gradient=tuple(line(1e-3, 1e-2, 9))))


def noisy_regression() -> Evidence:
    """What can be explained is explained: the rest is noise."""
    return training(output=regression(), losses=curve(1.0, 0.7), skills=curve(0.0, 0.3), epochs=20)


def zero_initialised_branch() -> Evidence:
    branch = layer("branch", kernel_deviation=0.0, update=[0.0, 40.0, *[0.01] * 18])
    return training(layers=[*stack(3), branch])


CASES: list[Callable[[], Seen]] = [
    training,
    sparse_relu,
    cyclical_rate,
    tiny_batch,
    adagrad_at_a_tenth,
    label_noise,
    frozen_base,
    fine_tuned,
    nearly_perfect,
    noise_in_single_epochs,
    late_adam,
    overconfident,
    far_targets,
    warmed_up,
    deep_tanh,
    noisy_regression,
    zero_initialised_branch,
]


@pytest.mark.parametrize("case", CASES)
def test_the_healthy_have_no_fault(case: Callable[[], Seen]) -> None:
    diagnosis = diagnose(case(), WATCHING)
    assert diagnosis.faults == [], str(diagnosis)


@pytest.mark.parametrize("case", CASES)
def test_nor_have_they_in_the_middle_of_the_training(case: Callable[[], Seen]) -> None:
    evidence = case()
    for count in range(len(evidence.checks)):
        so_far = Evidence(evidence.facts, evidence.checks[:count])
        assert diagnose(so_far, WATCHING).faults == []


def test_a_plainly_healthy_training_hears_nothing_at_all() -> None:
    assert diagnose(training(logs=healthy_logs()), WATCHING).findings == []


def test_before_anything_was_seen_nothing_is_said() -> None:
    assert diagnose(Evidence(), WATCHING).findings == []


def test_what_nobody_measured_is_no_illness() -> None:
    unknown = training(skills=float("nan"), losses=float("nan"), layers=[])
    assert diagnose(unknown, WATCHING).faults == []


@pytest.mark.parametrize("one", WATCHING, ids=lambda one: one.code)
def test_a_rule_tells_all_that_its_card_needs(one: Rule) -> None:
    for words in (one.name, one.cause, one.doubt):
        assert isinstance(words, Words) and words.en and words.id
    assert one.cause.en != one.cause.id and one.doubt.en != one.doubt.id
    assert one.thresholds and one.source
    assert set(one.remedies) <= set(REMEDIES)
    assert one.code.replace("-", "_") == one.check.__name__
    assert one.check.__module__.endswith(one.check.__name__)
