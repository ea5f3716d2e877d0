"""saturated-activation: sigmoids and tanhs in their flat parts, where no gradient is."""

from collections.abc import Iterator, Mapping
from statistics import median

from latih.doctor.causes import has_broken_data, has_wild_inputs, was_thrown
from latih.doctor.curves import PERSISTENT, persists
from latih.doctor.evidence import Evidence
from latih.doctor.fact_records import LayerFacts
from latih.doctor.finding import Measured, Sign
from latih.doctor.rule import rule
from latih.doctor.terms import SKILL
from latih.doctor.words import Words

SATURATED = Words("share of saturated units", "bagian unit yang jenuh")
BEFORE = Words("share of saturated units before training", "bagian unit yang jenuh sebelum latihan")


@rule(
    code="saturated-activation",
    name=Words("Saturated activation", "Aktivasi jenuh"),
    cause=Words(
        "The inputs of sigmoid or tanh are so large that they lie where the curve is flat: the "
        "units give nearly the same for every example and pass no gradient on.",
        "Masukan sigmoid atau tanh begitu besar sehingga berada di bagian kurva yang datar: "
        "keluarannya hampir sama untuk semua contoh dan gradien tidak diteruskan.",
    ),
    doubt=Words(
        "If the skill is good, saturated units are decisions and no illness.",
        "Jika skill-nya baik, unit jenuh adalah keputusan, bukan penyakit.",
    ),
    remedies=("scale-inputs", "initialise", "batch-normalisation", "relu", "lower-learning-rate"),
    thresholds={"many": 0.5, "output": 0.9, "skill": 0.05, "fine": 0.7},
    source="Glorot and Bengio, AISTATS 2010, section 3; "
    "Wardat et al., DeepDiagnosis, ICSE 2022 (more than half of a layer, there without outcome)",
)
def saturated_activation(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """Find layers of which most units are flat on nearly every row, three checks running."""
    if evidence.not_finite or has_broken_data(evidence):
        return
    stuck = evidence.is_stuck(limit["skill"])
    front = True
    for one in evidence.facts.layers:
        past = list(evidence.series(one.name, "saturated"))
        if not past:
            continue
        least = limit["output" if one.is_output else "many"]
        shares = [share for _, share in past]
        if persists(share > least for share in shares):
            measured = [
                Measured(SATURATED, median(shares[-PERSISTENT:]), ">", least),
                Measured(BEFORE, shares[0]),
                Measured(SKILL, evidence.skill, "<", limit["skill"]),
            ]
            step = next(step for step, share in past if share > least)
            if stuck or (evidence.is_poor() and not one.is_output):
                sure = _probability(evidence, one, shares[0] > least, front, stuck)
                yield Sign("fault", sure, measured, one.name, step)
            elif evidence.skill < limit["fine"] and not one.is_output:
                yield Sign("advice", 0.3, measured[:2], one.name, step)
        front = False


def _probability(
    evidence: Evidence, layer: LayerFacts, from_start: bool, front: bool, stuck: bool
) -> float:
    """Return how likely saturation is the root, and not what made the pre-activations large."""
    if layer.is_output:
        return 0.45
    if front and has_wild_inputs(evidence):
        return 0.6
    if from_start and layer.kernel_deviation * layer.fan_in**0.5 > 3:
        return 0.6
    if was_thrown(evidence):
        return 0.6
    return 0.8 if stuck else 0.6
