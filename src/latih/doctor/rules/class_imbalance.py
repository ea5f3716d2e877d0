"""Some classes are so rare that always answering with the frequent ones looks good."""

import math
from collections.abc import Iterator, Mapping

from latih.doctor.curves import finite, last
from latih.doctor.evidence import Evidence
from latih.doctor.fact_records import OutputFacts
from latih.doctor.finding import Measured, Sign
from latih.doctor.rule import rule
from latih.doctor.words import Words

RATIO = Words("examples of the most frequent class for each of the rarest", "rasio kelas terbanyak")
BALANCED = Words(
    "accuracy balanced by class, as a share of the plain accuracy",
    "akurasi seimbang per kelas, sebagai bagian dari akurasi biasa",
)
GAP = Words(
    "accuracy in training over that on the rows held back, difference",
    "selisih akurasi latihan dan validasi",
)
ACCURACIES = (
    "accuracy",
    "acc",
    "sparse_categorical_accuracy",
    "categorical_accuracy",
    "binary_accuracy",
)
"""The keys under which it is logged how often an answer is right."""


@rule(
    code="class-imbalance",
    name=Words("Unbalanced classes", "Kelas tidak seimbang"),
    cause=Words(
        "the rare classes weigh so little in the loss that the net passes them over",
        "kelas yang jarang berbobot sangat kecil dalam loss sehingga diabaikan jaringan",
    ),
    doubt=Words(
        "the rare classes cannot be told from the inputs at all, or do not matter to you",
        "kelas yang jarang memang tidak dapat dikenali dari masukan, atau tidak penting bagi Anda",
    ),
    remedies=["class-weights", "smaller-batch"],
    thresholds={"ratio": 10.0, "extreme": 50.0, "balanced": 0.6, "after": 0.3, "gap": 0.05},
    source="SageMaker Debugger, ClassImbalance; Buda et al. 2018, 'A systematic study of the class "
    "imbalance problem in convolutional neural networks'",
)
def class_imbalance(evidence: Evidence, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Compare the balanced accuracy with the plain one where the counts are far apart.

    With several outputs the accuracies are means over them, and tell of no single one.
    """
    for output in evidence.facts.outputs:
        ratio = _ratio(output)
        if not ratio > thresholds["ratio"]:
            continue
        told = [Measured(RATIO, ratio, ">", thresholds["ratio"])]
        shares = _balanced_shares(evidence, output) if len(evidence.facts.outputs) == 1 else []
        passed_over = (
            len(shares) >= 3
            and evidence.progress >= thresholds["after"]
            and all(share < thresholds["balanced"] for share in shares[-3:])
        )
        if passed_over:
            told.append(Measured(BALANCED, shares[-1], "<", thresholds["balanced"]))
            yield Sign("fault", _probability(evidence, output), told, output.name, evidence.steps)
        elif ratio > thresholds["extreme"] and not evidence.facts.weighted:
            told = [Measured(RATIO, ratio, ">", thresholds["extreme"])]
            gap = _gap(evidence) if evidence.ended else 0.0
            if gap > thresholds["gap"]:
                told.append(Measured(GAP, gap, ">", thresholds["gap"]))
                yield Sign("fault", 0.6, told, output.name, evidence.steps)
            else:
                yield Sign("advice", 0.4, told, output.name)


def _gap(evidence: Evidence) -> float:
    """Return how much worse the rows held back are answered, in the median of the last epochs."""
    gaps = [
        logs[key] - logs[f"val_{key}"]
        for logs in evidence.epochs[-3:]
        for key in ACCURACIES
        if key in logs and f"val_{key}" in logs
    ]
    return last(finite(gaps)) if gaps else 0.0


def _probability(evidence: Evidence, output: OutputFacts) -> float:
    """Return how surely the counts explain it: most where the frequent classes were learned.

    Where nothing was learned, or the classes are weighted already, other causes remain.
    """
    if evidence.facts.weighted:
        return 0.4
    accuracy = evidence.checks[-1].accuracy or 0.0
    return 0.85 if accuracy > output.trivial_score + 0.02 else 0.7


def _ratio(output: OutputFacts) -> float:
    """Return how many examples the most frequent class has for each of the rarest that occurs."""
    present = [count for count in output.counts if count > 0]
    if output.task not in ("binary", "multi-class") or len(present) < 2:
        return 1.0
    return max(present) / min(present)


def _balanced_shares(evidence: Evidence, output: OutputFacts) -> list[float]:
    """Return balanced over plain accuracy in each check; of skill s it is ``s + (1 - s)/K``."""
    classes = sum(count > 0 for count in output.counts)
    return [
        (check.skill + (1 - check.skill) / classes) / check.accuracy
        for check in evidence.checks
        if check.accuracy and math.isfinite(check.skill)
    ]
