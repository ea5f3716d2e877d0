"""Many runs of every variant, shared out to processes, and the table of what came of them."""

import random
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from .chain import MOST_KILLS, Chain, run_chain
from .program import VARIANTS, write_data
from .progress import PHASES
from .reference import Reference, run_alone


@dataclass
class Tally:
    """What came of the runs of one variant.

    Args:
        variant: its place in :data:`VARIANTS`.
        runs: how many were completed.
        identical: how many ended as the run that was left alone.
        kills: how many deaths there were, by phase.
        in_call: how many of them in the midst of a call on a file.
        repeated: the most steps that were done again.
        seconds: how long it took.
        failures: what went wrong, with what it takes to see it again.
    """

    variant: int
    runs: int = 0
    identical: int = 0
    kills: Counter[str] = field(default_factory=Counter[str])
    in_call: int = 0
    repeated: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list[str])

    def add(self, chain: Chain, seed: int) -> None:
        """Count one run."""
        self.runs += 1
        self.identical += not chain.problems
        self.kills.update(kill.phase for kill in chain.kills)
        self.in_call += sum(kill.in_call for kill in chain.kills)
        self.repeated = max([self.repeated, *chain.repeated])
        if chain.problems:
            story = ", ".join(f"{kill.how} ({kill.phase})" for kill in chain.kills)
            shown = "; ".join(chain.problems[:6])
            self.failures.append(f"--variant {self.variant} --replay {seed}: {shown} [{story}]")


def run_campaign(kills: int, fresh: int, seed: int, folder: Path, jobs: int) -> list[Tally]:
    """Kill every variant as often as every other.

    Args:
        kills: how often in all.
        fresh: how many of them in processes that import everything themselves.
        seed: what all instants follow from.
        folder: an empty one.
        jobs: how many runs go on side by side.
    """
    count = len(VARIANTS)
    shares = [kills // count + (number < kills % count) for number in range(count)]
    of_fresh = [fresh // count + (number < fresh % count) for number in range(count)]
    same = [seed] * count, [folder] * count
    # Forked: what is imported here is imported there.
    with ProcessPoolExecutor(jobs, get_context("fork")) as pool:
        return list(pool.map(run_variant, range(count), shares, of_fresh, *same))


def run_variant(variant: int, kills: int, fresh: int, seed: int, folder: Path) -> Tally:
    """Kill one variant, run after run, until it was killed so often."""
    begun, tally = time.monotonic(), Tally(variant)
    reference = _reference(variant, folder / str(variant))
    draw = random.Random(f"{seed} {variant}")
    while tally.kills.total() < kills and len(tally.failures) < 3:
        of_run = draw.getrandbits(32)
        left = fresh - tally.kills.total()
        is_fresh = left > 0
        most = left if is_fresh else kills - tally.kills.total()
        where = reference.data / f"run-{of_run}"
        chain = run_chain(reference, where, of_run, most, is_fresh)
        tally.add(chain, of_run)
        if not chain.problems:
            shutil.rmtree(where)
    tally.seconds = time.monotonic() - begun
    return tally


def replay(variant: int, of_run: int, folder: Path) -> Tally:
    """Kill a run again that went wrong: at the same calls, and as near as may be in time."""
    begun, tally = time.monotonic(), Tally(variant)
    reference = _reference(variant, folder / str(variant))
    tally.add(run_chain(reference, folder / "run", of_run, MOST_KILLS, False), of_run)
    tally.seconds = time.monotonic() - begun
    return tally


def _reference(variant: int, place: Path) -> Reference:
    place.mkdir()
    write_data(place)
    return run_alone(variant, place, place / "alone")


def told(tallies: Sequence[Tally]) -> str:
    """Return the table, and what went wrong."""
    heads = ["variant", "kills", *PHASES, "in a call", "runs", "identical", "repeated", "seconds"]
    rows = [
        [
            VARIANTS[t.variant].name,
            t.kills.total(),
            *(t.kills[phase] for phase in PHASES),
            t.in_call,
            t.runs,
            t.identical,
            f"{t.repeated} of {VARIANTS[t.variant].interval or VARIANTS[t.variant].every}",
            f"{t.seconds:.0f}",
        ]
        for t in tallies
    ]
    numbers = range(1, len(PHASES) + 5)
    rows.append(["all", *(sum(int(row[at]) for row in rows) for at in numbers), "", ""])
    texts = [[str(cell) for cell in row] for row in [heads, *rows]]
    widths = [max(len(row[at]) for row in texts) for at in range(len(heads))]
    lines = [
        "  ".join(cell.rjust(width) if at else cell.ljust(width) for at, (cell, width) in cells)
        for cells in (enumerate(zip(row, widths, strict=True)) for row in texts)
    ]
    return "\n".join([*lines, *(f"WRONG {one}" for t in tallies for one in t.failures)])
