"""Which remedies are worth a trial, and in which order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from latih.doctor.diagnosis import Diagnosis
from latih.doctor.finding import Finding

NEXT = 0.6
"""What the next remedy of a finding is worth against the one before it."""

DEAR: Mapping[str, float] = {"more-epochs": 0.5}
"""What a remedy is worth less because of what it costs."""

FURTHER: Mapping[str, Sequence[str]] = {"nan-or-inf": ("relu", "initialise", "scale-inputs")}
"""What may help against a finding after its own remedies."""

FALLBACK = (
    *("output-and-loss", "scale-inputs", "batch-normalisation", "initialise", "relu"),
    "other-optimizer",
)
"""What helps most often, if all that was proposed for a fault does not."""

LAST = 0.01
"""What the first of those promises."""

CONTRADICTORY = "wrong-output-activation", "wrong-loss", "label-range"
CERTAIN = 0.9
"""With this probability, and from no step, one of these is so whatever is learnt."""


@dataclass(frozen=True)
class Proposal:
    """A remedy to try.

    Args:
        remedy: its name.
        finding: the code of what it is for.
        promise: how much is expected of it: the finding's probability, less for each remedy that
            goes before.
    """

    remedy: str
    finding: str
    promise: float


def proposals(
    diagnosis: Diagnosis,
    tried: Collection[str],
    *,
    takes_advice: bool = True,
    thinks: bool = True,
) -> list[Proposal]:
    """Return the remedies to try, the most promising first, each once.

    Args:
        diagnosis: what was found.
        tried: remedies that were tried already.
        takes_advice: whether, if there is no fault, what is advice is treated.
        thinks: whether remedies are thought of that no finding has.

    Example:
        >>> proposals(Diagnosis([]), ())
        []
    """
    findings: Sequence[Finding] = diagnosis.faults
    if not findings and takes_advice:
        findings = [one for one in diagnosis.findings if one.severity == "advice"]
    found = [
        Proposal(remedy, one.code, one.probability * NEXT**place * DEAR.get(remedy, 1.0))
        for one in findings
        for place, remedy in enumerate(_remedies(one, thinks=thinks))
    ]
    if diagnosis.faults and thinks:
        code = diagnosis.faults[0].code
        found += [Proposal(one, code, LAST * NEXT**place) for place, one in enumerate(FALLBACK)]
    first: dict[str, Proposal] = {}
    for one in sorted(found, key=lambda one: -one.promise):
        if one.remedy not in tried:
            first.setdefault(one.remedy, one)
    return list(first.values())


def is_for_contradiction(proposal: Proposal, diagnosis: Diagnosis) -> bool:
    """Say whether a remedy makes an output and a loss fit that never could.

    Args:
        proposal: the remedy.
        diagnosis: what was found.

    Example:
        >>> is_for_contradiction(Proposal("relu", "dying-relu", 0.9), Diagnosis([]))
        False
    """
    return proposal.remedy == "output-and-loss" and any(
        one.code == proposal.finding
        and one.code in CONTRADICTORY
        and one.step is None
        and one.probability >= CERTAIN
        for one in diagnosis.faults
    )


def _remedies(finding: Finding, *, thinks: bool) -> Sequence[str]:
    return (*finding.remedies, *(FURTHER.get(finding.code, ()) if thinks else ()))
