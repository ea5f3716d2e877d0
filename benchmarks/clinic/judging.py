"""What the doctor says of stored evidence: once at the end, and at every look on the way."""

from collections.abc import Iterator
from dataclasses import replace

from trial import Record

from latih.doctor import RULES, Evidence, diagnose


def rejudged(record: Record) -> Record:
    """Return a record with what the rules say today of the evidence that it holds."""
    evidence = Evidence.from_dict(record["evidence"])
    told = dict(_told(evidence))
    diagnosis = diagnose(evidence, RULES)
    findings = [finding.to_dict() for finding in diagnosis.findings]
    return {**record, "findings": findings, "told": told}


def _told(evidence: Evidence) -> Iterator[tuple[str, int]]:
    """Yield each fault and the step at which a user hears of it.

    Before the first step and at the end at once, in between when two looks in a row have it.
    """
    known: set[str] = set()
    suspected: list[str] = []
    for moment in _moments(evidence):
        faults = [finding.code for finding in diagnose(moment, RULES).faults]
        at_once = moment.ended or moment.steps == 0 or moment.not_finite is not None
        for code in faults:
            if code not in known and (at_once or code in suspected):
                known.add(code)
                yield code, moment.steps
        suspected = faults


def _moments(evidence: Evidence) -> Iterator[Evidence]:
    """Yield the evidence as it stood at each look, and as it is."""
    broken = evidence.not_finite
    for count, check in enumerate(evidence.checks, start=1):
        yield replace(
            evidence,
            checks=evidence.checks[:count],
            epochs=evidence.epochs[: check.epoch],
            not_finite=broken if broken is not None and broken.step <= check.step else None,
            ended=False,
        )
    yield evidence


def faults_of(record: Record) -> list[str]:
    """Return the codes of the faults, the most probable first."""
    return [one["code"] for one in record["findings"] if one["severity"] == "fault"]
