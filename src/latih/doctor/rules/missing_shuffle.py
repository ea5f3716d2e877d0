"""Examples in an order that tells the target, or inputs and targets in different orders."""

import math
from collections.abc import Iterator, Mapping
from statistics import median

from latih.doctor.causes import updates_of
from latih.doctor.evidence import Evidence
from latih.doctor.fact_records import Facts, OutputFacts
from latih.doctor.finding import Measured, Sign
from latih.doctor.rule import rule
from latih.doctor.words import Words

ORDER = Words(
    "targets equal to the one before, in deviations above chance",
    "target yang sama dengan sebelumnya, dalam simpangan baku di atas kebetulan",
)
SORTED = Words(
    "share of the order that is sorted by class", "bagian urutan yang tersortir menurut kelas"
)
TRIVIAL = Words(
    "loss over that of the best constant prediction", "loss dibanding prediksi konstan terbaik"
)
SKILL = Words("skill in training", "kemampuan pada data latih")
BATCH = Words("skill on one batch, trained on alone", "kemampuan pada satu batch yang dilatih saja")
SHUFFLED = Words(
    "skill gained over training on shuffled targets",
    "kelebihan kemampuan atas latihan dengan target teracak",
)
BEST = Words(
    "best validation loss over that of the best constant prediction",
    "loss validasi terbaik dibanding prediksi konstan terbaik",
)
ACCURACIES = (
    "val_accuracy",
    "val_acc",
    "val_sparse_categorical_accuracy",
    "val_categorical_accuracy",
    "val_binary_accuracy",
)
"""The keys under which it is logged how often the rows held back are answered rightly."""


