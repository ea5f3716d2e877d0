"""One run that is killed and resumed, killed and resumed, until it ends."""

import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from .child import Life, as_argument, fork
from .death import draw_death
from .outcome import differences, losses_of, read_log
from .program import EPOCHS, STEPS, VARIANTS
from .progress import END, START, STEP, Progress
from .remains import Alone, has_snapshot, leftovers, wrong_remains

SEED = 3
"""The global seed of every run; what goes on from a snapshot is given another."""
DEADLINE = 180.0
"""After so many seconds a process hangs."""
MOST_KILLS = 12
"""After so many a run is left to its end: on a machine that is too busy none would ever come."""
SLOW = (0.0, 0.0, 0.004, 0.02)
"""How much longer a disk takes for a snapshot, in seconds for each step of the interval."""
IN_CALL = 0.35
"""How often a process kills itself in the midst of a write, and not its parent at any instant."""
AT_START, AT_END = 0.15, 0.1
"""How often an instant is before the first step, or after the last: these take long, and less can
be lost in them."""


@dataclass
class Reference:
    """The run that was left alone, with whose end the others are compared.

    Args:
        place: where it is.
        data: where its data are.
        variant: its place in :data:`VARIANTS`.
        starting: how many seconds it took to its first step.
        training: from there to its last.
        ending: from there to its end.
        calls: how often it called what touches a file, by the call and the kind of file.
        alone: what it says of every moment.
    """

    place: Path
    data: Path
    variant: int
    starting: float
    training: float
    ending: float
    calls: Counter[tuple[str, str]]
    alone: Alone

    def instant(self, done: int, draw: random.Random) -> float:
        """Draw when a process is killed that has the steps before it to do no more."""
        left = self.training * (1.0 - done / (EPOCHS * STEPS))
        where = draw.random()
        if where < AT_START:
            return draw.uniform(0.0, self.starting)
        if where < AT_START + AT_END:
            return self.starting + left + draw.uniform(0.0, self.ending)
        return self.starting + draw.uniform(0.0, left)


@dataclass(frozen=True)
class Kill:
    """One death: in which phase, how it was brought about, and whether in a call on a file."""

    phase: str
    how: str
    in_call: bool


@dataclass
class Chain:
    """What came of one run.

    Args:
        kills: the deaths.
        repeated: how many steps were done again, for each resume.
        problems: what went wrong, each as a sentence.
        ended: whether the run came to its end.
    """

    kills: list[Kill] = field(default_factory=list[Kill])
    repeated: list[int] = field(default_factory=list[int])
    problems: list[str] = field(default_factory=list[str])
    ended: bool = False


def run_alone(variant: int, data: Path, place: Path) -> Reference:
    """Train once without a kill."""
    place.mkdir()
    notes = place / "notes-0"
    begun = time.monotonic()
    number = fork(Life(variant, str(place), str(data), SEED, str(notes)))
    status, instants = None, {START: begun, STEP: begun}
    while status is None and time.monotonic() < begun + DEADLINE:
        status = _ended(number, 0.001)
        phase = Progress.read(notes).phase
        if phase != END:
            instants[START if phase == START else STEP] = time.monotonic()
    started, trained, ended = instants[START], instants[STEP], time.monotonic()
    if status != 0:
        raise RuntimeError(f"the run that is left alone failed: {(place / 'said.txt').read_text()}")
    bests = Progress.read(notes).bests
    _require_best(losses_of(place), bests)
    counts = json.loads((place / "calls.json").read_text())
    calls = Counter({(call, file): count for call, file, count in counts})
    moments = Alone(read_log(place), bests)
    seconds = started - begun, trained - started, ended - trained
    return Reference(place, data, variant, *seconds, calls, moments)


