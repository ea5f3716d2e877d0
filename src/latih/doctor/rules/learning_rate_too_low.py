"""learning-rate-too-low: the right way, by steps too small to get there."""

from collections.abc import Iterator, Mapping
from math import isfinite
from statistics import median

from latih.doctor.causes import (
    TIMID,
    boldness,
    gradient_flow,
    has_broken_data,
    has_dead_layer,
    updates_of,
)
from latih.doctor.curves import evenly, rising, smoothed, straightness
from latih.doctor.evidence import Evidence
from latih.doctor.finding import Measured, Sign
from latih.doctor.rule import rule
from latih.doctor.terms import BOLDNESS, SKILL, UPDATE
from latih.doctor.words import Words

STRAIGHTNESS = Words(
    "slope of the loss, second half over first", "kemiringan loss, paruh kedua per paruh pertama"
)
TRAVEL = Words(
    "way of the weights in the whole training, over their size",
    "jarak tempuh bobot selama latihan dibanding besarnya",
)


@rule(
    code="learning-rate-too-low",
    name=Words("Learning rate too low", "Laju belajar terlalu rendah"),
    cause=Words(
        "The weights hardly move: the loss falls along a straight line and has far to go.",
        "Bobot hampir tidak berubah: loss turun mengikuti garis lurus dan masih jauh.",
    ),
    doubt=Words(
        "If the loss does not fall faster at ten times the rate, gradients vanish, or the "
        "loss has a floor.",
        "Jika loss tidak turun lebih cepat pada laju sepuluh kali lipat, gradien menghilang atau "
        "loss memang tidak dapat turun lagi.",
    ),
    remedies=("raise-learning-rate", "other-optimizer", "smaller-batch", "more-epochs"),
    thresholds={
        "update": 1e-5,
        "timid_update": 5e-4,
        "still": 1e-7,
        "boldness": TIMID,
        "straightness": 0.3,
        "skill": 0.2,
        "flow": 1e-3,
        "travel": 0.05,
        "creeping": 3e-4,
    },
    source="Karpathy, A recipe for training neural networks, 2019, update ratio of about 1e-3; "
    "Braiek and Khomh, TheDeepChecker, TOSEM 2022 (1e-4, too strict late in training)",
)
def learning_rate_too_low(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """Find tiny updates under a loss that falls steadily and slowly."""
    updates = updates_of(evidence)
    if not updates or _is_something_else(evidence, limit):
        return
    size, rate = median(updates), boldness(evidence)
    small, timid = size < limit["update"], rate < limit["boldness"]
    losses = evenly([(c.step, c.loss) for c in evidence.checks if isfinite(c.loss)])
    straight = straightness(losses)
    falling = rising(smoothed(losses)) < 0.3 and straight > limit["straightness"]
    measured = [
        Measured(UPDATE, size, "<", limit["update" if small else "timid_update"]),
        Measured(BOLDNESS, rate, "<", limit["boldness"]),
        Measured(STRAIGHTNESS, straight, ">", limit["straightness"]),
        Measured(SKILL, evidence.skill, "<", limit["skill"]),
    ]
    slow = (
        falling and len(evidence.checks) > 4 and (small or (timid and size < limit["timid_update"]))
    )
    travel = size * evidence.steps
    if evidence.is_stuck(limit["skill"]):
        if timid and evidence.ended and travel < limit["travel"] and not slow:
            measured[2] = Measured(TRAVEL, travel, "<", limit["travel"])
            yield Sign("fault", 0.8, measured)
        elif slow:
            yield Sign("fault", 0.92 if small and timid else 0.88 if timid else 0.6, measured)
        elif timid and size < limit["still"]:
            yield Sign("fault", 0.85, measured)
        elif evidence.ended and size < limit["creeping"]:
            # Nothing tells whether it is the rate; but where nothing else is wrong, it is tried.
            measured[0] = Measured(UPDATE, size, "<", limit["creeping"])
            yield Sign("fault", 0.4, measured, is_last_resort=True)
    elif slow and evidence.skill < 0.7:
        yield Sign("advice", 0.5, measured)


def _is_something_else(evidence: Evidence, limit: Mapping[str, float]) -> bool:
    """Say whether updates are small because gradients are, or nothing can be learned at all."""
    if has_broken_data(evidence) or evidence.not_finite is not None or has_dead_layer(evidence):
        return True
    flow = gradient_flow(evidence.checks[-1], evidence.weighted_layers)
    return flow is not None and flow[0] < limit["flow"]
