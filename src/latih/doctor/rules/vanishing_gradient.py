"""vanishing-gradient: what the output asks for does not reach the first layers."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from statistics import median

from latih.doctor.causes import (
    gradient_flows,
    has_broken_data,
    has_dead_layer,
    silent_layers,
    was_thrown,
)
from latih.doctor.curves import PERSISTENT
from latih.doctor.evidence import Evidence
from latih.doctor.fact_records import LayerFacts
from latih.doctor.finding import Measured, Sign
from latih.doctor.rule import rule
from latih.doctor.terms import FLOW, SKILL
from latih.doctor.words import Words

SLOPE = Words(
    "decades by which the gradient shrinks a layer", "penyusutan gradien tiap lapisan (dekade)"
)
SOFTMAXES = Words("hidden layers with a softmax", "lapisan tersembunyi dengan softmax")
FLAT = ("sigmoid", "tanh", "hard_sigmoid", "hard_tanh", "softsign", "softmax")
"""Activations whose slope is below 1 nearly everywhere."""


@rule(
    code="vanishing-gradient",
    name=Words("Vanishing gradient", "Gradien menghilang"),
    cause=Words(
        "On its way back each layer multiplies the gradient with slopes and weights below 1, so "
        "that the first layers get next to nothing and stay as they were initialised.",
        "Dalam perjalanan mundur setiap lapisan mengalikan gradien dengan kemiringan dan bobot "
        "di bawah 1, sehingga lapisan pertama nyaris tidak menerima apa-apa dan tidak belajar.",
    ),
    doubt=Words(
        "If the last layer alone cannot learn either, the data or the loss are to blame.",
        "Jika lapisan terakhir saja juga tidak dapat belajar, sebabnya data atau loss.",
    ),
    remedies=("relu", "batch-normalisation", "selu", "initialise"),
    thresholds={
        "ratio": 1e-3,
        "flat_ratio": 1e-2,
        "slope": 0.3,
        "skill": 0.05,
        "poor": 0.3,
        "fine": 0.7,
        "enough": 0.95,
    },
    source="Glorot and Bengio, AISTATS 2010, section 4.2; "
    "Zhang et al., AutoTrainer, ICSE 2021, beta1 = 1e-3",
)
def vanishing_gradient(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """Find a gradient that shrinks from layer to layer in three checks running."""
    yield from _softmax_between(evidence, limit)
    layers = evidence.weighted_layers
    known = gradient_flows(evidence)
    if len(known) < PERSISTENT or evidence.not_finite or has_broken_data(evidence):
        return
    hidden = [one for one in evidence.facts.layers if not one.is_output and one.activation]
    flat = [one for one in hidden if one.activation in FLAT]
    sigmoid = len(flat) > 2 and 2 * len(flat) > len(hidden)
    recent = [flow for _, flow in known[-PERSISTENT:]]
    ratio, climb = (median(one[n] for one in recent) for n in (0, 1))
    least = limit["flat_ratio" if sigmoid else "ratio"]
    if max(one[0] for one in recent) >= least or climb < limit["slope"]:
        return
    measured = [
        Measured(FLOW, ratio, "<", least),
        Measured(SLOPE, climb, ">", limit["slope"]),
        Measured(SKILL, evidence.skill, "<", limit["skill"]),
    ]
    step = next(step for step, flow in known if flow[0] < least)
    if evidence.is_stuck(limit["skill"]):
        yield Sign("fault", _probability(evidence, ratio, sigmoid), measured, layers[0].name, step)
    elif evidence.is_poor() or evidence.ends_below(limit["poor"]):
        yield Sign("fault", 0.55, measured[:2], layers[0].name, step)
    elif evidence.skill < limit["fine"] and ratio < limit["ratio"]:
        yield Sign("advice", 0.3, measured[:2], layers[0].name, step)


def _softmax_between(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """Find hidden softmaxes: n units share one signal, of which each layer keeps about ``1/n``.

    One alone may be the weights of an attention, or gates: what comes of it decides.
    """
    layers = evidence.weighted_layers
    names = [
        one.name
        for one, after in pairwise(layers)
        if one.activation == "softmax" and not one.is_output and _feeds(one, after)
    ]
    if names:
        weak = evidence.is_failing() or evidence.ends_below(limit["enough"])
        fault = len(names) > 1 or weak
        measured = [Measured(SOFTMAXES, len(names), ">", 0.0)]
        yield Sign("fault" if fault else "advice", 0.7 if fault else 0.4, measured, names[0])


def _feeds(one: LayerFacts, after: LayerFacts) -> bool:
    """Say whether a layer takes in all that the one before gives out, at one place or several."""
    units = one.weights // (one.fan_in + 1) or 1
    return after.fan_in == units or (one.kind != "Dense" and after.fan_in % units == 0)


def _probability(evidence: Evidence, ratio: float, sigmoid: bool) -> float:
    """Return how likely the way back through the net is the reason."""
    silent = silent_layers(evidence.checks[-1], evidence.facts.layers)
    if has_dead_layer(evidence) or max(silent.values(), default=0.0) > 0.5:
        return 0.5
    if was_thrown(evidence, 1.0):
        return 0.55
    return (0.9 if ratio < 1e-3 else 0.75) if sigmoid else 0.75
