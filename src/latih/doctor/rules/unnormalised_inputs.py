"""Inputs whose scale the first layer's weights were not initialised for."""

from collections.abc import Iterator, Mapping

from latih.doctor.evidence import Evidence
from latih.doctor.fact_records import InputFacts
from latih.doctor.finding import Measured, Sign
from latih.doctor.rule import rule
from latih.doctor.terms import SKILL
from latih.doctor.words import Words

DEVIATION = Words("deviation of the inputs", "simpangan baku masukan")
MEAN = Words(
    "largest mean of a feature in its deviations", "rata-rata fitur terbesar dalam simpangannya"
)
LARGEST = Words("largest absolute input", "nilai mutlak masukan terbesar")
RATIO = Words(
    "largest deviation of a feature over the smallest",
    "rasio simpangan fitur terbesar dan terkecil",
)
CONSTANT = Words("share of features that never change", "bagian fitur yang tidak pernah berubah")
DEAD = Words("largest share of dead or saturated units", "bagian terbesar unit mati atau jenuh")


@rule(
    code="unnormalised-inputs",
    name=Words("Inputs not normalised", "Masukan belum dinormalisasi"),
    cause=Words(
        "the inputs' mean or deviation is far from 0 and 1, for which the weights are initialised",
        "rata-rata atau simpangan masukan jauh dari 0 dan 1, padahal inisialisasi bobot "
        "mengandaikannya",
    ),
    doubt=Words(
        "a layer of your own scales the inputs, or the same net learns as little on scaled ones",
        "lapisan buatan sendiri sudah menskalakan masukan, atau jaringan tetap gagal setelah "
        "masukan diskalakan",
    ),
    remedies=["scale-inputs", "batch-normalisation", "lower-learning-rate"],
    thresholds={
        "deviation": 10.0,
        "huge": 30.0,
        "tiny": 0.01,
        "mean": 5.0,
        "largest": 10.0,
        "ratio": 100.0,
        "constant": 0.999,
        "dead": 0.5,
        "skill": 0.8,
        "fine": 0.9,
    },
    source="LeCun et al. 1998, 'Efficient BackProp', section 4.3; AutoTrainer, TDSC 2024 (abnormal "
    "data: mean output of 10 and more)",
)
def unnormalised_inputs(evidence: Evidence, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Judge the scale of each input by the outcome: some nets cope."""
    for one in evidence.facts.inputs:
        if not one.finite:
            continue
        if one.constant > thresholds["constant"]:
            told = Measured(CONSTANT, one.constant, ">", thresholds["constant"])
            yield Sign("fault", 0.97, [told], one.name)
        elif not one.is_scaled:
            yield from _scale(evidence, one, thresholds)


def _scale(evidence: Evidence, one: InputFacts, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    told, probability = _mechanism(one, thresholds)
    failing = evidence.is_failing()
    uneven = one.deviation_ratio > thresholds["ratio"]
    if uneven and (told or failing):
        # Alone it is no mechanism: a rare pixel varies little, and does no harm.
        told.append(Measured(RATIO, one.deviation_ratio, ">", thresholds["ratio"]))
        probability = max(probability, 0.4)
    dead = _dead(evidence)
    harmed = dead > thresholds["dead"] and not evidence.skill > thresholds["skill"]
    if not told:
        return
    if harmed:
        told.append(Measured(DEAD, dead, ">", thresholds["dead"]))
    if failing or harmed:
        yield Sign("fault", probability, told, one.name, evidence.steps)
    elif _is_far(one, thresholds) and evidence.ends_below(thresholds["fine"]):
        told.append(Measured(SKILL, evidence.skill, "<", thresholds["fine"]))
        yield Sign("fault", 0.6, told, one.name, evidence.steps)
    else:
        yield Sign("advice", 0.5, told, one.name)


def _is_far(one: InputFacts, thresholds: Mapping[str, float]) -> bool:
    """Say whether no usual preparation leaves such a scale: bytes, or what was divided twice."""
    return one.deviation > thresholds["huge"] or 0 < one.deviation < thresholds["tiny"]


def _mechanism(one: InputFacts, thresholds: Mapping[str, float]) -> tuple[list[Measured], float]:
    """Return what is far from the usual scale, and how surely that explains a bad outcome."""
    told: list[Measured] = []
    probability = 0.0
    if one.deviation > thresholds["deviation"]:
        told.append(Measured(DEVIATION, one.deviation, ">", thresholds["deviation"]))
        probability = 0.88 if one.deviation > thresholds["huge"] else 0.7
    elif 0 < one.deviation < thresholds["tiny"]:
        told.append(Measured(DEVIATION, one.deviation, "<", thresholds["tiny"]))
        probability = 0.7
    largest = max(abs(one.least), abs(one.most))
    if one.largest_mean > thresholds["mean"] and largest > thresholds["largest"]:
        told.append(Measured(MEAN, one.largest_mean, ">", thresholds["mean"]))
        told.append(Measured(LARGEST, largest, ">", thresholds["largest"]))
        probability = max(probability, 0.75)
    return told, probability


def _dead(evidence: Evidence) -> float:
    """Return the largest share of silent or saturated units that a layer kept for three checks."""
    last = evidence.checks[-3:]
    shares = [
        min(
            max(check.layers[name].silent or 0.0, check.layers[name].saturated or 0.0)
            if name in check.layers
            else 0.0
            for check in last
        )
        for name in (last[-1].layers if len(last) == 3 else ())
    ]
    return max(shares, default=0.0)
