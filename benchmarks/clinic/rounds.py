"""The doctor's rounds: which programs there are, their runs in processes of their own, the page."""

import argparse
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import healthy
import page
import published
import split
import twins
from judging import rejudged
from program import Program
from trial import Record, run
from trios import TRIOS
from words import UnknownWord

ROOT = Path(__file__).parents[2]
CASES = ROOT.parent / "shared" / "clinic" / "cases.json"
PARTS = ("cases", "twins", "trios", "healthy")


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
    file = told.output / "records.jsonl"
    held = {(one["name"], one["seed"]): one for one in _records(file)}
    if not told.rejudge:
        asked = [(name, seed) for seed in range(told.seeds) for name in chosen]
        done = held if told.resume else {}
        _run_all([one for one in asked if one not in done], told, file, afresh=not told.resume)
        held = {(one["name"], one["seed"]): one for one in _records(file)}
    records = [rejudged(one) for one in held.values() if one["name"] in chosen]
    text = page.of(records, halves, left_out, told.share)
    (told.output / "CLINIC.md").write_text(text, encoding="utf-8")
    if told.page:
        told.page.write_text(text, encoding="utf-8")
    print(text)


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
            pool.submit(_one, name, seed, told.cases, told.parts, told.seconds, told.share)
            for name, seed in asked
        ]
        for count, future in enumerate(as_completed(running), start=1):
            record = future.result()
            out.write(json.dumps(record) + "\n")
            out.flush()
            faults = [one["code"] for one in record["findings"] if one["severity"] == "fault"]
            ended = record.get("refused") or record.get("broke") or f"score {record['score']}"
            named = f"{record['name']} (seed {record['seed']})"
            print(f"{count}/{len(asked)} {named}: {faults or 'no fault'}; {ended}", flush=True)


def _one(
    name: str, seed: int, cases: Path | None, parts: tuple[str, ...], seconds: float, share: float
) -> Record:
    known, _ = catalogue(cases, parts)
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
    parser.add_argument("--page", type=Path, help="where the table is written, too")
    parser.add_argument("--resume", action="store_true", help="leave out what has been run")
    parser.add_argument("--rejudge", action="store_true", help="train nothing, ask the rules again")
    told = parser.parse_args(arguments)
    told.parts = tuple(told.parts)
    return told
