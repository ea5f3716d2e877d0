"""oscillating-loss: what one epoch learns, the next one loses."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, median

from latih.doctor.causes import boldness, has_broken_data
from latih.doctor.curves import falls, finite, last
from latih.doctor.evidence import Evidence
from latih.doctor.finding import Measured, Sign
from latih.doctor.rule import rule
from latih.doctor.terms import BATCH
from latih.doctor.words import Words

SHARE = Words("share of epochs with a fall in skill", "bagian epoch ketika skill jatuh")
DEPTH = Words("typical fall of skill, peak to valley", "jatuhnya skill, dari puncak ke lembah")
LOST = Words("best epoch's skill over that of the last", "skill epoch terbaik dikurangi terakhir")


@rule(
    code="oscillating-loss",
    name=Words("Oscillating loss", "Loss naik turun"),
    cause=Words(
        "The steps are too large for how little each batch knows: skill goes up and down from "
        "epoch to epoch and the last epoch is a matter of luck.",
        "Langkahnya terlalu besar untuk batch yang hanya memuat sedikit informasi: skill naik "
        "turun dari epoch ke epoch dan hasil akhirnya untung-untungan.",
    ),
    doubt=Words(
        "If the learning rate goes up and down by a schedule, the swings are meant.",
        "Jika laju belajar memang dijadwalkan naik turun, ayunannya disengaja.",
    ),
    remedies=("lower-learning-rate", "larger-batch", "other-optimizer", "batch-normalisation"),
    thresholds={
        "fall": 0.03,
        "share": 0.2,
        "skip": 0.3,
        "epochs": 8.0,
        "lost": 0.08,
        "deep": 0.08,
        "fine": 0.9,
    },
    source="Zhang et al., AutoTrainer, ICSE 2021, oscillating loss (zeta 0.03, eta 0.2, after 30%)",
)
def oscillating_loss(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """Find falls of the skill in many epochs; a fault if they cost much."""
    skills = _by_epoch(evidence)
    if len(skills) < limit["epochs"] or evidence.not_finite or has_broken_data(evidence):
        return
    skills = skills[int(limit["skip"] * len(skills)) :]
    deep = [depth for depth in falls(skills) if depth >= limit["fall"]]
    share = len(deep) / len(skills)
    if share < limit["share"]:
        return
    depth, lost, third = median(deep), max(skills) - last(skills), len(skills) // 3
    improves = fmean(skills[-third:]) - fmean(skills[:third]) > depth
    costly = depth >= limit["deep"] or lost >= limit["lost"]
    measured = [
        Measured(SHARE, share, ">", limit["share"]),
        Measured(DEPTH, depth, ">", limit["deep"]),
        Measured(LOST, lost, ">", limit["lost"]),
    ]
    size = evidence.facts.batch_size
    measured += [Measured(BATCH, size)] if size else []
    meant = improves or _cycles(evidence) or last(skills) >= limit["fine"]
    if not costly or meant:
        yield Sign("advice", 0.4, measured)
    elif evidence.is_stuck():
        yield Sign("fault", 0.4, measured)
    else:
        small = size is not None and size <= 4 and boldness(evidence) < 30
        yield Sign("fault", 0.8 if small else 0.65, measured)


def _by_epoch(evidence: Evidence) -> Sequence[float]:
    """Return the skill at the last check of each epoch."""
    return finite({check.epoch: check.skill for check in evidence.checks}.values())


def _cycles(evidence: Evidence) -> bool:
    """Say whether the learning rate has come down and gone up again more than once."""
    rates = finite(check.learning_rate for check in evidence.checks)
    top = max(rates, default=0.0)
    return sum(depth > 0.1 * top for depth in falls(rates)) > 1
