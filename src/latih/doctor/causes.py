"""What lies deeper: readings by which a rule knows that its symptom follows from another illness.

A symptom that follows is still told, with less probability, so that the root cause goes first.
"""

from statistics import median

from latih.doctor.curves import finite
from latih.doctor.evidence import Check, Evidence

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

EARLY = 0.2
"""The part of the training in which a net that was thrown off its feet was thrown."""


def has_broken_data(evidence: Evidence) -> bool:
    """Say whether inputs or targets hold what is no number."""
    place = evidence.not_finite.place if evidence.not_finite else ""
    facts = (*evidence.facts.inputs, *evidence.facts.outputs)
    return place in ("input", "target") or not all(one.finite for one in facts)


def has_wild_inputs(evidence: Evidence) -> bool:
    """Say whether an input that is no index is far from mean 0 and deviation 1."""
    embeds = any(one.kind == "Embedding" for one in evidence.facts.layers)
    return not embeds and any(
        one.deviation > WILD or abs(one.mean) > WILD for one in evidence.facts.inputs
    )


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

    A layer that begins with zeros, as biases or a zero-initialised branch do, leaps infinitely far
    and means no harm: layers whose kernel has no spread before training are left out.
    """
    spread = {one.name for one in evidence.weighted_layers if one.kernel_deviation > 0}
    limit = EARLY * (evidence.facts.planned_steps or 1000)
    leaps = [
        (signs.update, name, check.step)
        for check in evidence.checks
        if check.step <= max(limit, 10)
        for name, signs in check.layers.items()
        if signs.update is not None and name in spread
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
    """Say whether pre-activations are huge before the first step: then no rate is to blame.

    Args:
        evidence: what was seen.
        deviation: of the pre-activations, from which on it is huge.
    """
    first = evidence.checks[0].layers.values() if evidence.checks else ()
    return any(one.deviation is not None and not one.deviation <= deviation for one in first)
