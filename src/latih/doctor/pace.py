"""When the doctor looks: often at the beginning, seldom later, and never for long."""

import math
import time
from collections.abc import Callable

FIRST = (1, 2, 5, 10, 20, 50, 100, 150, 200)
"""After so many steps a look is due; most of what goes wrong does so early."""

LOOKS = 50
LEAST_BETWEEN = 10
"""After that so many times in the whole training, with so many steps between two at least."""

OWED = (0.05, 0.2, 0.5)
"""After such parts of the training a look is taken however dear it is: nothing is told by one."""

LEAST_PLANNED = 100
"""But not in trainings of fewer steps, which are over before anybody has read a word."""

POSTPONED = 20
"""A look that there is no time for is due again after so much of the steps done: a twentieth."""

GRACE = 0.02
"""So many seconds cost nobody anything: short runs are looked at, too."""


def next_look(step: int, planned: int | None) -> int:
    """Return after how many steps the next look is due.

    Args:
        step: how many steps were done.
        planned: how many there will be; None if nobody knows: then the looks become rarer.

    Example:
        >>> next_look(0, 6000), next_look(20, 6000), next_look(200, 6000), next_look(2000, None)
        (1, 50, 320, 2200)
    """
    for due in FIRST:
        if due > step:
            return due
    between = step // 10 if planned is None else planned // LOOKS
    return step + max(LEAST_BETWEEN, between)


def is_owed(last: int, step: int, planned: int | None) -> bool:
    """Say whether a look is owed that was not taken since the last one.

    Args:
        last: how many steps were done at the last look.
        step: how many are done.
        planned: how many there will be; None if nobody knows.

    Example:
        >>> is_owed(1, 49, 1000), is_owed(1, 50, 1000), is_owed(50, 51, 1000)
        (False, True, False)
    """
    return any(last < due <= step for due in _owed(planned))


def postponed(step: int, planned: int | None) -> int:
    """Return after how many steps a look that there is no time for is due again.

    Example:
        >>> postponed(40, 1000), postponed(49, 1000)
        (42, 50)
    """
    later = step + max(1, step // POSTPONED)
    return min(later, *(due for due in (later, *_owed(planned)) if due > step))


def _owed(planned: int | None) -> list[int]:
    if planned is None or planned < LEAST_PLANNED:
        return []
    return [math.ceil(part * planned) for part in OWED]


class Budget:
    """How long the looks may take: a share of the time that the training took so far.

    Args:
        share: of the time, 0..1; with 1 every look that is due is taken.
        clock: tells the time in seconds.

    Example:
        >>> times = iter([0.0, 0.0, 0.04, 1.0])
        >>> budget = Budget(0.02, lambda: next(times))
        >>> budget.begin()
        >>> with budget.spending():
        ...     pass  # it takes 40 ms
        >>> budget.close()
        >>> budget.allows()  # of a second 20 ms, and 20 ms for nothing: and the next costs 40
        False
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self._share, self._clock = share, clock
        self.begin(0.0)

    def begin(self, now: float | None = None) -> None:
        """Begin the training's time."""
        self._began = self._clock() if now is None else now
        self._spent = self._last = self._look = self._entered = 0.0

    def allows(self) -> bool:
        """Say whether another look may be taken, if it costs what the last one did."""
        if self._share >= 1:
            return True
        allowed = GRACE + self._share * (self._clock() - self._began)
        return self._spent + self._last <= allowed

    def spending(self) -> "Budget":
        """Count the time of the block."""
        return self

    def __enter__(self) -> None:
        self._entered = self._clock()

    def __exit__(self, *error: object) -> None:
        took = self._clock() - self._entered
        self._spent += took
        self._look += took

    def close(self) -> None:
        """End a look, whose cost the next one is expected to have."""
        self._last, self._look = self._look, 0.0
