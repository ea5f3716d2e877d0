"""Rows held back that the net was trained on, or that are not like those it was trained on."""

import math
from collections.abc import Iterator, Mapping

from latih.doctor.evidence import Evidence
from latih.doctor.finding import Measured, Sign
from latih.doctor.look_records import Check
from latih.doctor.rule import rule
from latih.doctor.words import Words

DUPLICATES = Words(
    "share of the rows held back that were trained on",
    "bagian data validasi yang juga ada di data latih",
)
OWN = Words("share of such twins within the training rows", "bagian baris kembar di data latih")
SHIFT = Words(
    "distance of the means held back from those trained on, in deviations",
    "jarak rata-rata data validasi dari data latih, dalam simpangan baku",
)
WORSE = Words(
    "validation loss over training loss, last epoch",
    "loss validasi dibanding loss latih, epoch akhir",
)
GAP = Words(
    "loss in inference over loss in training mode, same rows",
    "loss mode inferensi dibanding mode latih, baris yang sama",
)
GREAT = Words(
    "difference of the two over the loss of a constant", "selisih keduanya dibanding loss konstanta"
)


@rule(
    code="train-validation-mismatch",
    name=Words("Training and validation do not match", "Data latih dan validasi tidak cocok"),
    cause=Words(
        "the validation shows what was trained on, what was prepared otherwise, or another net",
        "validasi memakai data latih, data yang disiapkan berbeda, atau jaringan yang berlaku lain",
    ),
    doubt=Words(
        "the examples repeat by nature, or the later ones differ in truth and not by preparation",
        "contoh memang berulang secara alami, atau data yang lebih baru memang sungguh berbeda",
    ),
    remedies=["split-again", "scale-inputs", "larger-batch"],
    thresholds={
        "duplicates": 0.01,
        "chance": 3.0,
        "shift": 5.0,
        "worse": 1.5,
        "gap": 1.5,
        "great": 0.25,
        "steps": 200,
        "after": 0.3,
    },
    source="Kapoor & Narayanan 2023, 'Leakage and the reproducibility crisis in machine-learning-"
    "based science'; TheDeepChecker, TOSEM 2022 (switch between training and inference: 50%)",
)
def train_validation_mismatch(
    evidence: Evidence, thresholds: Mapping[str, float]
) -> Iterator[Sign]:
    """Look for twins, for another scale, and for normalisation that does not hold at inference."""
    if evidence.facts.has_validation:
        yield from _twins(evidence, thresholds)
        yield from _shifted(evidence, thresholds)
    yield from _two_nets(evidence, thresholds)


def _twins(evidence: Evidence, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Look for more twins than rows have by chance, as in small tables of few distinct rows."""
    facts = evidence.facts
    limit = max(thresholds["duplicates"], thresholds["chance"] * facts.own_duplicates)
    if facts.duplicates > limit:
        told = [Measured(DUPLICATES, facts.duplicates, ">", limit)]
        told += [Measured(OWN, facts.own_duplicates)]
        # One row in a hundred may be chance yet; half of them is a wrong split.
        yield Sign("fault", min(0.5 + facts.duplicates, 0.93), told)


def _shifted(evidence: Evidence, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Look for rows of another scale; a validation as good as the training clears them."""
    shift = evidence.facts.shift
    if not shift > thresholds["shift"]:
        return
    told = [Measured(SHIFT, shift, ">", thresholds["shift"])]
    last = evidence.epochs[-1] if evidence.epochs else {}
    loss, held_back = last.get("loss", math.nan), last.get("val_loss", math.nan)
    worse = held_back / loss if loss > 0 else math.nan
    if worse <= thresholds["worse"]:
        told.append(Measured(WORSE, worse, ">", thresholds["worse"]))
        yield Sign("advice", 0.4, told)
    else:
        told += [Measured(WORSE, worse, ">", thresholds["worse"])] if math.isfinite(worse) else []
        yield Sign("fault", 0.9, told)


def _two_nets(evidence: Evidence, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Look for a net that predicts worse than it trains: its moving statistics are others.

    Early that is usual, as the statistics begin at 0 and 1; late it is not.
    """
    normalises = [one.name for one in evidence.facts.layers if one.is_normalization]
    last = evidence.checks[-3:]
    if not normalises or len(last) < 3 or evidence.progress < thresholds["after"]:
        return
    scale = _scale(evidence)
    gaps = [_gap(check, scale) for check in last]
    if not all(one > thresholds["gap"] and great > thresholds["great"] for one, great in gaps):
        return
    told = [
        Measured(GAP, gaps[-1][0], ">", thresholds["gap"]),
        Measured(GREAT, gaps[-1][1], ">", thresholds["great"]),
    ]
    late = evidence.steps >= thresholds["steps"]
    yield Sign("fault" if late else "advice", 0.75, told, normalises[0], evidence.steps)


def _scale(evidence: Evidence) -> float:
    """Return the loss of the best constant prediction, or at least the first one."""
    known = [one.trivial_loss for one in evidence.facts.outputs if one.trivial_loss > 0]
    whole = len(known) == len(evidence.facts.outputs) and known
    return sum(known) if whole else abs(evidence.checks[0].loss)


def _gap(check: Check, scale: float) -> tuple[float, float]:
    """Return loss over training loss, and their difference as a share of the scale."""
    if not check.training_loss or not scale > 0:
        return 1.0, 0.0
    return check.loss / check.training_loss, (check.loss - check.training_loss) / scale
