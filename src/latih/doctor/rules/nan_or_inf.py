"""nan-or-inf: a number that is none, from which nothing can be learned."""

from collections.abc import Iterator, Mapping

from latih.doctor.causes import BOLD, boldness, explodes_at_once, has_broken_data, was_diverging
from latih.doctor.curves import finite
from latih.doctor.evidence import Evidence
from latih.doctor.finding import Measured, Sign
from latih.doctor.rule import rule
from latih.doctor.terms import BOLDNESS
from latih.doctor.words import Words

PLACES = {
    "input": Words("the inputs", "masukan"),
    "target": Words("the targets", "target"),
    "weight": Words("the weights", "bobot"),
    "activation": Words("the activations", "aktivasi"),
    "loss": Words("the loss", "loss"),
    "gradient": Words("the gradients", "gradien"),
}
LAST_LOSS = Words("last finite loss on the probe", "loss terakhir yang berhingga")
COLUMNS = Words(
    "inputs and targets that are not all finite", "masukan dan target yang tidak semua berhingga"
)


@rule(
    code="nan-or-inf",
    name=Words("Not a number", "Bukan bilangan (NaN atau Inf)"),
    cause=Words(
        "A NaN or an infinity spreads to all it is added to or multiplied with; after one step "
        "every weight is lost. It comes from the data, from log(0), 0/0 or an overflow.",
        "NaN atau tak hingga menular ke semua yang dijumlah atau dikali dengannya; setelah satu "
        "langkah semua bobot rusak. Asalnya dari data, log(0), 0/0, atau bilangan yang terlalu "
        "besar.",
    ),
    doubt=Words(
        "If loss and gradients grew for many steps before, the learning rate or exploding "
        "gradients are the reason, and this is how it ended.",
        "Jika loss dan gradien sudah lama membesar, sebabnya laju belajar atau gradien yang "
        "meledak, dan ini hanya akhirnya.",
    ),
    remedies=("clean-data", "output-and-loss", "lower-learning-rate", "clip-gradients"),
    thresholds={"boldness": BOLD},
    source="Wardat et al., DeepLocalize, ICSE 2021, numerical errors; "
    "Humbatova et al., Taxonomy of real faults in deep learning systems, ICSE 2020",
)
def nan_or_inf(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """Find the first number that is none; broken data are certain, the rest may have a root."""
    first = evidence.not_finite
    if first is None:
        facts = (*evidence.facts.inputs, *evidence.facts.outputs)
        broken = [one.name for one in facts if not one.finite]
        if broken:
            yield Sign("fault", 0.98, [Measured(COLUMNS, len(broken), ">", 0.0)])
        return
    place = PLACES.get(first.place, Words(first.place, first.place))
    where = Words(
        f"step at which {place.en} ceased to be finite",
        f"langkah ketika {place.id} tidak lagi berhingga",
    )
    measured = [Measured(where, first.step)]
    known = finite(check.loss for check in evidence.checks)
    if known:
        measured.append(Measured(LAST_LOSS, known[-1]))
    rate = boldness(evidence)
    if rate > limit["boldness"]:
        measured.append(Measured(BOLDNESS, rate, ">", limit["boldness"]))
    yield Sign("fault", _probability(evidence, limit), measured, first.layer, first.step)


def _probability(evidence: Evidence, limit: Mapping[str, float]) -> float:
    """Return how likely nothing deeper than the number itself is to blame."""
    if has_broken_data(evidence):
        return 0.98
    if explodes_at_once(evidence):
        return 0.6
    if evidence.steps and was_diverging(evidence):
        return 0.5
    return 0.6 if boldness(evidence) > limit["boldness"] else 0.85
