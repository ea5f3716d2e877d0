"""Targets that the loss or the outputs cannot mean: outside the classes, of the wrong shape."""

import math
from collections.abc import Iterator, Mapping

from latih.doctor.evidence import Evidence
from latih.doctor.expectations import BINARY, CATEGORICAL, DISTANCES, SPARSE, loss_of
from latih.doctor.fact_records import OutputFacts
from latih.doctor.finding import Measured, Sign
from latih.doctor.rule import rule
from latih.doctor.words import Words

LEAST = Words("smallest target", "target terkecil")
MOST = Words("largest target", "target terbesar")
NAMED = Words("classes that the targets name", "kelas yang disebut target")
PRESENT = Words("classes among the targets", "kelas di antara target")
DEVIATION = Words("deviation of the targets", "simpangan baku target")
RATIO = Words(
    "loss with the targets in the outputs' shape, changed by a factor of",
    "loss bila target dibentuk seperti keluaran, berubah dengan faktor",
)
DIMENSIONS = Words("dimensions of an output", "dimensi satu keluaran")
COLUMNS = Words("numbers of an output for each target", "angka keluaran untuk tiap target")

SCALED = ("map-labels", "scale-targets", "output-and-loss")
"""What helps where classes were scaled as the inputs were."""


@rule(
    code="label-range",
    name=Words("Targets that cannot be meant", "Target di luar jangkauan"),
    cause=Words(
        "the targets are no classes 0..K-1, only one class, or have another shape than the outputs",
        "target bukan kelas 0..K-1, hanya satu kelas, atau bentuknya lain daripada keluaran",
    ),
    doubt=Words(
        "the loss is your own and reads these targets as they are, or the rows that were looked at "
        "are not like the others",
        "loss buatan sendiri memang membaca target seperti ini, atau baris yang diperiksa tidak "
        "seperti baris lainnya",
    ),
    remedies=["map-labels", "output-and-loss"],
    thresholds={"classes": 2, "broadcast": 1e-3, "slack": 1e-6, "half": 0.5},
    source="Islam et al. 2019, 'A comprehensive study on deep learning bug characteristics'; "
    "TheDeepChecker, TOSEM 2022 (checks of labels); NumPy's rules of broadcasting",
)
def label_range(evidence: Evidence, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Compare targets with what the loss takes; only certain contradictions are faults."""
    for output in evidence.facts.outputs:
        if not output.finite:
            continue
        yield from _range(output, thresholds)
        yield from _scaled(output, thresholds)
        yield from _counted_from_one(evidence, output)
        yield from _constant(evidence, output, thresholds)
        yield from _shape(evidence, output, thresholds)


def _range(output: OutputFacts, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Look for class numbers that are none, and for targets that are no probabilities."""
    slack, loss = thresholds["slack"], loss_of(output)
    if loss in SPARSE and output.width > 1:
        within = 0 <= output.least and output.most < output.width
        if within and output.task == "regression" and not output.is_whole:
            yield Sign("fault", 0.97, [Measured(NAMED, 0, "<", 1)], output.name)
        yield from _beyond(output, 0.0, output.width - 1.0, 0.98, slack)
    elif loss in BINARY | CATEGORICAL and (output.task != "regression" or output.is_whole):
        # Whole numbers are classes by a wrong name; other numbers want another loss.
        yield from _beyond(output, 0.0, 1.0, 0.95, slack)


def _scaled(output: OutputFacts, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Look for yes and no that were scaled as the inputs were: both below a half, which is no.

    Shares between 0 and 1 may well be small, but have more than two values.
    """
    ends, seen = (output.least, output.most), output.quantiles
    two = len(seen) > 1 and seen[-2] == output.most and all(one in ends for one in seen)
    if loss_of(output) in BINARY | CATEGORICAL and two and output.least < output.most:
        if 0 <= output.least and output.most < thresholds["half"]:
            told = Measured(MOST, output.most, "<", thresholds["half"])
            yield Sign("fault", 0.93, [told], output.name, remedies=SCALED)


def _counted_from_one(evidence: Evidence, output: OutputFacts) -> Iterator[Sign]:
    """Look for classes 1..K under K + 1 units: the first of them is never right.

    It harms only whoever reads the classes' names: a note.
    """
    is_all = not evidence.facts.is_sampled
    if loss_of(output) in SPARSE and output.task == "multi-class" and is_all:
        first, *others = output.counts or (0,)
        is_next = output.least == 1 and output.most == output.width - 1
        if is_next and not first and others and all(others):
            told = Measured(LEAST, output.least, ">", 0.0)
            yield Sign("note", 0.6, [told], output.name, remedies=("map-labels",))


def _beyond(
    output: OutputFacts, low: float, high: float, probability: float, slack: float
) -> Iterator[Sign]:
    told: list[Measured] = []
    if output.least < low - slack:
        told.append(Measured(LEAST, output.least, "<", low))
    if output.most > high + slack:
        told.append(Measured(MOST, output.most, ">", high))
    if told:
        yield Sign("fault", probability, told, output.name)


def _constant(
    evidence: Evidence, output: OutputFacts, thresholds: Mapping[str, float]
) -> Iterator[Sign]:
    """Look for targets that are all alike: there is nothing to tell apart.

    The first batch of a stream that is sorted has one class, too, and proves less.
    """
    severity = "advice" if evidence.facts.is_sampled else "fault"
    present = sum(count > 0 for count in output.counts)
    exclusive = output.task in ("binary", "multi-class")
    if exclusive and 0 < present < thresholds["classes"] and sum(output.counts) > 1:
        told = Measured(PRESENT, present, "<", thresholds["classes"])
        yield Sign(severity, 0.9, [told], output.name)
    elif output.task == "regression" and output.deviation == 0:
        yield Sign(severity, 0.9, [Measured(DEVIATION, 0.0)], output.name)


def _shape(
    evidence: Evidence, output: OutputFacts, thresholds: Mapping[str, float]
) -> Iterator[Sign]:
    """Look for targets that are compared with every output, or every example, by broadcasting."""
    if math.isfinite(output.reshaped_loss) and math.isfinite(output.first_loss):
        # Measured: the loss is another as soon as each target stands beside its own output.
        scale = abs(output.first_loss) or 1.0
        off = abs(output.reshaped_loss - output.first_loss) / scale
        if off > thresholds["broadcast"]:
            factor = output.reshaped_loss / (output.first_loss or math.inf)
            yield Sign("fault", 0.95, [Measured(RATIO, factor)], output.name)
        return
    each = output.target_shape and output.target_shape[-1] == 1
    if loss_of(output) in DISTANCES | BINARY and each and output.width > 1:
        shape = output.output_shape
        if shape is None or len(shape) == len(output.target_shape):
            yield Sign("fault", 0.9, [Measured(COLUMNS, output.width, ">", 1.0)], output.name)
    elif output.loss == "?" and output.target_shape == () and output.output_shape == (1,):
        severity = "fault" if evidence.is_failing() else "advice"
        told = Measured(DIMENSIONS, 1.0, ">", 0.0)
        yield Sign(severity, 0.7, [told], output.name)
