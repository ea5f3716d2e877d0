"""learning-rate-too-high: steps that leap over the valley, or walk uphill."""

from collections.abc import Iterator, Mapping
from statistics import fmean, median

from latih.doctor.causes import (
    BOLD,
    boldness,
    explodes_at_once,
    first_leap,
    has_broken_data,
    has_dead_layer,
    has_wild_inputs,
    has_wild_targets,
    silent_layers,
    update_of,
    updates_of,
    was_diverging,
)
from latih.doctor.curves import (
    PERSISTENT,
    began,
    end,
    finite,
    last,
    persists,
    rising,
    smoothed,
    turns,
)
from latih.doctor.evidence import Evidence
from latih.doctor.finding import Measured, Sign
from latih.doctor.look_records import Check
from latih.doctor.rule import rule
from latih.doctor.terms import BEST_SKILL, BOLDNESS, LOSS, SKILL, UPDATE
from latih.doctor.words import Words

LEAP = Words("largest update |Δθ|/|θ| of the first steps", "perubahan terbesar |Δθ|/|θ| di awal")
BEST_LOSS = Words("best loss before", "loss terbaik sebelumnya")
RISES = Words("share of checks at which the loss rose", "bagian pemeriksaan ketika loss naik")
THROWN = Words("highest loss of the first steps over the first", "loss tertinggi di awal per awal")
LOST = Words("share of units that died then, and are dead", "bagian unit yang mati sejak itu")
EPSILON = Words("epsilon of the optimizer", "epsilon optimizer")
EARLY_STEPS = 50
"""So many steps are the first ones."""
TURNS = Words("share of checks at which the loss turned", "bagian pemeriksaan ketika loss berbalik")
SPREAD = Words("range of the loss over its mean", "rentang loss dibanding rata-ratanya")
UPHILL = ("output-and-loss", "other-optimizer", "lower-learning-rate")
"""What helps where a loss, or an optimizer, of the user's own has the wrong sign."""
NOT_FINITE = Words("step of the first NaN or infinity", "langkah NaN atau tak hingga yang pertama")


