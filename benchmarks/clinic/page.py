"""CLINIC.md, from what was said of each run."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import scoring
from judging import faults_of
from split import HALVES
from trial import Record

HEAD = """# The clinic

Made by `make clinic`. Programs with a known illness and healthy ones, trained under the doctor's
eyes. In parentheses: how many of how many, and Wilson's 95% interval. *Detected*: at least one
fault is told, in the end or on the way, or `fit` refuses to begin and says why. *First*, *in
three*: the program's own illness is the first fault that is told, or one of three. *Recall*,
*precision*: of the published labels that have a code, how many are named; of the faults that are
told, how many are among the labels. *In time*: of those named, how many before the 200th step or
in the first twentieth of the training. *False alarm*: any fault, at the end or on the way, on a
run that is healthy: a run that did not reach its score is not counted. *Those that it harms*: of
the sick those that do not come within five points of their healthy twin; of the others there is a
mistake in the program, and none in what comes of it. Thresholds were tuned on the one half; after
the other half had been looked at, one rule was taken back (sigmoids under a cross-entropy of
classes, which healthy controls have too, are advice again unless the run ends low).
"""

NEAR = 0.05
"""So far below its twin a run does as well."""

COLUMNS = (
    "detected",
    "first",
    "in three",
    "recall",
    "precision",
    "in time",
    "false alarms",
    "by the end",
)


def of(
    records: Sequence[Record],
    halves: Mapping[str, str],
    left_out: Sequence[str],
    share: float,
    further: Sequence[str] = (),
) -> str:
    """Return the page.

    Args:
        records: judged by today's rules.
        halves: of the split, by the names of the programs.
        left_out: what could not be run, each with the reason.
        share: of the time that the doctor was allowed.
        further: lines of sections that stand before what is listed by name.
    """
    lines = [HEAD]
    runs, programs = len(records), len({one["name"] for one in records})
    lines += [f"{runs} runs of {programs} programs; the doctor's share of the time: {share:g}.", ""]
    lines += ["## By half of the split", ""]
    parts = [(half, [r for r in records if halves.get(r["name"]) == half]) for half in HALVES]
    scores = _scores(records)
    harmed = [one for one in records if one["codes"] and not _does_as_well(one, scores)]
    published = [(f"{half}, published", list(filter(_is_published, some))) for half, some in parts]
    alone = ("all, published", list(filter(_is_published, records)))
    whole = ("**all**", list(records))
    lines += _table([*parts, whole, *published, alone, ("those that it harms", harmed)])
    lines += ["## By origin", ""]
    origins = sorted({one["origin"] for one in records})
    lines += _table([(one, [r for r in records if r["origin"] == one]) for one in origins])
    lines += ["## By how sure the labels are", ""]
    sure = sorted({one["confidence"] for one in records})
    lines += _table([(one, [r for r in records if r["confidence"] == one]) for one in sure])
    lines += further
    lines += _listed(
        "## Missed: no fault told",
        _sick(records),
        _is_missed,
        lambda one: _what_was_seen(one, scores),
    )
    lines += _listed("## Not named among the first three", _sick(records), _is_misnamed, _named)
    lines += _listed("## False alarms", _healthy(records), scoring.is_false_alarm, _alarm)
    lines += _listed("## Not counted as healthy", records, _is_not_decent, _what_was_reached)
    lines += _listed("## Not counted as sick", records, _is_well, _what_was_reached)
    lines += _listed("## Broke off", records, lambda one: bool(one.get("broke")), _broken)
    lines += _listed("## Not run as published", records, _is_changed, _changes, once=True)
    lines += ["## Left out", "", *(f"- {one}" for one in left_out or ["nothing"]), ""]
    return "\n".join(lines)


def _sick(records: Iterable[Record]) -> list[Record]:
    return [one for one in records if one["codes"] and one.get("is_sick", True)]


def _healthy(records: Iterable[Record]) -> list[Record]:
    return [one for one in records if not one["codes"] and not _is_not_decent(one)]


def _is_not_decent(record: Record) -> bool:
    return not record["codes"] and not record.get("is_decent", False) and not record.get("refused")


def _scores(records: Iterable[Record]) -> dict[tuple[str, int], float]:
    """Return what each run reached."""
    return {
        (one["name"], one["seed"]): one["score"] for one in records if one.get("score") is not None
    }


def _twin_of(record: Record, scores: Mapping[tuple[str, int], float]) -> float:
    """Return what the healthy twin of a run reached; NaN if it has none that ran."""
    name, seed = record["name"], record["seed"]
    names = (f"{name}~twin", f"{name.removesuffix('/sick')}/healthy")
    return next((scores[one, seed] for one in names if (one, seed) in scores), math.nan)


def _is_published(record: Record) -> bool:
    """Say whether it is somebody else's program, and neither made here nor mended here."""
    origin = record["origin"]
    return not origin.startswith(("own", "trios")) and not origin.endswith("twins")


