"""The doctor's rounds: which programs there are, their runs in processes of their own, the page."""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import beside
import healthy
import outcomes
import page
import published
import split
import treatments
import twins
from judging import faults_of, rejudged
from program import Program
from trial import Record, run
from trios import TRIOS
from words import UnknownWord

ROOT = Path(__file__).parents[2]
CASES = ROOT.parent / "shared" / "clinic" / "cases.json"
PARTS = ("cases", "twins", "trios", "healthy")
STORED = Path(__file__).with_name("stored")
FILES = {name: f"{name}.jsonl" for name in ("baselines", "treatments")} | {
    "doctor": "records.jsonl"
}
WORK = {
    "baselines": "run the published systems, and no doctor",
    "treatments": "treat the sick programs that have a healthy twin",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is asked for, judge it, print and write the page.

    Args:
        arguments: of the command line; None for those of the program.
    """
    told = _told(arguments)
    known, left_out = catalogue(told.cases, told.parts)
    halves = split.extended(split.read(), [(one.name, one.origin) for one in known.values()])
    if told.cases == CASES:  # those of others keep the half that their names give them
        split.write(halves)
    chosen = [
        name
        for name, program in known.items()
        if told.only in f"{program.origin}: {name}" and told.half in (None, halves[name])
    ]
    told.output.mkdir(parents=True, exist_ok=True)
    if not told.rejudge:
        _round(chosen, told)
    held = _by_run(told.output / FILES["doctor"])
    records = [rejudged(one) for one in held.values() if one["name"] in chosen]
    further = [
        *beside.section(records, _chosen(told, "baselines", chosen), halves),
        *outcomes.section(_chosen(told, "treatments", chosen)),
    ]
    text = page.of(records, halves, left_out, told.share, further)
    (told.output / "CLINIC.md").write_text(text, encoding="utf-8")
    if told.page:
        told.page.write_text(text, encoding="utf-8")
    print(text)


def _round(chosen: Sequence[str], told: argparse.Namespace) -> None:
    """Run all that was not run yet, or all, and keep what came of it in the order of the names."""
    file = (told.output if told.work == "doctor" else told.stored) / FILES[told.work]
    file.parent.mkdir(parents=True, exist_ok=True)
    held = _by_run(file)
    if told.work == "treatments":
        known, _ = catalogue(told.cases, told.parts)
        chosen = [name for name in chosen if _twin_of(name, known) is not None]
    asked = [(name, seed) for seed in range(told.seeds) for name in chosen]
    if told.resume:
        asked = [one for one in asked if one not in held]
    is_kept = told.resume or told.work != "doctor"
    _run_all(asked, told, file, afresh=not is_kept)
    if told.work != "doctor":  # these lie among the sources: a new run takes the place of its old
        lines = [json.dumps(one) + "\n" for _, one in sorted(_by_run(file).items())]
        file.write_text("".join(lines), encoding="utf-8")


def _by_run(file: Path) -> dict[tuple[str, int], Record]:
    return {(one["name"], one["seed"]): one for one in _records(file)}


def _chosen(told: argparse.Namespace, work: str, names: Sequence[str]) -> list[Record]:
    return [one for one in _records(told.stored / FILES[work]) if one["name"] in names]


def _twin_of(name: str, known: Mapping[str, Program]) -> Program | None:
    """Return the healthy twin of a sick program; None if it is healthy, or has none."""
    program = known[name]
    names = (f"{name}~twin", f"{name.partition('/')[0]}/healthy")
    return next((known[one] for one in names if program.codes and one in known), None)


@cache
def catalogue(
    cases: Path | None, parts: tuple[str, ...] = PARTS
) -> tuple[dict[str, Program], tuple[str, ...]]:
    """Return all programs by name, and what is left out, each with the reason.

    Args:
        cases: the file of published cases; None if there is none.
        parts: which of :data:`PARTS`.
    """
    found: list[Program] = []
    left_out: list[str] = []
    if cases is not None and cases.is_file():
        found += _published(published.read(cases), parts, left_out)
    elif {"cases", "twins"} & {*parts}:
        left_out.append(f"published cases: no file {cases}")
    if "trios" in parts:
        found += [program for trio in TRIOS for program in trio.programs]
    if "healthy" in parts:
        there, missing = healthy.programs()
        found += there
        left_out += [f"{name}: its data are not installed" for name in missing]
    return {program.name: program for program in found}, tuple(left_out)


def _published(
    cases: list[published.Case], parts: tuple[str, ...], left_out: list[str]
) -> Iterator[Program]:
    others = {case["id"]: case for case in cases}
    for case in cases:
        wanted = [case] if "cases" in parts else []
        if "twins" in parts and (twin := twins.twin_of(case, others)) is not None:
            wanted.append(twin)
        for one in wanted:
            try:
                yield published.program_of(one)
            except UnknownWord as word:
                left_out.append(f"{one['id']}: nobody knows the {word}")
            except Exception as error:  # a case of somebody else's may be anything
                left_out.append(f"{one['id']}: {type(error).__name__}: {error}")


def _run_all(
    asked: Sequence[tuple[str, int]], told: argparse.Namespace, file: Path, *, afresh: bool
) -> None:
    with (
        file.open("w" if afresh else "a", encoding="utf-8") as out,
        ProcessPoolExecutor(told.processes, get_context("spawn")) as pool,
    ):
        running = [
            pool.submit(
                *(_one, told.work, name, seed, told.cases, told.parts, told.seconds, told.share)
            )
            for name, seed in asked
        ]
        for count, future in enumerate(as_completed(running), start=1):
            record = future.result()
            out.write(json.dumps(record) + "\n")
            out.flush()
            named = f"{record['name']} (seed {record['seed']})"
            print(f"{count}/{len(asked)} {named}: {_told_of(record)}", flush=True)


def _told_of(record: Record) -> str:
    """Return a line for the terminal."""
    ended = record.get("refused") or record.get("broke")
    if ended or "treated" not in record:
        faults = faults_of(record) if "findings" in record else []
        return f"{faults or 'no fault'}; {ended or 'score ' + str(record['score'])}"
    told = ("untreated", "treated", "by_lot", "twin", "cost")
    return ", ".join(f"{name} {record[name]:.2f}" for name in told)


def _one(
    work: str,
    name: str,
    seed: int,
    cases: Path | None,
    parts: tuple[str, ...],
    seconds: float,
    share: float,
) -> Record:
    known, _ = catalogue(cases, parts)
    if work == "baselines":
        return beside.heard(known[name], seed, seconds)
    if work == "treatments":
        twin = _twin_of(name, known)
        assert twin is not None, "asked for only where there is one"
        return treatments.treated(known[name], twin, seed, seconds)
    return run(known[name], seed, seconds, share)


def _records(file: Path) -> list[Record]:
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _told(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the clinic, and write CLINIC.md.")
    parser.add_argument("--cases", type=Path, default=CASES, help="the file of published cases")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--only", default="", help="programs whose origin or name has this in it")
    parser.add_argument("--half", choices=split.HALVES, help="one half of the split")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each program")
    parser.add_argument("--seconds", type=float, default=20.0, help="a run; epochs are cut to it")
    parser.add_argument("--share", type=float, default=1.0, help="of the time, for the doctor")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--output", type=Path, default=ROOT / "runs" / "clinic")
    parser.add_argument("--stored", type=Path, default=STORED, help="what lies among the sources")
    parser.add_argument("--page", type=Path, help="where the table is written, too")
    parser.add_argument("--resume", action="store_true", help="leave out what has been run")
    parser.add_argument("--rejudge", action="store_true", help="train nothing, ask the rules again")
    for work, meaning in WORK.items():
        told_by = {"action": "store_const", "const": work, "dest": "work", "default": "doctor"}
        parser.add_argument(f"--{work}", **told_by, help=meaning)
    told = parser.parse_args(arguments)
    told.parts = tuple(told.parts)
    return told