@rule(
    code="learning-rate-too-high",
    name=Words("Learning rate too high", "Laju belajar terlalu tinggi"),
    cause=Words(
        "Each step goes further than the slope it follows is valid, so that the loss grows "
        "instead of falling, or units are thrown where no gradient reaches them. A loss that "
        "rises steadily from the first step has the wrong sign.",
        "Setiap langkah lebih jauh daripada jangkauan kemiringan yang diikutinya, sehingga loss "
        "naik, bukan turun, atau unit terlempar ke tempat tanpa gradien. Loss yang terus naik "
        "sejak langkah pertama berarti tandanya terbalik.",
    ),
    doubt=Words(
        "If a tenth of the rate does not lower the loss either, look at the scale of inputs and "
        "targets, the initialisation and the sign of the loss.",
        "Jika sepersepuluh laju belajar pun tidak menurunkan loss, periksa skala masukan dan "
        "target, inisialisasi, dan tanda loss.",
    ),
    remedies=("lower-learning-rate", "warm-up", "clip-gradients", "other-optimizer"),
    thresholds={
        "growth": 2.0,
        "update": 0.1,
        "leap": 1.0,
        "boldness": BOLD,
        "absurd": 90.0,
        "fine": 0.9,
        "epsilon": 1e-12,
        "thrown": 3.0,
        "lost": 0.2,
        "rises": 0.8,
        "steps": 50.0,
        "turns": 0.5,
        "spread": 0.2,
        "fallen": 0.5,
        "skill": 0.05,
        "poor": 0.5,
    },
    source="Braiek and Khomh, TheDeepChecker, TOSEM 2022, update ratios and divergence (2x best); "
    "Goodfellow et al., Deep Learning, 2016, section 11.4.1",
)
def learning_rate_too_high(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """Find a loss that diverges, climbs or leaps about, and updates that are too large."""
    if has_broken_data(evidence) or not evidence.checks:
        return
    if evidence.not_finite is not None:
        yield from _burst(evidence, limit)
        return
    if evidence.ended or evidence.steps >= limit["steps"]:  # the first steps may be a detour
        yield from _climbing(evidence, limit)
    yield from _diverging(evidence, limit)
    yield from _thrown(evidence, limit)
    yield from _scarred(evidence, limit)
    yield from _absurd(evidence, limit)
    yield from _hasty(evidence, limit)
    yield from _restless(evidence, limit)


def _blame(evidence: Evidence, probability: float) -> float:
    """Return the probability, less if what lies deeper makes a usual rate too high."""
    if explodes_at_once(evidence):
        return min(probability, 0.5)
    wild = has_wild_inputs(evidence) or has_wild_targets(evidence)
    return min(probability, 0.6) if wild and boldness(evidence) < BOLD else probability


def _loss(check: Check) -> float | None:
    """Return the lower of the losses in inference and training mode.

    Where only that of inference is high, statistics of batches are to blame and no rate.
    """
    return min(finite((check.loss, check.training_loss)), default=None)


def _learns_in_training_mode(evidence: Evidence) -> bool:
    """Say whether the loss in training mode, which is taken now and then, is half or less."""
    both = [c for c in evidence.checks if c.training_loss is not None and c.loss > 0]
    return bool(both) and (both[-1].training_loss or 0.0) < 0.5 * both[-1].loss


def _has_fallen(evidence: Evidence, limit: Mapping[str, float]) -> bool:
    """Say whether much of what had been learned is lost."""
    best = evidence.best_skill
    return best > 0.2 and evidence.skill < limit["fallen"] * best


def _is_surely_wrong(evidence: Evidence, limit: Mapping[str, float]) -> bool:
    """Say whether little was learned, and that so surely that no answer at all would cost less."""
    trivial = sum(one.trivial_loss for one in evidence.facts.outputs)
    losses = finite(map(_loss, evidence.checks[-PERSISTENT:]))
    far = trivial > 0 and all(loss > limit["growth"] * trivial for loss in losses)
    return far and evidence.is_poor(limit["poor"])


def _burst(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """A NaN at the end of a loss that grew, or at a rate that is far from usual."""
    first = evidence.not_finite
    rate = boldness(evidence)
    bold = rate > limit["boldness"]
    if first is None or not first.step or not (bold or was_diverging(evidence)):
        return
    measured = [Measured(NOT_FINITE, first.step), Measured(BOLDNESS, rate, ">", limit["boldness"])]
    losses = finite(check.loss for check in evidence.checks)
    if len(losses) > 1:
        measured += [Measured(LOSS, losses[-1], ">", limit["growth"] * min(losses))]
    yield Sign("fault", _blame(evidence, 0.92 if bold else 0.8), measured, first.layer, first.step)


def _climbing(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """A loss that rises steadily from the first step on: the sign is wrong."""
    losses = finite(map(_loss, evidence.checks))
    if len(losses) < 5 or not evidence.skill <= max(limit["skill"], evidence.first_skill):
        return
    share = rising(losses)
    higher = losses[-1] - losses[0] > 0.5 * abs(losses[0])
    if higher and share >= limit["rises"] and losses.index(min(losses)) <= 1:
        steady = share >= 0.9 and median(updates_of(evidence) or [0.0]) < limit["update"]
        measured = [
            Measured(RISES, share, ">", limit["rises"]),
            Measured(LOSS, losses[-1], ">", 1.5 * losses[0]),
            Measured(SKILL, evidence.skill, "<", limit["skill"]),
        ]
        probability = 0.95 if steady else _blame(evidence, 0.8)
        remedies = UPHILL if steady else None
        yield Sign("fault", probability, measured, step=evidence.checks[1].step, remedies=remedies)


def _diverging(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """A loss that was low and is high, and stays so."""
    known = [(check.step, loss) for check in evidence.checks if (loss := _loss(check)) is not None]
    losses = smoothed([loss for _, loss in known])
    surely_wrong = _is_surely_wrong(evidence, limit)
    if (
        not losses
        or _learns_in_training_mode(evidence)
        or not (evidence.is_stuck() or _has_fallen(evidence, limit) or surely_wrong)
    ):
        return
    scale = abs(losses[0])
    best = [min(losses[: n + 1]) for n in range(len(losses))]
    flags = [
        loss - low > max((limit["growth"] - 1) * abs(low), 0.1 * scale)
        for loss, low in zip(losses, best, strict=True)
    ]
    if not persists(flags):
        return
    hasty = median(updates_of(evidence) or [0.0]) > 0.1 * limit["update"]
    sure = hasty or boldness(evidence) > 0.3 * limit["boldness"] or _has_fallen(evidence, limit)
    least = limit["poor"] if surely_wrong else limit["fallen"] * evidence.best_skill
    measured = [
        Measured(LOSS, losses[-1], ">", limit["growth"] * best[-1]),
        Measured(BEST_LOSS, best[-1]),
        Measured(SKILL, evidence.skill, "<", max(least, limit["skill"])),
    ]
    probability = _blame(evidence, 0.85 if sure else 0.55)
    yield Sign("fault", probability, measured, step=known[began(flags)][0])


def _thrown(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """First steps so large that nothing could be learned after them."""
    poor = evidence.is_stuck() or evidence.is_poor()
    if not poor or evidence.best_skill > 0.3:
        return
    leap, rate, dead = first_leap(evidence), boldness(evidence), has_dead_layer(evidence)
    if leap is not None and leap[2] > limit["leap"]:
        name, step, size = leap
        measured = [Measured(LEAP, size, ">", limit["leap"])]
    elif rate > limit["boldness"]:
        name, step = None, evidence.checks[0].step
        measured = [Measured(BOLDNESS, rate, ">", limit["boldness"])]
    else:
        return
    measured += [Measured(BEST_SKILL, evidence.best_skill, "<", 0.3)]
    yield Sign("fault", _blame(evidence, 0.9 if dead else 0.75), measured, name, step)


def _scarred(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """First steps that threw the loss far up, and units that have been dead ever since."""
    rate, first = boldness(evidence), evidence.checks[0]
    early = [c for c in evidence.checks if c.step <= EARLY_STEPS]
    highest = max(finite(check.loss for check in early), default=0.0)
    if not rate > limit["boldness"] or not highest > limit["thrown"] * abs(first.loss):
        return
    before = silent_layers(first, evidence.facts.layers)
    after = [silent_layers(check, evidence.facts.layers) for check in evidence.checks]
    for name, share in before.items():
        lost = [one.get(name, 0.0) - share for one in after]
        if persists(one > limit["lost"] for one in lost):
            measured = [
                Measured(BOLDNESS, rate, ">", limit["boldness"]),
                Measured(THROWN, highest / abs(first.loss), ">", limit["thrown"]),
                Measured(LOST, lost[-1], ">", limit["lost"]),
            ]
            yield Sign("fault", 0.6, measured, name, evidence.checks[1].step)


def _absurd(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """A rate that nobody means, or an epsilon, and a skill that shows it."""
    rate, epsilon = boldness(evidence), evidence.facts.settings.get("epsilon", 1.0)
    # Deep nets with normalisation take ten times as much from plain descent with momentum.
    most = limit["absurd"] * (10 if evidence.facts.optimizer == "sgd" else 1)
    if rate > most and evidence.ends_below(limit["fine"]):
        measured = [
            Measured(BOLDNESS, rate, ">", most),
            Measured(SKILL, evidence.skill, "<", limit["fine"]),
        ]
        yield Sign("fault", _blame(evidence, 0.5), measured)
    if 0 < epsilon < limit["epsilon"]:
        # Where gradients are next to nothing, what is left of them is rounding: full steps of it.
        yield Sign("advice", 0.3, [Measured(EPSILON, epsilon, "<", limit["epsilon"])])


def _hasty(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """Updates of a tenth of the weights and more, step after step."""
    known = [(c.step, size) for c in evidence.checks if (size := update_of(c)) is not None]
    flags = [size > limit["update"] for _, size in known]
    if not persists(flags):
        return
    size = last([size for _, size in known])
    measured = [
        Measured(UPDATE, size, ">", limit["update"]),
        Measured(SKILL, evidence.skill, "<", limit["skill"]),
    ]
    step = known[began(flags)][0]
    if evidence.is_stuck(limit["skill"]):
        yield Sign("fault", _blame(evidence, 0.85), measured, step=step)
    elif _has_fallen(evidence, limit):
        measured[1] = Measured(BEST_SKILL, evidence.best_skill)
        yield Sign("fault", _blame(evidence, 0.8), measured, step=step)
    elif evidence.skill < 0.9 and persists(flags, max(6, len(flags) // 2)):
        yield Sign("advice", 0.4, measured[:1], step=step)


def _restless(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """A loss that leaps about without going down."""
    losses = end(finite(map(_loss, evidence.checks)), 0.5)
    if len(losses) < 6 or not (evidence.is_stuck() or evidence.is_poor()):
        return
    spread = (max(losses) - min(losses)) / max(abs(fmean(losses)), 1e-12)
    share, size = turns(losses), median(updates_of(evidence) or [0.0])
    if spread > limit["spread"] and share > limit["turns"] and size > 0.1 * limit["update"]:
        measured = [
            Measured(SPREAD, spread, ">", limit["spread"]),
            Measured(TURNS, share, ">", limit["turns"]),
            Measured(UPDATE, size, ">", 0.1 * limit["update"]),
        ]
        yield Sign("fault", _blame(evidence, 0.65), measured)
