"""dying-relu: units that are 0 for every example and never come back."""

from collections.abc import Iterator, Mapping
from statistics import median

from latih.doctor.causes import has_broken_data, has_wild_inputs, silent_layers, was_thrown
from latih.doctor.curves import PERSISTENT, began, finite, persists
from latih.doctor.evidence import Evidence
from latih.doctor.finding import Measured, Sign
from latih.doctor.rule import rule
from latih.doctor.terms import SILENT, SKILL
from latih.doctor.words import Words

BEFORE = Words("share of dead units before training", "bagian unit yang mati sebelum latihan")


@rule(
    code="dying-relu",
    name=Words("Dying ReLU", "ReLU mati"),
    cause=Words(
        "A ReLU whose input is negative for every example gives 0 and has no gradient, so that "
        "nothing brings it back; behind a layer of such units all examples look alike.",
        "ReLU yang masukannya negatif untuk semua contoh bernilai 0 dan tanpa gradien, sehingga "
        "tidak dapat pulih; di belakang lapisan seperti itu semua contoh tampak sama.",
    ),
    doubt=Words(
        "If the same units answer to other examples, they are sparse and not dead.",
        "Jika unit itu aktif pada contoh lain, unit itu hanya jarang aktif, bukan mati.",
    ),
    remedies=("initialise", "leaky-activation", "lower-learning-rate", "batch-normalisation"),
    thresholds={"advice": 0.25, "many": 0.5, "all": 0.999, "skill": 0.05, "fine": 0.9},
    source="Lu et al., Dying ReLU and initialization, 2020, theorem 3.1; "
    "units and not activations are counted, unlike DeepDiagnosis, ICSE 2022",
)
def dying_relu(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """Find layers of which many units are 0 on every row of the probe, three checks running."""
    if len(evidence.checks) < PERSISTENT or evidence.not_finite or has_broken_data(evidence):
        return
    shares = [silent_layers(check, evidence.facts.layers) for check in evidence.checks]
    for name in shares[-1]:
        past = [one.get(name, 0.0) for one in shares]
        recent = median(past[-PERSISTENT:])
        if persists(one >= limit["all"] for one in past):
            yield from _whole(evidence, limit, name, past)
        elif persists(one > limit["many"] for one in past) and evidence.is_stuck(limit["skill"]):
            measured = [
                Measured(SILENT, recent, ">", limit["many"]),
                Measured(SKILL, evidence.skill, "<", limit["skill"]),
            ]
            step = evidence.checks[began([one > limit["many"] for one in past])].step
            yield Sign("fault", _blame(evidence, past, 0.8), measured, name, step)
        else:
            least = limit["many" if evidence.skill >= limit["fine"] else "advice"]
            if persists(one > least for one in past):
                yield Sign("advice", 0.3, [Measured(SILENT, recent, ">", least)], name)


def _whole(
    evidence: Evidence, limit: Mapping[str, float], name: str, past: list[float]
) -> Iterator[Sign]:
    """A layer without a living unit: certain, unless something leads around it."""
    measured = [
        Measured(SILENT, past[-1], ">", limit["all"]),
        Measured(BEFORE, past[0]),
        Measured(SKILL, evidence.skill, "<", limit["skill"]),
    ]
    step = evidence.checks[began([one >= limit["all"] for one in past])].step
    cut_off = evidence.skill <= limit["skill"] and _nothing_passes(evidence, name)
    if cut_off or evidence.is_stuck(limit["skill"]):
        yield Sign("fault", _blame(evidence, past, 0.95), measured, name, step)
    else:
        yield Sign("advice", 0.4, measured[:2], name, step)


def _nothing_passes(evidence: Evidence, name: str) -> bool:
    """Say whether no layer up to this one has a gradient any more; then time will not help."""
    names = [one.name for one in evidence.facts.layers]
    front = set(names[: names.index(name) + 1]) & {one.name for one in evidence.weighted_layers}
    recent = evidence.checks[-PERSISTENT:]
    known = finite(
        signs.gradient for check in recent for key, signs in check.layers.items() if key in front
    )
    return bool(known) and max(known) == 0.0


def _blame(evidence: Evidence, past: list[float], probability: float) -> float:
    """Return the probability, less if something else killed what was alive."""
    if past[0] > 0.5:
        return probability
    followed = was_thrown(evidence) or has_wild_inputs(evidence)
    return min(probability, 0.6 if followed else 0.85)
