"""The run that is left alone, with whose end and every moment the others are compared."""

import json
import math
import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .child import Life
from .outcome import losses_of, read_log
from .processes import DEADLINE, begin, end_group, ended
from .program import EPOCHS, STEPS
from .progress import END, START, STEP, Progress
from .remains import Alone

SEED = 5
"""The global seed of every run; what goes on from a snapshot is given another."""
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
        if not left:
            return draw.uniform(0.0, self.starting + self.ending)
        where = draw.random()
        if where < AT_START:
            return draw.uniform(0.0, self.starting)
        if where < AT_START + AT_END:
            return self.starting + left + draw.uniform(0.0, self.ending)
        return self.starting + draw.uniform(0.0, left)


def run_alone(variant: int, data: Path, place: Path) -> Reference:
    """Train once without a kill."""
    place.mkdir()
    notes = place / "notes-0"
    begun = time.monotonic()
    number = begin(Life(variant, str(place), str(data), SEED, str(notes)))
    status, instants = None, {START: begun, STEP: begun}
    while status is None and time.monotonic() < begun + DEADLINE:
        status = ended(number, 0.001)
        phase = Progress.read(notes).phase
        if phase != END:
            instants[START if phase == START else STEP] = time.monotonic()
    started, trained, done = instants[START], instants[STEP], time.monotonic()
    end_group(number)
    if status != 0:
        raise RuntimeError(f"the run that is left alone failed: {(place / 'said.txt').read_text()}")
    bests = Progress.read(notes).bests
    _require_best(losses_of(place), bests)
    counts = json.loads((place / "calls.json").read_text())
    calls = Counter({(call, file): count for call, file, count in counts})
    moments = Alone(read_log(place), bests)
    seconds = started - begun, trained - started, done - trained
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
