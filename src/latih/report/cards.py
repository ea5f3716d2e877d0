"""The diagnosis and the treatment as the page tells them: in the order in which they were."""

from dataclasses import dataclass

from latih.report.evidence_plots import layer_plots, net_plots
from latih.report.findings import Finding
from latih.report.phrases import phrase
from latih.report.plots import Plot
from latih.report.record import Record, Seen
from latih.report.treatment import Treatment, Trial
from latih.report.words import write_count, write_number


@dataclass(frozen=True)
class Card:
    """A finding.

    Args:
        number: by which the plots call it.
        severity: ``"fault"``, ``"advice"`` or ``"note"``.
        badge: the severity in words, and the probability.
        name: its name for people.
        code: its name for programs.
        where: the layer, the step and when it was told.
        cause: why it happens.
        rows: what was measured: its name, the number, the threshold.
        remedies: what helps, the best first.
        doubt: what would change one's mind.
    """

    number: int
    severity: str
    badge: str
    name: str
    code: str
    where: tuple[str, ...]
    cause: str
    rows: tuple[tuple[str, str, str], ...]
    remedies: tuple[str, ...]
    doubt: str


@dataclass(frozen=True)
class Chapter:
    """What was seen in one training.

    Args:
        title: before the treatment or after it.
        verdict: how many faults were found, and how often was looked.
        cards: the findings.
        net_plots: what they rest on, of the whole net.
        layer_plots: the same, of the layers.
    """

    title: str
    verdict: str
    cards: tuple[Card, ...]
    net_plots: tuple[Plot, ...]
    layer_plots: tuple[Plot, ...]


@dataclass(frozen=True)
class Attempt:
    """A trial of a treatment.

    Args:
        remedy: what was done.
        why: for which finding.
        outcome: what was measured.
        kept: whether it helped.
        badge: that in words.
    """

    remedy: str
    why: str
    outcome: str
    kept: bool
    badge: str


@dataclass(frozen=True)
class Story:
    """A treatment.

    Args:
        beginning: what was measured before.
        attempts: the trials, in order.
        ending: what came of it.
        changes: what is different now, a line each.
        code: to paste.
    """

    beginning: tuple[str, ...]
    attempts: tuple[Attempt, ...]
    ending: tuple[str, ...]
    changes: tuple[str, ...]
    code: str


def make_chapters(record: Record) -> tuple[list[Chapter], list[Chapter]]:
    """Make the chapters before a treatment, or without one, and those after it."""
    seen, untreated = record.seen, record.untreated
    if untreated is None:
        return [] if seen is None else [_chapter(seen, "diagnosis")], []
    after = [] if seen is None else [_chapter(seen, "after_treatment")]
    return [_chapter(untreated, "diagnosis")], after


def _chapter(seen: Seen, title: str) -> Chapter:
    watch, findings = seen.watch, seen.findings
    return Chapter(
        title=phrase(title),
        verdict=_verdict(seen),
        cards=tuple(_card(number, one) for number, one in enumerate(findings, start=1)),
        net_plots=() if watch is None else net_plots(watch, findings, seen.epochs, title),
        layer_plots=() if watch is None else layer_plots(watch, findings, title),
    )


def _verdict(seen: Seen) -> str:
    watch = seen.watch
    faults = sum(one.severity == "fault" for one in seen.findings)
    told = {0: phrase("healthy"), 1: phrase("one_fault")}.get(faults, "") or phrase(
        "faults", count=faults
    )
    looks = 0 if watch is None else len(watch.looks)
    if looks:
        told += " " + (phrase("one_look") if looks == 1 else phrase("looks", count=f"{looks:,}"))
    return told


def _card(number: int, finding: Finding) -> Card:
    badge = phrase(finding.severity)
    if finding.probability is not None:
        badge += f" · {finding.probability:.0%}".replace("%", " %")
    return Card(
        number=number,
        severity=finding.severity,
        badge=badge,
        name=str(finding.name),
        code=finding.code,
        where=_where(finding),
        cause=str(finding.cause),
        rows=tuple(
            (
                str(one.name),
                write_number(one.value),
                ""
                if one.threshold is None
                else f"{one.relation} {write_number(one.threshold)}".strip(),
            )
            for one in finding.evidence
        ),
        remedies=tuple(map(str, finding.remedies)),
        doubt=str(finding.doubt),
    )


def _where(finding: Finding) -> tuple[str, ...]:
    told = [f"{phrase('layer')} {finding.layer}"] if finding.layer else []
    if finding.step is not None:
        told.append(phrase("seen_from_step", step=f"{finding.step:,}"))
    if finding.moment == "before":
        told.append(phrase("told_before"))
    elif finding.moment == "end":
        told.append(phrase("told_at_end"))
    elif finding.at_step is not None:
        told.append(phrase("told_at_step", step=f"{finding.at_step:,}"))
    return tuple(told)


def make_story(treatment: Treatment) -> Story:
    """Tell a treatment in the order in which it happened."""
    numbers = {name: write_number(value) for name, value in treatment.numbers.items()}
    beginning = [phrase("on_advice")] if treatment.is_on_advice else []
    if {"trial_epochs", "untreated_skill", "noise"} <= numbers.keys():
        beginning.append(
            phrase(
                "untreated",
                epochs=numbers["trial_epochs"],
                skill=numbers["untreated_skill"],
                noise=numbers["noise"],
            )
        )
    beginning += [] if treatment.trials else [phrase("nothing_tried")]
    ending: list[str] = []
    if treatment.is_as_given:
        ending.append(phrase("as_given", given=numbers["given_skill"]))
    elif "skill" in numbers:
        ending.append(phrase("trained_to_end", skill=numbers["skill"]))
    if {"steps", "cost"} <= numbers.keys():
        steps = write_count(int(treatment.numbers["steps"]))
        ending.append(phrase("cost", steps=steps, cost=f"{treatment.numbers['cost']:.3g}"))
    return Story(
        beginning=tuple(beginning),
        attempts=tuple(map(_attempt, treatment.trials)),
        ending=tuple(ending),
        changes=treatment.changes,
        code=treatment.code,
    )


def _attempt(trial: Trial) -> Attempt:
    if trial.reason:
        outcome = phrase("cannot_be_trained", reason=trial.reason)
    else:
        told = "beat" if trial.kept else "did_not_beat"
        outcome = phrase(told, skill=write_number(trial.skill), needed=write_number(trial.needed))
    return Attempt(
        remedy=str(trial.remedy),
        why=phrase("for_finding", code=trial.finding),
        outcome=outcome,
        kept=trial.kept,
        badge=phrase("kept" if trial.kept else "rolled_back"),
    )
