"""What lies deeper: readings by which a rule knows that its symptom follows from another illness.

A symptom that follows is still told, with less probability, so that the root cause goes first.
"""

import math
from collections.abc import Sequence
from statistics import median

from latih.doctor.curves import finite, slope
from latih.doctor.evidence import Evidence
from latih.doctor.fact_records import LayerFacts
from latih.doctor.look_records import Check

USUAL_RATES = {"sgd": 0.01, "adagrad": 0.01, "adadelta": 1.0, "lion": 1e-4}
"""The learning rates with which people begin, by optimizer."""

OTHER_RATE = 1e-3
"""That of Adam and its kin."""

BOLD = 30.0
"""From so many times the usual rate on, the rate itself is suspect."""

TIMID = 1 / 30
"""And down from such a part of it."""

WILD = 10.0
"""A deviation or mean that weights initialised for deviation 1 do not expect."""

RECTIFIERS = ("relu", "relu6", "ReLU", "ReLU6", "thresholded_relu", "ThresholdedReLU")
"""What gives 0, and no gradient, for all that is negative: names of activations and of layers."""

SMALL = 0.1
"""A kernel of less than this part of LeCun's deviation ``1/√fan-in`` may be left by one step."""

EARLY = 0.2
"""The part of the training in which a net that was thrown off its feet was thrown."""


def has_broken_data(evidence: Evidence) -> bool:
    """Say whether inputs or targets hold what is no number."""
    place = evidence.not_finite.place if evidence.not_finite else ""
    facts = (*evidence.facts.inputs, *evidence.facts.outputs)
    return place in ("input", "target") or not all(one.finite for one in facts)


def has_wild_inputs(evidence: Evidence) -> bool:
    """Say whether an input meets weights while it is far from mean 0 and deviation 1."""
    met = [one for one in evidence.facts.inputs if not one.is_scaled]
    return any(one.deviation > WILD or abs(one.mean) > WILD for one in met)


def has_wild_targets(evidence: Evidence) -> bool:
    """Say whether the targets of a regression are far from mean 0 and deviation 1."""
    return any(
        one.task == "regression" and (one.deviation > WILD or abs(one.mean) > WILD)
        for one in evidence.facts.outputs
    )


def boldness(evidence: Evidence) -> float:
    """Return the learning rate as a multiple of the usual one; momentum makes it greater.

    ``rate / (1 - momentum) / usual``, with momentum of SGD alone: the others divide it out.
    """
    optimizer = evidence.facts.optimizer
    rate = evidence.facts.learning_rate
    if optimizer == "sgd":
        rate /= max(1 - evidence.facts.settings.get("momentum", 0.0), 0.01)
    return rate / USUAL_RATES.get(optimizer, OTHER_RATE)


def update_of(check: Check) -> float | None:
    """Return the median ``|Δθ| / |θ|`` of the layers that moved in a check; None if none did."""
    known = [one for one in finite(signs.update for signs in check.layers.values()) if one > 0]
    return median(known) if known else None


def updates_of(evidence: Evidence) -> list[float]:
    """Return the median update of each check in which something moved."""
    return finite(update_of(check) for check in evidence.checks)


def first_leap(evidence: Evidence) -> tuple[str, int, float] | None:
    """Return layer, step and size of the largest ``|Δθ| / |θ|`` of the first steps.

    A layer that begins near 0, as a zero-initialised branch does, leaps far and means no harm:
    layers whose kernel spreads far less than ``1/√fan-in`` before training are left out.
    """
    spread = {
        one.name
        for one in evidence.weighted_layers
        if one.kernel_deviation * one.fan_in**0.5 > SMALL
    }
    limit = EARLY * (evidence.facts.planned_steps or 1000)
    leaps = [
        (signs.update, name, check.step)
        for check in evidence.checks
        if check.step <= max(limit, 10)
        for name, signs in check.layers.items()
        if signs.update is not None and math.isfinite(signs.update) and name in spread
    ]
    if not leaps:
        return None
    size, name, step = max(leaps)
    return name, step, size


def was_thrown(evidence: Evidence, leap: float = 0.5) -> bool:
    """Say whether the first steps were so large that what they left cannot tell of the start.

    Args:
        evidence: what was seen.
        leap: ``|Δθ| / |θ|`` in one step, from which on the initial weights are forgotten.
    """
    first = first_leap(evidence)
    return first is not None and first[2] > leap


def explodes_at_once(evidence: Evidence, deviation: float = 100.0) -> bool:
    """Say whether the net itself multiplies: then no rate is to blame for what overflows.

    It does if pre-activations are huge before the first step, or a hidden activation is e^x.

    Args:
        evidence: what was seen.
        deviation: of the pre-activations, from which on it is huge.
    """
    first = evidence.checks[0].layers.values() if evidence.checks else ()
    huge = any(one.deviation is not None and not one.deviation <= deviation for one in first)
    return huge or bool(exponential_layers(evidence))


def exponential_layers(evidence: Evidence) -> list[str]:
    """Return the names of the hidden layers whose activation is e^x."""
    return [
        one.name
        for one in evidence.facts.layers
        if one.activation == "exponential" and not one.is_output
    ]


def was_diverging(evidence: Evidence, growth: float = 100.0) -> bool:
    """Say whether loss, gradients or updates were out of hand at the last check with numbers.

    Args:
        evidence: what was seen.
        growth: of the gradient's norm over that of the first check.
    """
    losses = finite(check.loss for check in evidence.checks)
    norms = finite(check.gradient_norm for check in evidence.checks)
    lost = len(losses) > 1 and losses[-1] - min(losses) > max(abs(min(losses)), 0.1 * losses[0])
    grown = len(norms) > 1 and norms[-1] > growth * norms[0]
    return lost or grown or was_thrown(evidence)


def gradient_flow(check: Check, layers: Sequence[LayerFacts]) -> tuple[float, float] | None:
    """Return how the gradient fares on its way from the output to the first layer.

    The ratio ``g_first / g_last``, and how many decades a layer it grows towards the output: the
    slope of ``log10 g`` over depth. A layer without any gradient is no part of it.

    Args:
        check: one check.
        layers: those with a kernel, in the order in which they are called.

    Returns:
        Ratio and slope, or None if fewer than three layers have a gradient.
    """
    signs = [check.layers[one.name] for one in layers if one.name in check.layers]
    known = [one for one in finite(sign.gradient for sign in signs) if one > 0]
    if len(known) < 3:
        return None
    return known[0] / known[-1], slope([math.log10(one) for one in known])


def gradient_flows(evidence: Evidence) -> list[tuple[int, tuple[float, float]]]:
    """Return step and :func:`gradient_flow` of each check in which it was measured."""
    layers = evidence.weighted_layers
    known = ((check.step, gradient_flow(check, layers)) for check in evidence.checks)
    return [(step, flow) for step, flow in known if flow is not None]


def silent_layers(check: Check, layers: Sequence[LayerFacts]) -> dict[str, float]:
    """Return the share of dead units of each layer whose activation can be 0 everywhere.

    Args:
        check: one check.
        layers: all of the model.
    """
    able = [one.name for one in layers if one.activation in RECTIFIERS or one.kind in RECTIFIERS]
    known = ((name, check.layers[name].silent) for name in able if name in check.layers)
    return {name: share for name, share in known if share is not None}


def has_dead_layer(evidence: Evidence, share: float = 0.999) -> bool:
    """Say whether all units of some layer are dead at the last check.

    Args:
        evidence: what was seen.
        share: of its units.
    """
    known = silent_layers(evidence.checks[-1], evidence.facts.layers) if evidence.checks else {}
    return any(one >= share for one in known.values())
