"""A loss that does not measure what the targets ask for, or misreads the outputs."""

import math
from collections.abc import Iterator, Mapping
from math import isfinite

from latih.doctor.curves import rising
from latih.doctor.evidence import Evidence
from latih.doctor.expectations import (
    BINARY,
    CATEGORICAL,
    DISTANCES,
    SPARSE,
    beside_unit_interval,
    gives_probabilities,
    is_distribution,
    is_linear,
    leaves_unit_interval,
    loss_of,
    takes_probabilities,
    was_measured,
)
from latih.doctor.fact_records import OutputFacts
from latih.doctor.finding import Measured, Sign
from latih.doctor.rule import rule
from latih.doctor.terms import LOSS
from latih.doctor.words import Words

FLOOR = Words(
    "smallest loss that a perfect prediction can reach", "loss terkecil yang dapat dicapai"
)
LARGEST = Words("largest target", "target terbesar")
SMALLEST = Words("smallest target", "target terkecil")
UNITS = Words("units under a loss over classes", "unit di bawah loss antar kelas")
GROWTH = Words(
    "loss of the same rows twice over, as a multiple", "loss bila baris yang sama digandakan"
)
ROWS = Words("examples summed in a batch", "contoh yang dijumlahkan dalam satu batch")
FIRST = Words(
    "first loss over that of the best constant prediction",
    "loss pertama dibanding prediksi konstan terbaik",
)
BOUND = Words(
    "largest cross-entropy that these outputs can have",
    "cross-entropy terbesar yang mungkin dari keluaran ini",
)
CLASSES = Words("classes", "kelas")
SKILL = Words("skill", "kemampuan")
LATE = Words("skill gained after the first third", "skill yang diperoleh sesudah sepertiga awal")
WORSE = Words("skill lost since the start, while the loss fell", "skill yang hilang sejak awal")
RISES = Words("share of checks at which the loss rose", "bagian pemeriksaan ketika loss naik")
FALLEN = Words(
    "loss over that of the best constant prediction",
    "loss dibanding prediksi konstan terbaik",
)


