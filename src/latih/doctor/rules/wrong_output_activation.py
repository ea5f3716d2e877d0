"""An output activation that cannot give what the targets or the loss ask for."""

import math
from collections.abc import Iterator, Mapping

from latih.doctor.evidence import Evidence
from latih.doctor.expectations import (
    BINARY,
    CATEGORICAL,
    DISTANCES,
    RANGES,
    SPARSE,
    beside_unit_interval,
    is_linear,
    leaves_unit_interval,
    loss_of,
    out_of_reach,
    takes_probabilities,
    was_measured,
)
from latih.doctor.fact_records import OutputFacts
from latih.doctor.finding import Measured, Sign
from latih.doctor.rule import rule
from latih.doctor.words import Words

UNITS = Words("units that share a softmax", "unit yang berbagi softmax")
BEYOND = Words(
    "share of targets outside the activation's range", "bagian target di luar jangkauan aktivasi"
)
COST = Words(
    "share of the targets' variance out of reach", "bagian ragam target yang tak terjangkau"
)
LOWEST = Words("smallest probability that it can give", "peluang terkecil yang dapat diberikan")
SPAN = Words("range of the scores", "rentang skor")
LEAST = Words("smallest output", "keluaran terkecil")
SUMS = Words("distance of a row's sum from 1", "jarak jumlah satu baris dari 1")
COLUMNS = Words(
    "distance of a column's sum over the batch from 1", "jarak jumlah satu kolom sebatch dari 1"
)
TOGETHER = Words("classes that a target holds at once", "kelas yang dimuat satu target sekaligus")

HALF = {"relu", "relu6", "softplus", "squareplus", "exponential"}
"""Give no negative score: a sigmoid on top never falls below 1/2."""

NARROW = {"sigmoid", "hard_sigmoid", "tanh", "hard_tanh", "softsign"}
"""Give scores within 2 of each other: a softmax on top is never sure."""


