"""Writes hostile files, has them tried in processes of their own, and counts what came of it."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .case import Case
from .entry_points import ENTRY_POINTS, entry_points_of
from .good import OBEYED, make_good

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Trial:
    """What came of one case at one entry point."""

    case: Case
    entry: str
    cwd: str
    outcome: str
    sentence: str = ""
    seconds: float = 0.0
    mib: float = 0.0
    trouble: Sequence[str] = ()

    @property
    def wrong(self) -> str:
        """What went wrong, or an empty string."""
        way = next(entry for entry in ENTRY_POINTS if entry.name == self.entry)
        obliged = {
            "all": True,
            "files": not way.from_config,
            "compiled": way.compiles,
            "maybe": False,
        }
        if self.trouble:
            return "; ".join(self.trouble)
        if self.outcome not in ("refused", "harmless"):
            return self.outcome
        must = obliged[self.case.must] and not way.may_not_look
        return "was loaded" if must and self.outcome == "harmless" else ""

    def __str__(self) -> str:
        where = f"{self.entry} at {self.cwd}"
        return f"{self.case.kind} / {self.case.name} / {where}: {self.wrong or self.outcome}"


@dataclass
class Campaign:
    """All trials of some cases."""

    trials: list[Trial] = field(default_factory=list)

    @property
    def failures(self) -> list[Trial]:
        """The trials in which something went wrong."""
        return [trial for trial in self.trials if trial.wrong]

    def told(self) -> str:
        """Return the counts by kind, and the worst time and memory."""
        tried = Counter(t.case.kind for t in self.trials)
        refused = Counter(t.case.kind for t in self.trials if t.outcome == "refused")
        harmless = Counter(t.case.kind for t in self.trials if t.outcome == "harmless")
        files = Counter(case.kind for case in {id(t.case): t.case for t in self.trials}.values())
        wrong = Counter(t.case.kind for t in self.failures)
        width = max(len(kind) for kind in tried)
        row = f"{{:{width}}} {{:>6}} {{:>6}} {{:>8}} {{:>9}} {{:>6}}"
        lines = [row.format("kind", "files", "tries", "refused", "harmless", "wrong")]
        counters = (files, tried, refused, harmless, wrong)
        lines += [row.format(kind, *(counter[kind] for counter in counters)) for kind in tried]
        lines.append(row.format("all", *(counter.total() for counter in counters)))
        slowest = max(self.trials, key=lambda t: t.seconds)
        largest = max(self.trials, key=lambda t: t.mib)
        lines.append(f"worst time   {slowest.seconds:.2f} s by {slowest}")
        lines.append(f"worst memory {largest.mib:.0f} MiB over the baseline by {largest}")
        lines += [f"WRONG {trial}" for trial in self.failures]
        return "\n".join(lines)


def run(cases: Iterable[Case], folder: Path, *, only_root: bool = False) -> Campaign:
    """Try cases on all their entry points, from the file's folder and from ``/``.

    Args:
        cases: what to try.
        folder: an empty one.
        only_root: whether to try from ``/`` only, where a check against the working directory
            lets everything through.
    """
    Path(OBEYED).unlink(missing_ok=True)
    folder = folder / "surrounded" / "tried"  # so that what is made beside it is seen
    (folder / "cases").mkdir(parents=True)
    good = make_good(folder)
    jobs: list[tuple[Case, dict[str, Any]]] = []
    for number, case in enumerate(cases):
        path = folder / "cases" / f"{number:04}{case.suffix}"
        path.write_bytes(case.make(good))
        for entry in entry_points_of(str(path)):
            for cwd in ("/",) if only_root else (str(folder / "cases"), "/"):
                job = {"id": len(jobs), "entry": entry.name, "path": str(path), "cwd": cwd}
                jobs.append((case, job))
    campaign, left = Campaign(), jobs
    while left:
        left = _tried(left, folder, campaign)
    return campaign


def _tried(
    jobs: list[tuple[Case, dict[str, Any]]], folder: Path, campaign: Campaign
) -> list[tuple[Case, dict[str, Any]]]:
    """Have jobs tried in one process; return those that are left when it died, less its last."""
    errors = folder / "errors.txt"
    with (
        open(errors, "w") as told_of,
        subprocess.Popen(
            [sys.executable, "-m", "hostile_files.trial", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=told_of,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])},
        ) as process,
    ):
        assert process.stdin is not None and process.stdout is not None
        ready = process.stdout.readline()
        assert ready == "ready\n", errors.read_text()
        for number, (case, job) in enumerate(jobs):
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                told = f"the process died of {-process.wait()}: {errors.read_text()[-300:]}"
                campaign.trials.append(Trial(case, job["entry"], job["cwd"], told))
                return jobs[number + 1 :]
            told = json.loads(line)
            del told["id"]
            if told["outcome"] != "nothing for it":
                campaign.trials.append(Trial(case, job["entry"], job["cwd"], **told))
        process.stdin.close()
    return []
