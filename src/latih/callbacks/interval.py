"""How often something is saved: every so many steps, or every so many seconds."""

import datetime
import math
import re
import sys
from dataclasses import dataclass
from typing import Any

from latih.errors import InputError

SECONDS_OF = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Interval:
    """A number of steps or of seconds.

    Args:
        amount: how many.
        is_time: whether these are seconds.

    Example:
        >>> Interval.read("5m", "snapshot_every", "fit()"), Interval.read(100, "every", "fit()")
        (Interval(amount=300.0, is_time=True), Interval(amount=100.0, is_time=False))
    """

    amount: float
    is_time: bool

    @classmethod
    def read(cls, value: Any, argument: str, owner: str) -> "Interval | None":
        """Return what a user means; None for no interval, but the ends of epochs alone.

        Args:
            value: a number of steps, a time as ``"30s"``, ``"5m"``, ``"1h"`` or a ``timedelta``, or
                ``"epoch"``.
            argument: the argument's name.
            owner: whose it is.

        Raises:
            InputError: it is none of these.
        """
        if value == "epoch":
            return None
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= sys.maxsize:
            return cls(float(value), is_time=False)
        if isinstance(value, datetime.timedelta) and value.total_seconds() > 0:
            return cls(value.total_seconds(), is_time=True)
        found = (
            re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", value) if isinstance(value, str) else None
        )
        if found and 0 < float(found[1]) < math.inf:
            return cls(float(found[1]) * SECONDS_OF[found[2]], is_time=True)
        raise InputError(
            f"`{argument}` of {owner} cannot be used",
            expected="a number of steps, a time such as '60s', '5m' or '1h', or 'epoch'",
            got=repr(value),
        )


class Pace:
    """Says when to save, so that never more than an interval's work is unsaved.

    What is being written is not saved yet. So a write begins before the interval is over, by as
    long as the last one took and as much again; and if it is not done in time, work has to wait.

    Args:
        every: how much may be unsaved; None for no bound.

    Example:
        >>> pace = Pace(Interval(10.0, is_time=False))
        >>> pace.is_due(8.0), pace.is_due(9.0), pace.must_wait(9.0), pace.must_wait(10.0)
        (False, True, False, True)
    """

    def __init__(self, every: Interval | None) -> None:
        self.every = every
        # The next step may be waited for; of the next second only its beginning is known.
        self._next = 1.0 if every is not None and not every.is_time else 0.0
        self._lead = self._next
        self._saved = self._begun = 0.0
        self._due = self._when_due()

    def begin(self, now: float) -> None:
        """Begin to count; there is nothing to lose yet."""
        self._saved = self._begun = now
        self._due = self._when_due()

    def write_begins(self, now: float) -> None:
        """Hear that what there is now is being written."""
        self._begun = now

    def write_ended(self, now: float, *, well: bool) -> None:
        """Hear that the write has ended; after one that failed, the next try is an interval off."""
        self._saved = self._begun if well else now
        if self.every is not None:
            took = now - self._begun
            self._lead = min(2.0 * took + self._next, self.every.amount / 2.0)
        self._due = self._when_due()

    def is_due(self, now: float) -> bool:
        """Say whether a write should begin now."""
        return now >= self._due  # worked out before: it is asked after every step

    def must_wait(self, now: float) -> bool:
        """Say whether more work would be more than may be unsaved."""
        return self.every is not None and now + self._next - self._saved > self.every.amount

    def _when_due(self) -> float:
        return math.inf if self.every is None else self._saved + self.every.amount - self._lead
