"""Weights that begin alike, or so large or small that a signal is lost on its way through."""

import math
from collections.abc import Iterator, Mapping

from latih.doctor.evidence import Evidence
from latih.doctor.fact_records import LayerFacts
from latih.doctor.finding import Measured, Sign
from latih.doctor.rule import rule
from latih.doctor.words import Words

IDENTICAL = Words("share of units that equal another", "bagian unit yang kembar")
RATIO = Words(
    "deviation of the weights over what keeps the signal's scale",
    "simpangan bobot dibanding nilai yang menjaga skala sinyal",
)
PRODUCT = Words("product of these ratios over the layers", "hasil kali rasio itu sepanjang lapisan")
FIRST = Words(
    "first loss over that of the best constant prediction",
    "loss pertama dibanding prediksi konstan terbaik",
)

SCALED = ("glorot", "he_", "lecun", "variance_scaling", "orthogonal", "lsuv", "identity")
"""Initialisers that reckon with the layer's width: thinly spread where there are many units."""

RECTIFIERS = {"relu", "relu6"}
"""Let half of the variance through."""


@rule(
    code="bad-initialisation",
    name=Words("Bad initialisation", "Inisialisasi buruk"),
    cause=Words(
        "the first weights are alike, or make signals and gradients grow or shrink by the layer",
        "bobot awal seragam, atau membuat sinyal dan gradien membesar atau mengecil tiap lapisan",
    ),
    doubt=Words(
        "the layer is a branch that is to begin at zero, or the same net fails with He or Glorot",
        "lapisan itu cabang yang memang bermula dari nol, atau jaringan tetap gagal dengan He "
        "atau Glorot",
    ),
    remedies=["initialise", "batch-normalisation", "selu"],
    thresholds={
        "identical": 0.5,
        "least": 0.2,
        "most": 5.0,
        "smallest": 1e-3,
        "greatest": 1e2,
        "first": 3.0,
        "skill": 0.5,
    },
    source="Glorot & Bengio 2010, equations 10-12; He et al. 2015, equation 10; SageMaker "
    "Debugger, PoorWeightInitialization; NeuraLint, TOSEM 2021 (constant initialisation)",
)
def bad_initialisation(evidence: Evidence, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Look at the weights before training; scale is judged by the outcome, sameness is not."""
    yield from _alike(evidence, thresholds)
    yield from _scale(evidence, thresholds)


def _hidden(evidence: Evidence) -> list[LayerFacts]:
    """Return the layers whose units could mirror each other."""
    return [
        one
        for one in evidence.weighted_layers
        if not one.is_output and not one.is_normalization and one.kind != "Embedding"
    ]


def _alike(evidence: Evidence, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Look for units with equal weights: with equal gradients they stay one unit for ever."""
    hidden = _hidden(evidence)
    alike = [one for one in hidden if one.identical_units > thresholds["identical"]]
    for one in alike:
        told = [Measured(IDENTICAL, one.identical_units, ">", thresholds["identical"])]
        # A single layer of zeros may end a branch that is added to another, and then is meant.
        meant = one.initializer == "zeros" and len(alike) <= len(hidden) / 2
        if not meant or evidence.is_failing():
            yield Sign("fault", 0.6 if meant else 0.95, told, one.name)
        else:
            yield Sign("advice", 0.4, told, one.name)


def _scale(evidence: Evidence, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Look for weights far from ``√(gain / fan_in)``, in one layer or multiplied over several."""
    name, told = _mechanism(evidence, thresholds)
    if not told:
        return
    extra = _first_loss(evidence, thresholds)
    if evidence.is_failing():
        yield Sign("fault", 0.85 if len(told) > 1 else 0.75, [*told, *extra], name, evidence.steps)
    elif extra and not evidence.skill > thresholds["skill"]:
        yield Sign("fault", 0.6, [*told, *extra], name)
    else:
        yield Sign("advice", 0.4, told, name)


def _mechanism(
    evidence: Evidence, thresholds: Mapping[str, float]
) -> tuple[str | None, list[Measured]]:
    """Return the layer that is farthest off, and the ratios out of bounds."""
    hidden = {one.name for one in _hidden(evidence)}
    worst, farthest, product, extreme = "", 1.0, 1.0, 1.0
    for one in evidence.facts.layers:
        if one.is_normalization:
            product = 1.0  # what follows begins with a new scale
        if one.name not in hidden or not one.kernel_deviation > 0:
            continue
        ratio = _ratio(one)
        if abs(math.log(ratio)) > abs(math.log(farthest)):
            worst, farthest = one.name, ratio
        product *= ratio
        if abs(math.log(product)) > abs(math.log(extreme)):
            extreme = product
    told: list[Measured] = []
    if farthest > thresholds["most"]:
        told.append(Measured(RATIO, farthest, ">", thresholds["most"]))
    elif farthest < thresholds["least"]:
        told.append(Measured(RATIO, farthest, "<", thresholds["least"]))
    if extreme > thresholds["greatest"]:
        told.append(Measured(PRODUCT, extreme, ">", thresholds["greatest"]))
    elif extreme < thresholds["smallest"]:
        told.append(Measured(PRODUCT, extreme, "<", thresholds["smallest"]))
    return worst or None, told


def _ratio(one: LayerFacts) -> float:
    """Return how many times too far the weights are spread; 1 is He's spread, or LeCun's.

    Between the two all is well, but under ReLU LeCun's loses half of the variance, which adds up.
    An initialiser that reckons with the width gives less where a layer widens, and means it.
    """
    he, lecun = math.sqrt(2 / one.fan_in), math.sqrt(1 / one.fan_in)
    if one.kernel_deviation > he:
        return one.kernel_deviation / he
    needed = he if one.activation in RECTIFIERS else lecun
    ratio = min(one.kernel_deviation / needed, 1.0)
    scaled = (one.initializer or "").startswith(SCALED)
    return max(ratio, math.sqrt(1 / 2)) if scaled else ratio


def _first_loss(evidence: Evidence, thresholds: Mapping[str, float]) -> list[Measured]:
    """Return the first loss of the classes if it is far above chance: a net sure of nothing yet.

    A regression's first loss tells more of its targets than of the weights.
    """
    told: list[Measured] = []
    for output in evidence.facts.outputs:
        known = output.task != "regression" and output.trivial_loss > 0
        ratio = output.first_loss / output.trivial_loss if known else math.nan
        if ratio > thresholds["first"]:
            told.append(Measured(FIRST, ratio, ">", thresholds["first"]))
    return told