def _require_best(losses: list[float], bests: dict[str, int]) -> None:
    """Refuse a run whose best file was not replaced at each better epoch and at no other."""
    better = [
        epoch
        for epoch, loss in enumerate(losses)
        if math.isfinite(loss) and all(not earlier <= loss for earlier in losses[:epoch])
    ]
    if [steps // STEPS - 1 for steps in bests.values()] != better:
        raise RuntimeError(f"with the losses {losses} the best file was written after {bests}")


def run_chain(reference: Reference, place: Path, seed: int, most: int, fresh: bool) -> Chain:
    """Train with kills until the run ends, and compare it with the one that was left alone.

    Args:
        reference: that one.
        place: where to train.
        seed: what the instants follow from.
        most: how many kills there may be at most.
        fresh: whether each process imports everything itself.
    """
    place.mkdir()
    draw, chain = random.Random(seed), Chain()
    groups: list[int] = []
    done, most = 0, min(most, MOST_KILLS)
    while not chain.ended and not chain.problems:
        is_last = len(chain.kills) >= most
        life, wait = _life(reference, place, chain, draw), DEADLINE
        if not is_last and (fresh or draw.random() >= IN_CALL):
            wait = reference.instant(done, draw)
        elif not is_last:
            life = replace(life, death=draw_death(reference.calls, draw))
        number = _begin(life, fresh)
        if fresh and draw.random() < 0.8:
            _wait_for(Path(life.notes))
        groups.append(number)
        _judge(_ended(number, wait), number, life, wait, chain)
        progress = Progress.read(Path(life.notes))
        done = _account(progress, done, reference.variant, chain)
        chain.problems += wrong_remains(place, reference.alone, done)
        # What reads for a killed process lives on a while beside the one that goes on.
        if len(groups) > 1:
            _kill_group(groups.pop(0))
        if VARIANTS[reference.variant].backup and progress.phase == END and not has_snapshot(place):
            done = 0  # All was done, and the snapshots removed: who runs it again begins anew.
    for group in groups:
        _kill_group(group)
    if not chain.problems:
        chain.problems += differences(place, reference.place)
        chain.problems += [f"{name} is left over" for name in leftovers(place)]
    return chain


def _judge(status: int | None, number: int, life: Life, wait: float, chain: Chain) -> None:
    """Kill a process if it lives, and note what became of it."""
    if status is None:
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
        if wait == DEADLINE:
            chain.problems.append(f"it hangs ({life.death or 'to be let to its end'})")
    if status is None or (status == -signal.SIGKILL and life.death is not None):
        how = f"after {wait:.3f} s" if life.death is None else str(life.death)
        phase = Progress.read(Path(life.notes)).phase
        chain.kills.append(Kill(phase, how, life.death is not None))
    elif status == 0:
        chain.ended = True
    else:
        said = Path(life.place, "said.txt").read_text().splitlines()[-3:]
        chain.problems.append(f"it ended with {status}: {' / '.join(said)}")


def _life(reference: Reference, place: Path, chain: Chain, draw: random.Random) -> Life:
    attempt = len(chain.kills)
    return Life(
        reference.variant,
        str(place),
        str(reference.data),
        SEED + 1000 + attempt if has_snapshot(place) else SEED,
        str(place / f"notes-{attempt}"),
        draw.choice(SLOW) * (VARIANTS[reference.variant].interval or STEPS),
    )


def _begin(life: Life, fresh: bool) -> int:
    if not fresh:
        return fork(life)
    with open(Path(life.place) / "said.txt", "ab") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "crashes.child", as_argument(life)],
            cwd=Path(__file__).parents[1],
            stdout=said,
            stderr=said,
            start_new_session=True,
        ).pid


def _wait_for(file: Path) -> None:
    """Wait until a process that imports everything begins: it may take longer than training."""
    end = time.monotonic() + DEADLINE
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.01)


def _ended(number: int, wait: float) -> int | None:
    """Return what a child ended with, or None if it lives after so many seconds."""
    end = time.monotonic() + wait
    while True:
        found, status = os.waitpid(number, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        left = end - time.monotonic()
        if left <= 0:
            return None
        time.sleep(min(left, 0.002))


def _account(progress: Progress, done: int, variant: int, chain: Chain) -> int:
    """Note how much work a process repeated, and return how many steps are done by now."""
    if progress.began is None:
        return done
    if progress.began > done:
        chain.problems.append(f"steps {done} to {progress.began} were left out")
    repeated = done - progress.began
    if chain.kills or repeated:
        chain.repeated.append(repeated)
    interval = VARIANTS[variant].interval
    if interval is not None and repeated > interval:
        chain.problems.append(f"{repeated} steps were repeated, of {interval} at most")
    return max(done, progress.done or 0)


def _kill_group(number: int) -> None:
    try:
        os.killpg(number, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