@rule(
    code="missing-shuffle",
    name=Words("Examples not shuffled, or torn from their targets", "Contoh tidak diacak benar"),
    cause=Words(
        "batches hold one class at a time, or inputs and targets were shuffled apart",
        "batch berisi satu kelas saja, atau masukan dan target diacak sendiri-sendiri",
    ),
    doubt=Words(
        "the order is that of time and must stay, or nothing in the inputs tells the target",
        "urutannya menurut waktu dan harus tetap, atau masukan memang tidak memuat info target",
    ),
    remedies=["shuffle", "clean-data"],
    thresholds={
        "order": 6.0,
        "sorted": 0.9,
        "some": 0.1,
        "trivial": 0.1,
        "update": 1e-5,
        "bold": 0.1,
        "travel": 0.3,
        "flow": 1e-3,
        "dead": 0.5,
        "batch": 0.5,
        "shuffled": 0.05,
        "memorised": 0.3,
        "accuracy": 0.1,
        "after": 0.5,
        "classes": 5,
    },
    source="TheDeepChecker, TOSEM 2022 (label corruption); Bottou 2012, 'Stochastic gradient "
    "descent tricks', section 4.1; Zhang et al. 2017, 'Understanding deep learning requires "
    "rethinking generalization'",
)
def missing_shuffle(evidence: Evidence, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Look at the order of targets before training, and for targets that nothing leads to."""
    for output in evidence.facts.outputs:
        yield from _ordered(evidence, output, thresholds)
    if len(evidence.facts.outputs) == 1:
        yield from _torn(evidence, evidence.facts.outputs[0], thresholds)


def _ordered(
    evidence: Evidence, output: OutputFacts, thresholds: Mapping[str, float]
) -> Iterator[Sign]:
    facts = evidence.facts
    if facts.shuffles or output.order <= thresholds["order"] or _holds_all(facts, 1.0):
        return
    share = _sorted_share(output)
    if not share > thresholds["some"]:
        return
    told = [
        Measured(ORDER, output.order, ">", thresholds["order"]),
        Measured(SORTED, share, ">", thresholds["some"]),
    ]
    total = share > thresholds["sorted"] and not _holds_all(facts, 2 / _present(output))
    if total and facts.shuffles is False:
        yield Sign("fault", 0.95, told, output.name)
    elif evidence.is_failing():
        yield Sign("fault", 0.9 if total else 0.6, told, output.name, evidence.steps)
    else:
        yield Sign("advice", 0.5, told, output.name)


def _present(output: OutputFacts) -> int:
    return max(sum(count > 0 for count in output.counts), 1)


def _sorted_share(output: OutputFacts) -> float:
    """Return how much of the way from a chance order to a sorted one the order has gone.

    Of n targets, of which two agree by chance with probability p, the share of neighbours that
    agree is ``p + z √(p(1 - p)/n)``, and 1 if they are sorted.
    """
    n = sum(output.counts)
    if _present(output) < 2:
        return 0.0
    p = sum((count / n) ** 2 for count in output.counts)
    return output.order * math.sqrt(p / (1 - p) / n)


def _holds_all(facts: Facts, share: float) -> bool:
    """Say whether a batch holds such a share of all examples: then their order matters little."""
    if facts.batch_size is None or facts.examples is None:
        return facts.steps == 1
    return facts.batch_size >= share * facts.examples


def _torn(
    evidence: Evidence, output: OutputFacts, thresholds: Mapping[str, float]
) -> Iterator[Sign]:
    """Look for a net that is well and trains, and comes to nothing better than a constant."""
    if output.trivial_loss <= 0 or not math.isfinite(output.trivial_loss):
        return
    ratios = [check.loss / output.trivial_loss for check in evidence.checks[-3:]]
    even = len(ratios) == 3 and all(abs(ratio - 1) < thresholds["trivial"] for ratio in ratios)
    if evidence.is_stuck() and even and _is_well(evidence, thresholds):
        told = [
            Measured(TRIVIAL, ratios[-1], "<", 1 + thresholds["trivial"]),
            Measured(SKILL, evidence.skill),
        ]
        probability = 0.5
        if evidence.overfits_a_batch is not None:
            told.append(Measured(BATCH, evidence.overfits_a_batch, ">", thresholds["batch"]))
            probability = 0.85 if evidence.overfits_a_batch > thresholds["batch"] else 0.0
        if evidence.skill_of_shuffled is not None:
            gain = evidence.skill - evidence.skill_of_shuffled
            told.append(Measured(SHUFFLED, gain, "<", thresholds["shuffled"]))
            probability = max(probability, 0.7) if gain < thresholds["shuffled"] else 0.0
        # A deep net may rest on a plateau for a while: untried, it takes time to tell.
        tried = len(told) > 2
        if probability and (tried or evidence.progress >= thresholds["after"]):
            # Pure noise is a matter of two classes, or of a number; of many, nothing is rare.
            is_odd = not evidence.facts.shuffles or output.classes >= thresholds["classes"]
            severity = "fault" if is_odd else "advice"
            yield Sign(severity, probability, told, output.name, evidence.steps)
    else:
        yield from _memorised(evidence, output, thresholds)


def _memorised(
    evidence: Evidence, output: OutputFacts, thresholds: Mapping[str, float]
) -> Iterator[Sign]:
    """Look for targets learned by heart, of which nothing holds for the rows held back."""
    held_back = evidence.held_back_losses
    if len(held_back) < 3 or not evidence.skill > thresholds["memorised"]:
        return
    best = min(held_back) / output.trivial_loss
    scores = [logs[key] for logs in evidence.epochs for key in ACCURACIES if key in logs]
    knows = max(scores, default=0.0) > output.trivial_score + thresholds["accuracy"]
    if abs(best - 1) < thresholds["trivial"] and not knows:
        told = [
            Measured(BEST, best, ">", 1 - thresholds["trivial"]),
            Measured(SKILL, evidence.skill, ">", thresholds["memorised"]),
        ]
        # Noise is learned by heart as well as the targets of other inputs are.
        severity = "advice" if evidence.facts.shuffles else "fault"
        yield Sign(severity, 0.6, told, output.name, evidence.steps)


def _is_well(evidence: Evidence, thresholds: Mapping[str, float]) -> bool:
    """Say whether weights move as they should and gradients reach every layer."""
    updates = updates_of(evidence)[-3:]
    if not updates or not thresholds["update"] < median(updates) < thresholds["bold"]:
        return False
    if median(updates) * evidence.steps < thresholds["travel"]:  # it has hardly left its start
        return False
    signs = evidence.checks[-1].layers
    hidden = [signs[one.name] for one in evidence.weighted_layers if one.name in signs]
    gradients = [one.gradient for one in hidden if one.gradient is not None]
    if not gradients or min(gradients) < thresholds["flow"] * max(gradients):
        return False
    if any(one.identical_units > thresholds["dead"] for one in evidence.weighted_layers):
        return False
    return not any(
        max(one.silent or 0.0, one.saturated or 0.0) > thresholds["dead"] for one in signs.values()
    )