@rule(
    code="wrong-output-activation",
    name=Words("Wrong output activation", "Aktivasi keluaran salah"),
    cause=Words(
        "the output's activation cannot give the numbers that targets and loss ask for",
        "aktivasi keluaran tidak dapat memberi nilai yang diminta target dan loss",
    ),
    doubt=Words(
        "the loss is your own and turns the outputs into what it needs",
        "loss buatan sendiri mengubah keluaran menjadi nilai yang dibutuhkannya",
    ),
    remedies=["output-and-loss", "scale-targets"],
    thresholds={
        "units": 2,
        "beyond": 0.05,
        "cost": 0.1,
        "sums": 0.01,
        "batch": 1e-3,
        "together": 0.2,
        "enough": 0.5,
    },
    source="NeuraLint, TOSEM 2021 (rules of last layer and loss); AutoTrainer, TDSC 2024 (improper "
    "output activation: row sums over 1.1); TheDeepChecker, TOSEM 2022",
)
def wrong_output_activation(evidence: Evidence, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Hold the activation's range beside the targets, the loss and the measured outputs."""
    for output in evidence.facts.outputs:
        if output.activation == "softmax" and output.width < thresholds["units"]:
            told = Measured(UNITS, output.width, "<", thresholds["units"])
            yield Sign("fault", 0.98, [told], output.name)
            continue
        yield from _reach(evidence, output, thresholds)
        yield from _domain(evidence, output, thresholds)
        yield from _scores(evidence, output)
        yield from _rows(evidence, output, thresholds)
        yield from _several_at_once(evidence, output, thresholds)


def _reach(
    evidence: Evidence, output: OutputFacts, thresholds: Mapping[str, float]
) -> Iterator[Sign]:
    """Look for targets that the activation cannot give."""
    loss = loss_of(output)
    own = loss == "?" and output.task == "regression"
    if not output.finite or not (loss in DISTANCES or own) or output.least == output.most:
        return
    share, cost = out_of_reach(output)
    if not share > thresholds["beyond"]:
        return
    told = [
        Measured(BEYOND, share, ">", thresholds["beyond"]),
        Measured(COST, cost, ">", thresholds["cost"]),
    ]
    impossible = cost > thresholds["cost"] and not own
    if impossible or evidence.is_failing():
        yield Sign("fault", 0.95 if impossible else 0.7, told, output.name)
    else:
        yield Sign("advice", 0.6, told, output.name)


def _domain(
    evidence: Evidence, output: OutputFacts, thresholds: Mapping[str, float]
) -> Iterator[Sign]:
    """Look for an activation that gives no probabilities under a loss that takes logarithms.

    No activation at all is a matter of the loss, which may be told to take scores.
    """
    low, high = RANGES.get(output.activation or "linear", (-math.inf, math.inf))
    if output.activation == "?" or is_linear(output.activation):
        return
    if loss_of(output) == "poisson" and low < 0:
        told = Measured(LEAST, output.output_least, "<", 0.0)
        failing = output.output_least < 0 or evidence.is_failing()
        yield Sign("fault" if failing else "advice", 0.8, [told], output.name)
    if not takes_probabilities(output) or (low >= 0 and high <= 1):
        return
    told = beside_unit_interval(output)
    # Divided by their sum, positive scores are probabilities: exp(x) is a softmax indeed.
    divided = loss_of(output) in SPARSE | CATEGORICAL - {"kl_divergence"}
    harmless = divided and output.activation in ("exponential", "softplus", "squareplus")
    if harmless and not evidence.is_failing():
        yield Sign("advice", 0.5, told, output.name)
    else:
        yield Sign("fault", 0.6 if harmless else 0.92, told, output.name)


def _scores(evidence: Evidence, output: OutputFacts) -> Iterator[Sign]:
    """Look for scores that are bent before a loss that bends them itself."""
    if not output.from_logits or output.activation not in HALF | NARROW - {"sigmoid"}:
        return
    loss = loss_of(output)
    if loss in BINARY and output.activation in HALF:
        yield Sign("fault", 0.95, [Measured(LOWEST, 0.5, ">", 0.0)], output.name)
    elif loss in BINARY | SPARSE | CATEGORICAL:
        low, high = RANGES[output.activation or ""]
        told = Measured(SPAN, high - low)
        failing = evidence.is_failing()
        yield Sign("fault" if failing else "advice", 0.6, [told], output.name)


def _rows(
    evidence: Evidence, output: OutputFacts, thresholds: Mapping[str, float]
) -> Iterator[Sign]:
    """Look for rows that are no distribution though the loss takes exclusive classes."""
    # Sums that are no number say nothing of the activation: what came before it overflowed.
    if output.width < 2 or not was_measured(output) or not output.sums > thresholds["sums"]:
        return
    told = [Measured(SUMS, output.sums, ">", thresholds["sums"])]
    within = not leaves_unit_interval(output)
    if within and output.column_sums < thresholds["batch"]:
        told.append(Measured(COLUMNS, output.column_sums, "<", thresholds["batch"]))
        yield Sign("fault", 0.97, told, output.name)
    elif output.activation == "softmax":
        yield Sign("fault", 0.95, told, output.name)
    elif within and takes_probabilities(output) and loss_of(output) in SPARSE | CATEGORICAL:
        # Sigmoids that the loss divides by their sum train, if all else is well: published controls
        # have them, as sick programs do, and only what comes of it tells them apart.
        weak = evidence.is_failing() or evidence.ends_below(thresholds["enough"])
        yield Sign("fault" if weak else "advice", 0.5, told, output.name)


def _several_at_once(
    evidence: Evidence, output: OutputFacts, thresholds: Mapping[str, float]
) -> Iterator[Sign]:
    """Look for targets of several classes at once, or none, under a softmax, which has one."""
    if output.activation != "softmax" or output.task != "multi-label":
        return
    together = output.mean * output.width
    told = Measured(TOGETHER, together, ">", 1 + thresholds["together"])
    if together > 1 + thresholds["together"]:
        yield Sign("fault", 0.85, [told], output.name)
    elif evidence.is_failing():
        yield Sign("fault", 0.6, [Measured(TOGETHER, together)], output.name)
    else:
        yield Sign("advice", 0.6, [Measured(TOGETHER, together)], output.name)
