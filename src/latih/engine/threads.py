"""How many threads a pass over data takes: what the user sets, or what a short trial finds fastest.

The number decides how sums are parted and with it their last bits, so it must follow from what is
asked and not from chance. The first steps of a pass are done by as many threads as torch has. When
a shape of batches has come twice, the record of its step is tried with several numbers, or it is
remembered what came of that in an earlier process, and the fastest stays for the rest of the pass.
A snapshot holds the number, or which shapes have come: a run that is gone on with changes its
number where it would have, and to the same.
"""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from latih import config
from latih.data.batches import Batch
from latih.engine.capture.captured import Captured
from latih.engine.capture.plan import Plan
from latih.engine.measurements import remember, remembered

LEAST_SECONDS, MOST_SECONDS = 0.02, 0.2
"""What a trial may cost, whatever the pass costs; the last turn may take it beyond that."""

LONG_SECONDS = 0.05
"""A step that takes longer has enough for all threads to do, and is not tried any further."""

SHARE = 0.02
"""What a trial may cost of an epoch, between these bounds."""

ROUNDS = 8
"""How often each number is tried at most; the shortest time counts."""

TIE = 1.05
"""A number of threads is no faster than a smaller one if it does not save a twentieth."""

MOST_SHAPES = 64
"""After so many shapes of batches, none of which came twice, torch's number stays."""


class Threads:
    """The number of threads of one pass: a training, an evaluation, a prediction.

    Args:
        steps: how many steps an epoch has; None if nobody knows.
        known: the number, if it is known: that of a training before.
    """

    def __init__(self, steps: int | None = None, known: int | None = None) -> None:
        self.steps = steps
        self.number: int | None = None
        """The number for the rest of the pass; None as long as it is torch's and may change."""
        self._seen: list[str] = []
        self._most = torch.get_num_threads()
        asked = config.threads()
        self._is_given = asked != "auto"
        if asked != "auto":
            self.number = asked
        elif known is not None and known <= self._most:
            self.number = known
        self._is_in_force = False

    @contextmanager
    def in_force(self) -> Generator[None]:
        """Let the block use the number, and give torch its own back."""
        before = torch.get_num_threads()
        self._is_in_force = True
        self._settle(self.number)
        try:
            yield
        finally:
            self._is_in_force = False
            # What code of the user's has set in the meantime stays.
            if torch.get_num_threads() == self.number:
                torch.set_num_threads(before)

    def do(self, step: Any, batch: Batch) -> Any:
        """Do a step; if the number is not settled, settle it as soon as it can be.

        Args:
            step: what is called with the batch.
            batch: the batch.
        """
        if self.number is not None:
            return step(batch)
        captured: Captured | None = getattr(step, "captured", None)
        if captured is None:
            self._settle(self._most)
            return step(batch)
        shapes = str(batch.shapes)
        if shapes not in self._seen:
            self._seen.append(shapes)
            if len(self._seen) > MOST_SHAPES:
                self._settle(self._most)
            return step(batch)
        captured.expect(batch)
        returned = step(batch)
        replay = captured.replay_for(batch)
        if replay is None or any(one.device.type != "cpu" for one in replay.plan.memory):
            self._settle(self._most)
        else:
            self._settle(choice(replay.plan, self._most, self.steps, replay.seconds))
        return returned

    def _settle(self, number: int | None) -> None:
        self.number = number
        if number is not None and self._is_in_force:
            torch.set_num_threads(number)

    # Its state

    def state_dict(self) -> dict[str, Any]:
        """Return the number, and what it will follow from as long as there is none."""
        return {"number": self.number, "seen": list(self._seen)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on as :meth:`state_dict` tells, unless the user has set the number."""
        if self._is_given:
            return
        if self.can_take(state):
            self._settle(state["number"])
        elif state["number"] is None:
            self._seen = list(state["seen"])

    def can_take(self, state: Mapping[str, Any]) -> bool:
        """Say whether the number that :meth:`state_dict` told can be had here."""
        number = state["number"]
        if type(number) is not int:
            return False
        return number == self.number if self._is_given else 1 <= number <= self._most


def choice(plan: Plan, most: int, steps: int | None = None, seconds: float = 0.0) -> int:
    """Return the number of threads for a plan: what was found in the first trial ever, or is now.

    Args:
        plan: what is replayed.
        most: as many as torch has, which are the most that come into question.
        steps: how many steps an epoch has; None if nobody knows.
        seconds: how long a replay took all of torch's threads; a long one is not tried at all.
    """
    if most == 1:
        return 1
    what = {"threads_of": plan.signature, "most": most}
    possible = range(1, most + 1)
    found = remembered(what, possible)
    if found is not None:
        return found
    if seconds > LONG_SECONDS:
        return remember(what, possible, most)
    with plan.effects.undone():
        found = fastest(plan.run, most, steps)
    return remember(what, possible, found)


def fastest(
    run: Callable[[], object],
    most: int,
    steps: int | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> int:
    """Return with how many threads a function is fastest; torch's number is as it was.

    The numbers are tried in turns, since others may be busy on the machine for a while. One thread
    comes first: many of them on few free cores may be slower than anybody would wait for.

    Args:
        run: the function.
        most: the largest number.
        steps: how often it will be called in an epoch; None if nobody knows.
        clock: returns the time in seconds.
    """
    powers = [2**exponent for exponent in range(1, most.bit_length()) if 2**exponent < most]
    numbers = [1, most, *powers]
    best: dict[int, float] = {}
    spent = 0.0
    before = torch.get_num_threads()
    try:
        for number in numbers * ROUNDS:
            epoch = min(best.values(), default=0.0) * (steps or 0)
            # One thread and all of them are tried in any case.
            if len(best) > 1 and spent > min(max(LEAST_SECONDS, SHARE * epoch), MOST_SECONDS):
                break
            torch.set_num_threads(number)
            for _ in range(2):  # the first starts threads, and fetches what others left cold
                began = clock()
                run()
                took = clock() - began
                spent += took
                best[number] = min(took, best.get(number, took))
                if took > LONG_SECONDS:
                    break
            if best[1] > LONG_SECONDS:
                return most
    finally:
        torch.set_num_threads(before)
    return _fastest_of(best)


def _fastest_of(seconds: Mapping[int, float]) -> int:
    least = min(seconds.values())
    return min(number for number, took in seconds.items() if took <= TIE * least)
