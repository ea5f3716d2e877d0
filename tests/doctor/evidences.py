"""Evidence made by hand: a healthy training unless one says otherwise.

A value stands for all checks, or there is one for each:

    training(losses=curve(2.3, 0.1), skills=0.0, layers=[layer("hidden", silent=[0.1, 0.6, 1.0])])
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from latih.doctor.evidence import Evidence
from latih.doctor.fact_records import Facts, InputFacts, LayerFacts, OutputFacts
from latih.doctor.look_records import Check, LayerSigns, NotFinite

Values = float | Sequence[float | None] | None

CHECKS = 20
SIGNS = {one.name for one in fields(LayerSigns)}
HEALTHY_SIGNS: Mapping[str, Values] = {
    "gradient": 0.01,
    "update": 0.002,
    "weight": 0.2,
    "mean": 0.0,
    "deviation": 1.0,
    "largest": 4.0,
}


@dataclass(frozen=True)
class Layer:
    """What is known of a layer and what is seen of it in each check."""

    facts: LayerFacts
    signs: Mapping[str, Values]


def layer(name: str, activation: str | None = "relu", **known: Any) -> Layer:
    """Make a Dense(64) with healthy signs; arguments of `LayerFacts` or `LayerSigns` say more."""
    signs = {key: known.pop(key) for key in list(known) if key in SIGNS}
    facts = {"kind": "Dense", "weights": 4160, "fan_in": 64, "kernel_deviation": 0.18} | known
    return Layer(LayerFacts(name, activation=activation, **facts), {**HEALTHY_SIGNS, **signs})


def stack(count: int, activation: str = "relu", **known: Any) -> list[Layer]:
    """Make hidden layers of one kind, and an output behind them.

    A tuple in `known` has one value for each layer, the output last; a list one for each check.
    """

    def nth(index: int) -> dict[str, Any]:
        return {k: v[index] if isinstance(v, tuple) else v for k, v in known.items()}

    hidden = [layer(f"hidden_{n}", activation, **nth(n)) for n in range(count)]
    return [*hidden, layer("output", "softmax", is_output=True, **nth(count))]


def curve(first: float, last: float, count: int = CHECKS) -> list[float]:
    """Go from `first` to `last`, fast at the beginning and level at the end, as losses do."""
    rate = 5 / max(count - 1, 1)
    reached = [math.expm1(-rate * n) / math.expm1(-5.0) for n in range(count)]
    return [first + (last - first) * part for part in reached]


def line(first: float, last: float, count: int = CHECKS) -> list[float]:
    """Go from `first` to `last` by equal steps."""
    return [first + (last - first) * n / max(count - 1, 1) for n in range(count)]


def classes(**known: Any) -> OutputFacts:
    """Tell of an output for ten balanced classes."""
    told: dict[str, Any] = {
        "name": "output",
        "task": "multi-class",
        "classes": 10,
        "width": 10,
        "activation": "softmax",
        "loss": "sparse_categorical_crossentropy",
        "counts": (100,) * 10,
        "trivial_loss": math.log(10),
        "trivial_score": 0.1,
        "first_loss": 2.35,
        "most": 9.0,
    }
    return OutputFacts(**(told | known))


def regression(**known: Any) -> OutputFacts:
    """Tell of one number for each example, of mean 0 and deviation 1."""
    told = {"name": "output", "loss": "mean_squared_error", "trivial_loss": 1.0, "first_loss": 1.2}
    return OutputFacts(**(told | known))


def training(
    *,
    losses: Values = None,
    skills: Values = None,
    training_losses: Values = None,
    accuracies: Values = None,
    penalties: Values = 0.0,
    gradient_norms: Values = 1.0,
    rates: Values = 1e-3,
    layers: Sequence[Layer] | None = None,
    logs: Mapping[str, Sequence[float]] | None = None,
    every: int = 50,
    steps_at: Sequence[int] | None = None,
    epochs: int = 10,
    count: int = CHECKS,
    ended: bool = True,
    not_finite: NotFinite | None = None,
    overfits_a_batch: float | None = None,
    output: OutputFacts | None = None,
    inputs: InputFacts | None = None,
    **facts: Any,
) -> Evidence:
    """Make the evidence of a training; what is not said is healthy.

    Args:
        losses: on the probe, as everything up to `rates`: one for all checks, or one for each.
        layers: by default three of ReLU and an output.
        logs: by the key of the log, a value for each epoch.
        every: steps between two checks.
        steps_at: the steps of the checks, where they are not evenly spaced.
        epochs: planned; the checks are spread over all of them.
        count: of checks, unless a sequence says it.
        output: by default ten balanced classes.
        facts: what else `Facts` holds, such as `optimizer`.
    """
    layers = stack(3) if layers is None else layers
    signs = [values for one in layers for values in one.signs.values()]
    told = [losses, skills, training_losses, accuracies, penalties, gradient_norms, rates, *signs]
    count = next((len(values) for values in told if isinstance(values, Sequence)), count)
    losses = curve(2.35, 0.1, count) if losses is None else losses
    skills = curve(0.0, 0.95, count) if skills is None else skills

    steps = [n * every for n in range(count)] if steps_at is None else steps_at

    def at(values: Values, n: int) -> Any:
        return values[n] if isinstance(values, Sequence) else values

    checks = [
        Check(
            step=steps[n],
            epoch=steps[n] * epochs // (steps[-1] + 1),
            loss=at(losses, n),
            skill=at(skills, n),
            accuracy=at(accuracies, n),
            training_loss=at(losses if training_losses is None else training_losses, n),
            penalty=at(penalties, n),
            gradient_norm=at(gradient_norms, n),
            learning_rate=at(rates, n),
            layers={
                one.facts.name: LayerSigns(**{k: at(v, n) for k, v in one.signs.items()})
                for one in layers
            },
        )
        for n in range(count)
    ]
    known: dict[str, Any] = {
        "layers": tuple(one.facts for one in layers),
        "inputs": (inputs or InputFacts("input", (64,)),),
        "outputs": (output or classes(),),
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "batch_size": 32,
        "epochs": epochs,
        "steps": -(-(steps[-1] if count else 0) // epochs),
        "examples": 1000,
        "shuffles": True,
        "has_validation": bool(logs and "val_loss" in logs),
    }
    told_epochs = max((len(values) for values in (logs or {}).values()), default=0)
    return Evidence(
        facts=Facts(**(known | facts)),
        checks=checks,
        epochs=[{key: v[n] for key, v in (logs or {}).items()} for n in range(told_epochs)],
        not_finite=not_finite,
        ended=ended,
        overfits_a_batch=overfits_a_batch,
    )


def unmeasured(evidence: Evidence, *signs: str) -> Evidence:
    """Take signs away from all checks, as if nobody had measured them."""
    gone: dict[str, Any] = dict.fromkeys(signs)
    for n, check in enumerate(evidence.checks):
        layers = {name: replace(one, **gone) for name, one in check.layers.items()}
        evidence.checks[n] = replace(check, layers=layers)
    return evidence
