"""underfitting: not even the examples it was trained on are learned."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from latih.doctor.causes import has_broken_data
from latih.doctor.curves import finite, last
from latih.doctor.evidence import Evidence
from latih.doctor.finding import Measured, Sign
from latih.doctor.rule import rule
from latih.doctor.terms import BEST_SKILL, SKILL
from latih.doctor.words import Words

PENALTY = Words("penalties over the loss itself", "penalti dibanding loss")
LEFT = Words("size of the weights over that at the start", "besar bobot dibanding awalnya")
DROPOUT = Words("dropout rate", "laju dropout")
MODES = Words("loss in training over inference mode", "loss mode latihan per mode inferensi")
NARROW = Words("units of the narrowest hidden layer", "unit lapisan tersembunyi tersempit")
ONE_BATCH = Words("skill on one batch learned alone", "skill pada satu batch yang dipelajari")

LESS = ("fewer-penalties",)
UNEXPLAINED = ("more-units", "raise-learning-rate", "more-epochs")


@rule(
    code="underfitting",
    name=Words("Underfitting", "Underfitting"),
    cause=Words(
        "The net cannot hold, or is not let hold, what the examples say: penalties or dropout "
        "outweigh the data, or it has too few units.",
        "Model tidak mampu, atau tidak dibiarkan, menyimpan isi contohnya: penalti atau dropout "
        "lebih kuat daripada data, atau unitnya terlalu sedikit.",
    ),
    doubt=Words(
        "If a larger net without penalties does no better, the inputs do not say more about "
        "the targets.",
        "Jika model yang lebih besar tanpa penalti tidak lebih baik, masukan memang tidak memuat "
        "lebih banyak tentang target.",
    ),
    remedies=("fewer-penalties", "more-units", "raise-learning-rate", "more-epochs"),
    thresholds={
        "penalty": 1.0,
        "left": 0.3,
        "dropout": 0.6,
        "modes": 1.3,
        "units": 3.0,
        "one_batch": 0.5,
        "little": 0.8,
        "held": 0.6,
        "skill": 0.05,
        "poor": 0.5,
    },
    source="Braiek and Khomh, TheDeepChecker, TOSEM 2022, single-batch overfit and ratio of "
    "regularisation; Goodfellow et al., Deep Learning, 2016, section 5.2",
)
def underfitting(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """Find a poor skill that gains no more, and what holds it down."""
    if evidence.not_finite or has_broken_data(evidence):
        return
    stuck = evidence.is_stuck(limit["skill"])
    poor = stuck or evidence.is_poor(limit["poor"])
    skill = Measured(SKILL, evidence.skill, "<", limit["held"])
    if poor or evidence.ends_below(limit["held"]) or _says_little(evidence, limit):
        yield from _penalised(evidence, limit, skill)
    if not poor:
        return
    yield from _dropped(evidence, limit, skill)
    yield from _narrow(evidence, limit, skill)
    alone = evidence.overfits_a_batch
    if alone is not None and alone < limit["one_batch"]:
        measured = [Measured(ONE_BATCH, alone, "<", limit["one_batch"]), skill]
        yield Sign("fault", 0.45, measured, remedies=UNEXPLAINED)
    if stuck and evidence.ended and not evidence.best_skill > 2 * limit["skill"]:
        measured = [
            Measured(SKILL, evidence.skill, "<", limit["skill"]),
            Measured(BEST_SKILL, evidence.best_skill, "<", 2 * limit["skill"]),
        ]
        yield Sign("fault", 0.3, measured, remedies=UNEXPLAINED, is_last_resort=True)
    elif not stuck:
        yield Sign("advice", 0.3, [skill], remedies=UNEXPLAINED, is_last_resort=True)


def _says_little(evidence: Evidence, limit: Mapping[str, float]) -> bool:
    """Say whether the loss is near that of a constant, though the best guess is often right."""
    trivial = sum(one.trivial_loss for one in evidence.facts.outputs)
    loss = last(finite(check.loss for check in evidence.checks))
    return evidence.progress > 0.5 and loss > limit["little"] * trivial > 0


def _penalised(evidence: Evidence, limit: Mapping[str, float], skill: Measured) -> Iterator[Sign]:
    """Penalties that weigh more than what the data say, or that have already won."""
    ratios = finite(
        check.penalty / check.loss if check.loss > 0 else None for check in evidence.checks[1:]
    )
    ratio = last(ratios)
    if ratio > limit["penalty"]:
        measured = [Measured(PENALTY, ratio, ">", limit["penalty"]), skill]
        yield Sign("fault", 0.8, measured, remedies=LESS)
    for layer in evidence.weighted_layers:
        sizes = [size for _, size in evidence.series(layer.name, "weight")] if layer.decay else []
        left = last(sizes) / sizes[0] if sizes and sizes[0] else 1.0
        if left < limit["left"]:
            measured = [Measured(LEFT, left, "<", limit["left"]), skill]
            yield Sign("fault", 0.75, measured, layer.name, remedies=LESS)


def _dropped(evidence: Evidence, limit: Mapping[str, float], skill: Measured) -> Iterator[Sign]:
    """Dropout that leaves too little to learn from."""
    rate, name = max(((one.dropout, one.name) for one in evidence.facts.layers), default=(0.0, ""))
    if rate <= limit["dropout"]:
        return
    ratio = last(
        finite(
            check.training_loss / check.loss
            if check.training_loss is not None and check.loss > 0
            else None
            for check in evidence.checks
        )
    )
    measured = [
        Measured(DROPOUT, rate, ">", limit["dropout"]),
        Measured(MODES, ratio, ">", limit["modes"]),
        skill,
    ]
    sure = 0.8 if ratio > limit["modes"] else 0.55
    yield Sign("fault", sure, measured, name, remedies=LESS)


def _narrow(evidence: Evidence, limit: Mapping[str, float], skill: Measured) -> Iterator[Sign]:
    """A hidden layer through which hardly anything fits, and less than comes to it.

    What a layer takes in is what the one before gives out: its units, or those times the area of
    a kernel.
    """
    layers = evidence.weighted_layers
    widths = [
        (after.fan_in, before.name)
        for before, after in pairwise(layers)
        if after.fan_in <= before.weights and after.fan_in < before.fan_in
    ]
    units, name = min(widths, default=(limit["units"], ""))
    if units < limit["units"]:
        measured = [Measured(NARROW, units, "<", limit["units"]), skill]
        yield Sign("fault", 0.6, measured, name, remedies=("more-units",))
