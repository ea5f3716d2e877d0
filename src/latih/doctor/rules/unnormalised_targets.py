"""Targets of a regression so large, or so small, that the net must first find their scale."""

import math
from collections.abc import Iterator, Mapping

from latih.doctor.evidence import Evidence
from latih.doctor.fact_records import OutputFacts
from latih.doctor.finding import Measured, Sign
from latih.doctor.rule import rule
from latih.doctor.words import Words

DEVIATION = Words("deviation of the targets", "simpangan baku target")
MEAN = Words("absolute mean of the targets", "nilai mutlak rata-rata target")
FIRST = Words(
    "first loss over that of the best constant prediction",
    "loss pertama dibanding prediksi konstan terbaik",
)
WASTED = Words(
    "share of the training until better than a constant",
    "bagian latihan sebelum lebih baik daripada konstanta",
)


@rule(
    code="unnormalised-targets",
    name=Words("Targets not normalised", "Target belum dinormalisasi"),
    cause=Words(
        "the targets' mean or deviation is far from 0 and 1, where a new net's outputs are",
        "rata-rata atau simpangan target jauh dari 0 dan 1, tempat keluaran jaringan baru berada",
    ),
    doubt=Words(
        "the output layer is made for this scale, or the same net learns as little on scaled ones",
        "lapisan keluaran memang dibuat untuk skala ini, atau jaringan tetap gagal setelah target "
        "diskalakan",
    ),
    remedies=["scale-targets", "lower-learning-rate"],
    thresholds={"deviation": 10.0, "mean": 10.0, "tiny": 0.01, "first": 3.0, "wasted": 0.2},
    source="LeCun et al. 1998, 'Efficient BackProp', section 4.5; TheDeepChecker, TOSEM 2022 "
    "(over-scaled outputs; initial loss over the targets' variance)",
)
def unnormalised_targets(evidence: Evidence, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Judge the scale of the targets by how long the net was, or is, worse than a constant."""
    for output in evidence.facts.outputs:
        if output.task != "regression" or not output.finite:
            continue
        told, probability = _mechanism(output, thresholds)
        if not told:
            continue
        wasted = _wasted(evidence) if len(evidence.facts.outputs) == 1 else 0.0
        if evidence.is_failing():
            yield Sign("fault", probability, told, output.name, evidence.steps)
        elif wasted > thresholds["wasted"]:
            told.append(Measured(WASTED, wasted, ">", thresholds["wasted"]))
            yield Sign("fault", 0.8 * probability, told, output.name, evidence.steps)
        else:
            yield Sign("advice", 0.4, told, output.name)


def _mechanism(
    output: OutputFacts, thresholds: Mapping[str, float]
) -> tuple[list[Measured], float]:
    """Return what is far from the outputs of a new net, and how surely that explains a failure."""
    known = math.isfinite(output.first_loss) and output.trivial_loss > 0
    first = output.first_loss / output.trivial_loss if known else math.nan
    far = not first <= thresholds["first"]
    told: list[Measured] = []
    if output.deviation > thresholds["deviation"]:
        told.append(Measured(DEVIATION, output.deviation, ">", thresholds["deviation"]))
    elif 0 < output.deviation < thresholds["tiny"] and known and far:
        told.append(Measured(DEVIATION, output.deviation, "<", thresholds["tiny"]))
    if abs(output.mean) > thresholds["mean"] and far:
        told.append(Measured(MEAN, abs(output.mean), ">", thresholds["mean"]))
    if told and known and far:
        told.append(Measured(FIRST, first, ">", thresholds["first"]))
    return told, 0.85 if far else 0.6


def _wasted(evidence: Evidence) -> float:
    """Return the share of the planned training that passed before the skill came above 0.

    0.0 for fewer than three checks in that time: one bad check is noise.
    """
    planned = evidence.facts.planned_steps or evidence.steps
    below = 0
    for check in evidence.checks:
        if check.skill > 0:
            return check.step / planned if below >= 3 and planned else 0.0
        below += 1
    return 0.0