@rule(
    code="wrong-loss",
    name=Words("Wrong loss", "Loss yang salah"),
    cause=Words(
        "the loss does not fit targets and outputs: a softmax twice or never, a distance for "
        "classes, a sum for a mean, the wrong sign",
        "loss tidak cocok dengan target dan keluaran: softmax dua kali atau tidak sama sekali, "
        "jarak untuk kelas, jumlah sebagai ganti rata-rata, tanda yang terbalik",
    ),
    doubt=Words(
        "the loss is your own and does on purpose what a usual one does not",
        "loss buatan sendiri memang sengaja berbeda dari yang lazim",
    ),
    remedies=["output-and-loss", "lower-learning-rate"],
    thresholds={
        "absurd": 10.0,
        "bound": 1.5,
        "growth": 1.5,
        "enough": 0.6,
        "weak": 0.3,
        "fine": 0.9,
        "late": 0.15,
        "few": 3,
        "many": 20,
        "fallen": 0.5,
        "vanished": 0.01,
        "skill": 0.05,
        "above": 0.3,
        "learned": 0.7,
        "slack": 1e-6,
        "steps": 50.0,
        "rises": 0.2,
        "worse": 0.5,
    },
    source="Humbatova et al. 2020, 'Taxonomy of real faults in deep learning systems' (loss "
    "function); NeuraLint, TOSEM 2021; TheDeepChecker, TOSEM 2022 (initial loss); of a softmax "
    "twice: log(e + K - 1) - 1 is the least cross-entropy",
)
def wrong_loss(evidence: Evidence, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Hold the loss beside outputs and targets; then ask whether it falls as the skill rises."""
    for output in evidence.facts.outputs:
        yield from _twice(output)
        yield from _never(evidence, output)
        yield from _targets(output, thresholds)
        yield from _distance(evidence, output, thresholds)
        yield from _numbered(evidence, output, thresholds)
        yield from _one_by_one(evidence, output)
        yield from _sum(evidence, output, thresholds)
        yield from _absurd(evidence, output, thresholds)
    yield from _upside_down(evidence, thresholds)
    if len(evidence.facts.outputs) == 1:
        yield from _beside_the_point(evidence, evidence.facts.outputs[0], thresholds)
        yield from _rests_on_the_floor(evidence, evidence.facts.outputs[0], thresholds)


def _twice(output: OutputFacts) -> Iterator[Sign]:
    """Look for probabilities under a loss that takes scores and makes them probabilities again."""
    loss = loss_of(output)
    if not output.from_logits:
        return
    if loss in SPARSE | CATEGORICAL and gives_probabilities(output) and output.width > 1:
        told = Measured(FLOOR, _floor(output.width), ">", 0.0)
        yield Sign("fault", 0.96, [told], output.name)
    elif loss in BINARY and gives_probabilities(output):
        # Of the targets 1 the best is log(1 + 1/e), of the targets 0 log(2).
        floor = (math.log(2) + math.log1p(math.exp(-1))) / 2
        yield Sign("fault", 0.96, [Measured(FLOOR, floor, ">", 0.0)], output.name)


def _floor(classes: int) -> float:
    """Return the least cross-entropy of a softmax twice.

    The scores are at best 1 for the right class and 0 for all others.
    """
    return math.log(math.e + classes - 1) - 1


def _never(evidence: Evidence, output: OutputFacts) -> Iterator[Sign]:
    """Look for raw scores under a loss that takes probabilities."""
    if not takes_probabilities(output):
        return
    if loss_of(output) in SPARSE | CATEGORICAL - {"kl_divergence"} and output.width == 1:
        # Divided by their sum, the outputs are 1 whatever the net does.
        yield Sign("fault", 0.95, [Measured(UNITS, 1.0, "<", 2.0)], output.name)
        return
    if not is_linear(output.activation) and output.activation != "?":
        return
    told = beside_unit_interval(output)
    if leaves_unit_interval(output):
        yield Sign("fault", 0.95, told, output.name)
    elif is_linear(output.activation) and not is_distribution(output):
        # Nobody measured, or by chance all scores lay in 0..1.
        if not was_measured(output):
            yield Sign("fault", 0.85, told, output.name)
        else:
            yield Sign("fault" if evidence.is_failing() else "advice", 0.5, told, output.name)


def _targets(output: OutputFacts, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Look for real numbers under a cross-entropy; shares in 0..1 are what it takes."""
    if output.task != "regression" or output.is_whole or not output.finite:
        return
    slack = thresholds["slack"]
    if loss_of(output) in BINARY | CATEGORICAL:
        told = [Measured(SMALLEST, output.least, "<", 0.0)] if output.least < -slack else []
        told += [Measured(LARGEST, output.most, ">", 1.0)] if output.most > 1 + slack else []
        if told:
            yield Sign("fault", 0.95, told, output.name)


def _distance(
    evidence: Evidence, output: OutputFacts, thresholds: Mapping[str, float]
) -> Iterator[Sign]:
    """Look for classes that a distance is to tell apart: its gradient dies where it is wrong.

    Many nets learn all the same, and then it is advice. What it costs is time: of several classes
    it is a fault, too, where much was learned late. Yes or no is a borderline.
    """
    if loss_of(output) not in DISTANCES or output.task == "regression":
        return
    told = [Measured(CLASSES, output.classes, ">", 1.0)]
    if evidence.skill < thresholds["enough"]:
        told.append(Measured(SKILL, evidence.skill, "<", thresholds["enough"]))
    failing = evidence.is_failing()
    late = _learned_late(evidence, thresholds)
    if output.task == "multi-class" and (failing or evidence.ends_below(thresholds["enough"])):
        yield Sign("fault", 0.65, told, output.name)
    elif output.task == "multi-class" and late > thresholds["late"]:
        told.append(Measured(LATE, late, ">", thresholds["late"]))
        yield Sign("fault", 0.55, told, output.name, evidence.steps)
    elif output.task == "multi-class":
        yield Sign("advice", 0.55, told, output.name)
    elif failing:
        yield Sign("fault", 0.35, told, output.name, evidence.steps, is_last_resort=True)
    else:
        yield Sign("advice", 0.3, told, output.name)


def _learned_late(evidence: Evidence, thresholds: Mapping[str, float]) -> float:
    """Return how much skill came after the first third of a training that is over.

    Of a short one that third is the beginning, where anybody learns most.
    """
    early = [c.skill for c in evidence.checks if isfinite(c.skill) and 3 * c.step <= evidence.steps]
    is_long = evidence.ended and evidence.steps > 3 * thresholds["steps"]
    return evidence.skill - max(early) if is_long and early else 0.0


def _numbered(
    evidence: Evidence, output: OutputFacts, thresholds: Mapping[str, float]
) -> Iterator[Sign]:
    """Look for the numbers of classes taken for quantities: class 2 is not twice class 1.

    Marks, stars and counts are whole numbers too, and quantities: what comes of it decides.
    """
    if loss_of(output) not in DISTANCES or output.task != "regression" or output.width != 1:
        return
    classes = output.most - output.least + 1
    few = thresholds["few"] <= classes <= thresholds["many"] and output.least in (0.0, 1.0)
    if not (output.is_whole and few):
        return
    told = [Measured(CLASSES, classes, ">", 1.0)]
    if evidence.is_failing() or evidence.ends_below(thresholds["weak"]):
        told.append(Measured(SKILL, evidence.skill, "<", thresholds["weak"]))
        yield Sign("fault", 0.5, told, output.name, evidence.steps)
    else:
        yield Sign("advice", 0.4, told, output.name)


def _one_by_one(evidence: Evidence, output: OutputFacts) -> Iterator[Sign]:
    """Look for exclusive classes that the loss takes for as many questions of yes or no.

    Of two it comes to the same.
    """
    if loss_of(output) in BINARY and output.activation == "softmax" and output.width > 1:
        told = Measured(CLASSES, output.width, ">", 2.0)
        exclusive = output.task == "multi-class" and output.width > 2
        fault = exclusive or evidence.is_failing()
        yield Sign("fault" if fault else "advice", 0.5 if exclusive else 0.4, [told], output.name)


def _sum(
    evidence: Evidence, output: OutputFacts, thresholds: Mapping[str, float]
) -> Iterator[Sign]:
    """Look for a sum over the examples: the gradient, and the right rate, grow with the batch."""
    batch = evidence.facts.batch_size or math.inf
    if batch == 1 or not (output.reduction == "sum" or output.loss_growth > thresholds["growth"]):
        return
    told = [Measured(ROWS, batch, ">", 1.0)] if math.isfinite(batch) else []
    if output.loss_growth != 1:
        told.append(Measured(GROWTH, output.loss_growth, ">", thresholds["growth"]))
    # Optimizers that divide by the gradients' size do not feel it; plain descent does.
    felt = evidence.facts.optimizer == "sgd" and evidence.ends_below(thresholds["fine"])
    fault = felt or evidence.is_failing()
    yield Sign("fault" if fault else "advice", 0.75 if fault else 0.6, told, output.name)


def _absurd(
    evidence: Evidence, output: OutputFacts, thresholds: Mapping[str, float]
) -> Iterator[Sign]:
    """Look for a first loss of the user's own that no cross-entropy of these outputs has.

    The cross-entropy of scores is at most ``log K + (largest score - smallest)``.
    """
    first, classes = output.first_loss, max(output.classes, 2)
    exclusive = output.task in ("binary", "multi-class")
    if output.loss != "?" or not exclusive or not math.isfinite(first):
        return
    chance = math.log(classes)
    if first < 0:
        told = [Measured(FIRST, first / chance, "<", 0.0)]
        yield Sign("fault" if evidence.is_failing() else "advice", 0.6, told, output.name)
    elif first > thresholds["absurd"] * chance:
        bound = chance + output.output_most - output.output_least
        impossible = was_measured(output) and first > thresholds["bound"] * bound
        told = [Measured(FIRST, first / chance, ">", thresholds["absurd"])]
        told += [Measured(BOUND, bound)] if impossible else []
        fault = impossible or evidence.is_failing()
        yield Sign("fault" if fault else "advice", 0.8 if impossible else 0.5, told, output.name)


def _upside_down(evidence: Evidence, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Look for a loss that falls and falls while the predictions get worse: its sign is wrong."""
    known = [one for one in evidence.checks if isfinite(one.loss) and isfinite(one.skill)]
    losses = [one.loss for one in known]
    early = not evidence.ended and evidence.steps < thresholds["steps"]  # it may be a detour
    if early or len(losses) < 5 or evidence.skill > thresholds["skill"]:
        return
    share, worse = rising(losses), known[0].skill - evidence.skill
    # A loss of errors or of likelihoods ends at 0; one that is turned round has no end.
    endless = losses[-1] < 0 and losses[0] - losses[-1] > 10 * max(abs(losses[0]), 1e-12)
    falls = share <= thresholds["rises"]
    if falls and (worse > thresholds["worse"] or (endless and evidence.is_stuck())):
        measured = [
            Measured(WORSE, worse, ">", thresholds["worse"]),
            Measured(RISES, share),
            Measured(LOSS, losses[-1], "<", losses[0]),
        ]
        yield Sign("fault", 0.93, measured, step=known[1].step)


def _rests_on_the_floor(
    evidence: Evidence, output: OutputFacts, thresholds: Mapping[str, float]
) -> Iterator[Sign]:
    """Look for a loss of the user's own that softmaxes again: classes are known, and it stays up.

    Where so many answers are right, a cross-entropy of the probabilities would be far lower.
    """
    gives = output.activation == "softmax" or is_distribution(output)
    last = evidence.checks[-3:]
    if output.loss != "?" or output.task != "multi-class" or not gives or len(last) < 3:
        return
    floor = _floor(output.width)
    near = all(0.999 * floor <= check.loss <= floor + thresholds["above"] for check in last)
    if near and output.width > 2 and evidence.skill > thresholds["learned"]:
        told = [
            Measured(FLOOR, floor, "<", last[-1].loss),
            Measured(SKILL, evidence.skill, ">", thresholds["learned"]),
        ]
        yield Sign("fault", 0.75, told, output.name, evidence.steps)


def _beside_the_point(
    evidence: Evidence, output: OutputFacts, thresholds: Mapping[str, float]
) -> Iterator[Sign]:
    """Look for a loss that is satisfied with predictions no better than a constant.

    A loss of the library's own measures what it says; there it would be the classes' counts that
    make balanced skill and loss part.
    """
    if output.loss != "?" or not evidence.is_stuck() or len(evidence.checks) < 3:
        return
    known = math.isfinite(output.trivial_loss) and output.trivial_loss > 0
    start = output.trivial_loss if known else evidence.checks[0].loss
    limit = thresholds["fallen"] if known else thresholds["vanished"]
    if not start > 0:
        return
    ratios = [check.loss / start for check in evidence.checks[-3:]]
    if all(ratio < limit for ratio in ratios):
        told = [
            Measured(FALLEN, ratios[-1], "<", limit),
            Measured(SKILL, evidence.skill, "<", thresholds["skill"]),
        ]
        yield Sign("fault", 0.85 if known else 0.6, told, output.name, evidence.steps)
