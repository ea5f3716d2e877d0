"""overfitting: better and better on what it has seen, worse on what it has not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from latih.doctor.causes import has_broken_data
from latih.doctor.curves import began, last, logged, persists, without_outliers
from latih.doctor.evidence import Evidence
from latih.doctor.finding import Measured, Sign
from latih.doctor.rule import rule
from latih.doctor.words import Words

SCORES = (
    "accuracy",
    "acc",
    "sparse_categorical_accuracy",
    "categorical_accuracy",
    "binary_accuracy",
    "r2_score",
    "auc",
)
"""Metrics of which 1 is the best, by the key under which they are logged."""

RISE = Words("validation loss over its best", "loss validasi dibanding yang terbaik")
EPOCHS = Words("epochs for which it stayed above", "banyak epoch sejak loss validasi naik")
GAP = Words("score in training over validation, difference", "selisih skor latihan dan validasi")
LOST = Words("validation score lost since its best", "skor validasi yang hilang sejak terbaik")


@rule(
    code="overfitting",
    name=Words("Overfitting", "Overfitting"),
    cause=Words(
        "The net learns its examples by heart: the training loss falls on while the validation "
        "loss, which was better before, rises.",
        "Model menghafal contohnya: loss latihan terus turun sementara loss validasi, yang tadinya "
        "lebih baik, naik.",
    ),
    doubt=Words(
        "If training and validation data were drawn differently, the gap is theirs.",
        "Jika data latihan dan validasi diambil dengan cara berbeda, selisih itu berasal dari "
        "datanya.",
    ),
    remedies=("early-stopping", "dropout", "l2"),
    thresholds={
        "rise": 1.1,
        "epochs": 5.0,
        "train": 0.95,
        "gap": 0.1,
        "lost": 0.05,
        "wide_gap": 0.2,
        "loss_rise": 1.3,
        "loss_gap": 3.0,
    },
    source="Prechelt, Early stopping - but when?, 1998, generalisation loss; "
    "AWS SageMaker Debugger, rule Overfit (there after one check)",
)
def overfitting(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """Find a validation loss that rises for five epochs under a falling training loss."""
    train, held = (logged(evidence.epochs, key) for key in ("loss", "val_loss"))
    if len(held) != len(train) or evidence.not_finite or has_broken_data(evidence):
        return
    if len(held) <= limit["epochs"] or min(held) <= 0:
        return
    steady = without_outliers(held)  # the best of many epochs is one of luck
    best = steady.index(min(steady))
    rise = last(held) / steady[best]
    flags = [n > best and one > limit["rise"] * steady[best] for n, one in enumerate(held)]
    falls_on = last(train) < limit["train"] * train[best]
    if not persists(flags, int(limit["epochs"])) or not falls_on:
        return
    measured = [
        Measured(RISE, rise, ">", limit["rise"]),
        Measured(EPOCHS, len(flags) - began(flags), ">", limit["epochs"] - 1),
    ]
    step = _step_of(evidence, began(flags))
    scores = _scores(evidence)
    if scores is None:
        far = last(held) > limit["loss_gap"] * last(train) and rise > limit["loss_rise"]
        yield Sign("fault" if far else "advice", 0.75 if far else 0.4, measured, step=step)
        return
    measured += [
        Measured(GAP, scores.gap, ">", limit["gap"]),
        Measured(LOST, scores.lost, ">", limit["lost"]),
    ]
    far = scores.gap > limit["wide_gap"] or (
        scores.gap > limit["gap"] and scores.lost > limit["lost"]
    )
    sure = 0.9 if scores.gap > limit["wide_gap"] else 0.75
    yield Sign("fault" if far else "advice", sure if far else 0.4, measured, step=step)


@dataclass(frozen=True)
class _Scores:
    """What the last epochs scored: the gap to training, and what validation has lost."""

    gap: float
    lost: float


def _scores(evidence: Evidence) -> _Scores | None:
    """Return the widest gap of a score that is logged on both sides; None if there is none."""
    found: list[_Scores] = []
    for key in SCORES:
        train, held = (logged(evidence.epochs, one) for one in (key, f"val_{key}"))
        if train and held:
            best = max(without_outliers(held))
            found.append(_Scores(last(train) - last(held), best - last(held)))
    return max(found, key=lambda one: one.gap, default=None)


def _step_of(evidence: Evidence, epoch: int) -> int | None:
    """Return the first check of an epoch, or the last before it."""
    return next((c.step for c in evidence.checks if c.epoch >= epoch), None)
