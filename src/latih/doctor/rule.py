"""A rule: one illness, told by one function of the evidence."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from latih.doctor.evidence import Evidence
from latih.doctor.finding import Finding, Sign
from latih.doctor.words import Words

Check = Callable[[Evidence, Mapping[str, float]], Iterable[Sign]]


@dataclass(frozen=True)
class Rule:
    """An illness with all that is known of it.

    Args:
        code: its name for programs.
        name: its name for people.
        cause: why it happens.
        doubt: what would change one's mind.
        remedies: what helps, the best first.
        thresholds: the numbers that its check compares with.
        source: where mechanism and thresholds come from.
        check: yields the signs of it that are in the evidence.
    """

    code: str
    name: Words
    cause: Words
    doubt: Words
    remedies: Sequence[str]
    thresholds: Mapping[str, float]
    source: str
    check: Check

    def __call__(self, evidence: Evidence) -> list[Finding]:
        """Return what the evidence says of this illness; nothing, mostly."""
        return [
            Finding(
                code=self.code,
                severity=sign.severity,
                probability=sign.probability,
                layer=sign.layer,
                step=sign.step,
                # Of what was asked for, the numbers that say yes: others would tell against it.
                evidence=tuple(one for one in sign.measured if one.holds),
                remedies=tuple(self.remedies if sign.remedies is None else sign.remedies),
                name=self.name,
                cause=self.cause,
                doubt=self.doubt,
                is_last_resort=sign.is_last_resort,
            )
            for sign in self.check(evidence, self.thresholds)
        ]


def rule(
    *,
    code: str,
    name: Words,
    cause: Words,
    doubt: Words,
    remedies: Sequence[str],
    thresholds: Mapping[str, float],
    source: str,
) -> Callable[[Check], Rule]:
    """Make a rule of the check below it; the arguments are those of :class:`Rule`."""

    def made(check: Check) -> Rule:
        return Rule(code, name, cause, doubt, remedies, thresholds, source, check)

    return made
