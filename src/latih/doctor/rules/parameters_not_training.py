"""Weights that are to be trained and never move."""

from collections.abc import Iterator, Mapping, Sequence

from latih.doctor.causes import explodes_at_once
from latih.doctor.curves import finite
from latih.doctor.evidence import Evidence
from latih.doctor.fact_records import LayerFacts
from latih.doctor.finding import Measured, Sign
from latih.doctor.look_records import Check
from latih.doctor.rule import rule
from latih.doctor.words import Words

WEIGHTS = Words("weights that may be trained", "bobot yang boleh dilatih")
FROZEN = Words("weights that are frozen", "bobot yang dibekukan")
STILL = Words("checks in which nothing moved", "pemeriksaan tanpa perubahan bobot")
RATE = Words("largest learning rate", "laju belajar terbesar")
GRADIENT = Words("largest norm of the gradient", "norma gradien terbesar")
LAYER_GRADIENT = Words("largest gradient of the layer", "gradien terbesar lapisan")
DUE = Words("update that its gradient calls for", "perubahan yang diminta gradiennya")


@rule(
    code="parameters-not-training",
    name=Words("Weights that do not train", "Bobot yang tidak terlatih"),
    cause=Words(
        "no gradient reaches the weights, the optimizer does not hold them, or the rate is 0",
        "gradien tidak sampai ke bobot, optimizer tidak memegangnya, atau laju belajarnya 0",
    ),
    doubt=Words(
        "the layer has no part in this loss on purpose, or will be unfrozen later",
        "lapisan itu memang tidak ikut dalam loss ini, atau akan dilatih kemudian",
    ),
    remedies=["unfreeze", "raise-learning-rate", "initialise"],
    thresholds={"checks": 3, "due": 1e-6, "dead": 0.99},
    source="Humbatova et al. 2020, 'Taxonomy of real faults in deep learning systems' (training "
    "process); TrainCheck, OSDI 2025; DeepLocalize, ICSE 2021 (unchanged tensors)",
)
def parameters_not_training(evidence: Evidence, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Look for layers whose update was exactly 0 in every check, and ask the gradient why."""
    layers = evidence.facts.layers
    frozen = sum(one.frozen for one in layers)
    trainable = [one for one in layers if one.weights]
    if frozen and not trainable:
        told = [Measured(WEIGHTS, 0.0, "<", 1.0), Measured(FROZEN, frozen)]
        yield Sign("fault", 0.95, told)
        return
    still = [one for one in trainable if _is_still(evidence, one, thresholds)]
    if not still:
        return
    moving = [one for one in trainable if any(update for update in _updates(evidence, one))]
    if moving:
        for one in still:
            yield from _layer(evidence, one, thresholds)
    elif len(still) == sum(bool(_updates(evidence, one)) for one in trainable):
        yield from _whole(evidence, thresholds)


def _updates(evidence: Evidence, one: LayerFacts) -> list[float]:
    return [value for step, value in evidence.series(one.name, "update") if step > 0]


def _is_still(evidence: Evidence, one: LayerFacts, thresholds: Mapping[str, float]) -> bool:
    """Say whether it never moved; one that came to rest, as at the end of a schedule, did."""
    updates = _updates(evidence, one)
    return len(updates) >= thresholds["checks"] and not any(updates)


def _whole(evidence: Evidence, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Tell of a net in which nothing moves."""
    checks = [check for check in evidence.checks if check.step > 0]
    rates = finite(check.learning_rate for check in checks)
    norms = finite(check.gradient_norm for check in checks)
    told = [Measured(STILL, len(checks), ">", thresholds["checks"] - 1)]
    if norms:
        told.append(Measured(GRADIENT, max(norms)))
    if rates:
        told.append(Measured(RATE, max(rates)))
    step = checks[0].step
    if rates and max(rates) == 0:
        yield Sign("fault", 0.97, told, None, step)
    elif norms and max(norms) > 0:
        # A gradient that is too small to change any digit of a weight is a vanishing one.
        due = _due(evidence, [one.name for one in evidence.facts.layers])
        yield Sign("fault", 0.95 if due > thresholds["due"] else 0.3, told, None, step)
    else:
        # Dead units, an output that never changes, or one that overflowed stop the gradient too.
        dead = _is_dead(checks, thresholds) or explodes_at_once(evidence)
        other = dead or _is_constant(evidence)
        yield Sign("fault", 0.4 if other else 0.85, told, None, step)


def _layer(evidence: Evidence, one: LayerFacts, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Tell of one layer that stands still while others move.

    An output that stands still may be one that has no loss, as it is there to be looked at.
    """
    severity = "advice" if one.is_output else "fault"
    gradients = [value for step, value in evidence.series(one.name, "gradient") if step > 0]
    largest = max(gradients, default=0.0)
    due = _due(evidence, [one.name])
    checks = [check for check in evidence.checks if check.step > 0]
    told = [
        Measured(STILL, len(_updates(evidence, one)), ">", thresholds["checks"] - 1),
        Measured(LAYER_GRADIENT, largest),
    ]
    if largest > 0:
        if due > thresholds["due"]:
            told.append(Measured(DUE, due, ">", thresholds["due"]))
            yield Sign(severity, 0.9, told, one.name, checks[0].step)
    elif not _is_dead(checks, thresholds):
        yield Sign(severity, 0.88, told, one.name, checks[0].step)


def _due(evidence: Evidence, names: Sequence[str]) -> float:
    """Return the largest ``|Δθ| / |θ|`` that plain descent would make of the gradients seen."""
    dues = [
        check.learning_rate * signs.gradient / (signs.weight or 1.0)
        for check in evidence.checks
        for name, signs in check.layers.items()
        if name in names and signs.gradient is not None
    ]
    return max(finite(dues), default=0.0)


def _is_dead(checks: Sequence[Check], thresholds: Mapping[str, float]) -> bool:
    """Say whether units that are silent on every row may be what stops the gradient."""
    return any(
        (signs.silent or 0.0) > thresholds["dead"] or not signs.finite
        for signs in checks[-1].layers.values()
    )


def _is_constant(evidence: Evidence) -> bool:
    """Say whether an output gives the same whatever its weights are."""
    return any(
        output.activation == "softmax" and output.width == 1 for output in evidence.facts.outputs
    )
