"""One run that is killed and resumed, killed and resumed, until it ends."""

import os
import random
import signal
from dataclasses import dataclass, field, replace
from pathlib import Path

from .child import Life
from .death import draw_death
from .outcome import differences
from .processes import DEADLINE, begin, end_group, ended, wait_for
from .program import STEPS, VARIANTS
from .progress import END, Progress
from .reference import SEED, Reference
from .remains import has_snapshot, leftovers, wrong_remains

MOST_KILLS = 12
"""After so many a run is left to its end: on a machine that is too busy none would ever come."""
SLOW = (0.0, 0.0, 0.004, 0.02)
"""How much longer a disk takes for a snapshot, in seconds for each step of the interval."""
IN_CALL = 0.35
"""How often a process kills itself in the midst of a write, and not its parent at any instant."""


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
        # Twice at its end is enough: there is little left to lose.
        is_last = len(chain.kills) >= most or [k.phase for k in chain.kills[-2:]] == [END] * 2
        life, wait = _life(reference, place, chain, draw), DEADLINE
        if not is_last and (fresh or draw.random() >= IN_CALL):
            wait = reference.instant(done, draw)
        elif not is_last:
            life = replace(life, death=draw_death(reference.calls, draw))
        number = begin(life, fresh)
        if fresh and draw.random() < 0.8:
            # What it imports takes longer than its training.
            wait_for(Path(life.notes), number)
        groups.append(number)
        _judge(ended(number, wait), number, life, wait, chain)
        progress = Progress.read(Path(life.notes))
        done = _account(progress, done, reference.variant, chain)
        chain.problems += wrong_remains(place, reference.alone, done)
        # What reads for a killed process lives on a while beside the one that goes on.
        if len(groups) > 1:
            end_group(groups.pop(0))
        if VARIANTS[reference.variant].backup and progress.phase == END and not has_snapshot(place):
            done = 0  # All was done, and the snapshots removed: who runs it again begins anew.
    for group in groups:
        end_group(group)
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


def _account(progress: Progress, done: int, variant: int, chain: Chain) -> int:
    """Note how much work a process repeated, and return how many steps are done by now."""
    if progress.began is None:
        return done
    if progress.began > done:
        chain.problems.append(f"steps {done} to {progress.began} were left out")
    repeated = done - progress.began
    chain.repeated.append(repeated)
    interval = VARIANTS[variant].interval
    if interval is not None and repeated > interval:
        chain.problems.append(f"{repeated} steps were repeated, of {interval} at most")
    return max(done, progress.done or 0)
