"""under-training: it stopped while it was still learning."""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from statistics import median, pstdev

from latih.doctor.causes import TIMID, boldness, has_broken_data, updates_of
from latih.doctor.curves import PERSISTENT, evenly, finite, last, rising, slope, smoothed
from latih.doctor.evidence import Evidence
from latih.doctor.finding import Measured, Sign
from latih.doctor.look_records import Check
from latih.doctor.rule import rule
from latih.doctor.terms import SKILL
from latih.doctor.words import Words

GAIN = Words("skill gained in the last third", "skill yang diperoleh di sepertiga akhir")
FALL = Words("part of the loss that fell in the last third", "bagian loss yang turun di akhir")
HELD_BACK = Words(
    "part of the validation loss that fell in the last third",
    "bagian loss validasi yang turun di sepertiga akhir",
)
EPOCHS = Words("epochs", "epoch")
STEPS = 10
"""The last third is looked at in so many parts."""


@rule(
    code="under-training",
    name=Words("Stopped too early", "Latihan terlalu singkat"),
    cause=Words(
        "The training ended while it still went on to learn: there were too few epochs.",
        "Latihan berakhir padahal model masih terus belajar: epoch-nya terlalu sedikit.",
    ),
    doubt=Words(
        "If more epochs bring nothing, the last checks were noise or a falling learning rate.",
        "Jika epoch tambahan tidak membantu, kenaikan terakhir hanya derau atau akibat laju "
        "belajar yang turun.",
    ),
    remedies=("more-epochs", "raise-learning-rate", "smaller-batch"),
    thresholds={
        "gain": 0.05,
        "loss": 0.02,
        "room": 0.1,
        "fall": 0.2,
        "poor": 0.5,
        "fine": 0.8,
        "noise": 2.0,
        "share": 0.5,
        "fresh": 3,
    },
    source="Cao et al., DeepFD, ICSE 2022, fault type epoch; "
    "Humbatova et al., Taxonomy of real faults in deep learning systems, ICSE 2020",
)
def under_training(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """Find a skill, or from far below a loss, that still improves steadily at the end."""
    known = [one for one in evidence.checks if isfinite(one.skill) and isfinite(one.loss)]
    if not evidence.ended or len(known) < 6 or evidence.not_finite or has_broken_data(evidence):
        return
    # The last third of the steps, and three checks at least.
    start = min(known[-1].step * 2 / 3, known[-PERSISTENT].step)
    known = [one for one in known if one.step >= start]
    if _room(evidence) < limit["room"]:
        return
    tail = evenly([(one.step, one.skill) for one in known], STEPS)
    low = evenly([(one.step, one.loss) for one in known], STEPS)
    gain = slope(tail) * (len(tail) - 1)
    fall = -slope(low) * (len(low) - 1) / max(abs(low[0]), 1e-12)
    noise = _noise(known, gain)
    steady = rising(smoothed(tail)) >= 0.7 and gain > limit["noise"] * noise
    strong = gain > limit["gain"] and steady
    skill = evidence.skill
    measured = [
        Measured(SKILL, skill, "<", limit["poor"]),
        Measured(GAIN, gain, ">", limit["gain"]),
        Measured(FALL, fall, ">", limit["fall"]),
        Measured(EPOCHS, evidence.facts.epochs),
    ]
    slow = boldness(evidence) < TIMID or median(updates_of(evidence) or [1.0]) < 1e-5
    no_worse = gain > -limit["loss"] * max(1.0, abs(tail[0]))
    level = rising(smoothed(low)) > 0.3
    from_below = skill < 0 and no_worse and fall > limit["fall"] and not level
    held_back = finite(evidence.held_back_losses)
    if len(held_back) > 1:
        # What is learned by heart, as noise is, lowers the loss of the rows trained on alone.
        holds = _fall_at_end(held_back, 1 - start / known[-1].step)
        if not holds > limit["share"] * max(fall, 0.0):
            return
        measured.append(Measured(HELD_BACK, holds, ">", limit["share"] * fall))
        is_sure = True
    else:
        is_sure = not _may_know_by_heart(evidence, limit["fresh"])
    is_bad = skill < limit["poor"] and (strong or from_below)
    if is_bad and is_sure:
        yield Sign("fault", 0.4 if slow else 0.7, measured)
    elif is_bad:
        yield Sign("advice", 0.5, measured)
    elif strong and skill < limit["fine"]:
        measured[0] = Measured(SKILL, skill, "<", limit["fine"])
        yield Sign("advice", 0.5, measured)


def _room(evidence: Evidence) -> float:
    """Return which part of the way from a constant's loss to the least possible one is left.

    The least is the entropy of the targets, where they are shares; 1.0 if nobody knows.
    """
    trivial = sum(one.trivial_loss for one in evidence.facts.outputs)
    floor = sum(one.floor for one in evidence.facts.outputs)
    loss = last(finite(check.loss for check in evidence.checks))
    room = (loss - floor) / (trivial - floor) if trivial > floor else 1.0
    return room if isfinite(room) else 1.0


def _fall_at_end(losses: Sequence[float], share: float) -> float:
    """Return which part of the loss fell in the last epochs, three of them at least.

    It is 0 if the fall is no more than the noise around it.
    """
    tail = losses[-max(PERSISTENT, round(share * len(losses))) :]
    step = slope(tail)
    fall = -step * (len(tail) - 1)
    noise = pstdev(loss - step * epoch for epoch, loss in enumerate(tail))
    return fall / max(abs(tail[0]), 1e-12) if fall > noise else 0.0


def _may_know_by_heart(evidence: Evidence, fresh: float) -> bool:
    """Say whether it has seen its rows often, and has more weights than there are rows."""
    facts = evidence.facts
    weights = sum(one.weights for one in facts.layers)
    return len(evidence.epochs) > fresh and weights > (facts.examples or 0)


def _noise(checks: Sequence[Check], gain: float) -> float:
    """Return how far the skills lie from a straight line, as a standard deviation."""
    first, span = checks[0].step, max(checks[-1].step - checks[0].step, 1)
    off = [one.skill - gain * (one.step - first) / span for one in checks]
    return pstdev(off)