def _does_as_well(record: Record, scores: Mapping[tuple[str, int], float]) -> bool:
    """Say whether a sick program came within five points of its healthy twin."""
    reached = record.get("score")
    least = _twin_of(record, scores) - NEAR
    return reached is not None and reached >= least


def _is_well(record: Record) -> bool:
    return bool(record["codes"]) and not record.get("is_sick", True)


def _table(parts: Sequence[tuple[str, list[Record]]]) -> list[str]:
    lines = [f"| | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, records in parts:
        sick, healthy = _sick(records), _healthy(records)
        cells = [
            scoring.share(map(scoring.is_detected, sick)),
            scoring.share(scoring.is_named(one, 1) for one in sick),
            scoring.share(scoring.is_named(one, 3) for one in sick),
            scoring.label_recall(sick),
            scoring.label_precision([one for one in sick if one["labels"]]),
            scoring.share(scoring.is_in_time(one) for one in sick if scoring.is_named(one, 3)),
            scoring.share(map(scoring.is_false_alarm, healthy)),
            scoring.share(bool(faults_of(one)) for one in healthy),
        ]
        lines.append(f"| {name} | {' | '.join(map(str, cells))} |")
    return [*lines, ""]


def _listed(
    title: str,
    records: Sequence[Record],
    condition: Callable[[Record], bool],
    told: Callable[[Record], str],
    *,
    once: bool = False,
) -> list[str]:
    chosen = [one for one in records if condition(one)]
    lines = [title, ""]
    if once:
        chosen = list({one["name"]: one for one in reversed(chosen)}.values())[::-1]
        lines += [f"- {one['name']}: {told(one)}" for one in chosen]
    else:
        lines += [f"- {one['name']} (seed {one['seed']}): {told(one)}" for one in chosen]
    return [*lines, *([] if chosen else ["- none"]), ""]


def _is_missed(record: Record) -> bool:
    return not scoring.is_detected(record)


def _is_misnamed(record: Record) -> bool:
    return scoring.is_detected(record) and not scoring.is_named(record, 3)


def _is_changed(record: Record) -> bool:
    return bool(record["remarks"] or record.get("capped") or record.get("stopped"))


def _named(record: Record) -> str:
    return f"told {_codes(record)}, and it has {', '.join(record['codes'])}"


def _alarm(record: Record) -> str:
    on_the_way = [f"{code} at step {step}" for code, step in record.get("told", {}).items()]
    return f"told {_codes(record)}; on the way {', '.join(on_the_way) or 'nothing'}"


def _codes(record: Record) -> str:
    return record.get("refused") or ", ".join(faults_of(record)) or "nothing"


def _what_was_seen(record: Record, scores: Mapping[tuple[str, int], float]) -> str:
    has = f"it has {', '.join(record['codes'])}"
    if record.get("refused") or record.get("broke"):
        return f"{has}; {record.get('refused') or record['broke']}"
    checks = record["evidence"]["checks"]
    skill = checks[-1]["skill"] if checks else math.nan
    advice = [one["code"] for one in record["findings"] if one["severity"] != "fault"]
    told = [f"advice {', '.join(advice) or 'none'}", f"skill in the end {skill:.2f}"]
    if _does_as_well(record, scores):
        told.append(f"it scores {record['score']:.2f}, its twin {_twin_of(record, scores):.2f}")
    if record.get("capped"):
        told.append(f"it ran {record['epochs']} of its {record['planned']} epochs")
    return f"{has}; {'; '.join(told)}"


def _what_was_reached(record: Record) -> str:
    asked = f", of {record['enough']} asked for" if record["enough"] is not None else ""
    return f"reached {record.get('score')}{asked}"


def _broken(record: Record) -> str:
    return f"{record['broke'].splitlines()[0][:200]}"


def _changes(record: Record) -> str:
    changes = list(record["remarks"])
    if record.get("capped"):
        changes.append(f"{record['epochs']} epochs of {record['planned']}")
    if record.get("stopped"):
        changes.append("ended by the clock")
    return "; ".join(changes)
