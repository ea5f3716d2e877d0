"""Keeping a whole run on the disk, so that it goes on after a crash as if there had been none."""

import math
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latih.archive import BackgroundWriter, Snapshot, SnapshotStore, copied, encode
from latih.callbacks.interval import Interval, Pace
from latih.engine.changes import changes
from latih.engine.differences import differences, refuse, shortened
from latih.engine.events import Keeper
from latih.engine.fitting import what_fits
from latih.engine.training import PARTS_IN_MAPPINGS, PARTS_OF_STATE, place_of
from latih.errors import FileFormatError, InputError, LatihWarning


class Snapshots(Keeper):
    """Writes the whole training down from time to time, and goes on from what was written.

    A snapshot is taken when an epoch ends and when ``every`` has nearly passed: early enough for it
    to be whole on the disk before more than that is unsaved. The state is copied between two steps;
    a thread writes the copy while training goes on. Only if the disk is so slow that the interval
    ends before the write does, training waits. An interval of an epoch has always ended then.

    A write that fails is told at once and training goes on; the last good snapshot stays.

    Args:
        store: where.
        every: how much work may be lost; None for the epoch under way.
        place: what the user calls the directory of the run; by default the store's.

    Raises:
        InputError: what is asked differs from what the run was begun with, and is not forced; or
            there is nothing to go on from, and there must be.
        FileFormatError: no snapshot can be read.

    Example:
        >>> Snapshots(SnapshotStore("runs/a/snapshots"), Interval(60.0, is_time=True)).every
        Interval(amount=60.0, is_time=True)
    """

    def __init__(
        self, store: SnapshotStore, every: Interval | None = None, place: Path | None = None
    ) -> None:
        super().__init__()
        self.store, self.every = store, every
        self.place = store.directory if place is None else place
        self.went_on_from: str | None = None
        """The snapshot that this run goes on from; None for one that began."""
        self.forced: list[str] = []
        """What was changed since, where going on was forced."""
        self._writer = BackgroundWriter(store.write)
        self._pace = Pace(every)
        self._steps = 0
        # Chosen once: the clock is read after every step.
        self._now = time.monotonic if every is not None and every.is_time else self._count
        self._is_wanted = self._is_under_way = self._gave_up = self._was_there = False
        self._kept_at: tuple[Any, ...] = ()
        self._evaluation_began: float | None = None
        self._evaluation_took = 0.0

    def restore(self, training: Any) -> Mapping[str, Any] | None:
        """Return the newest snapshot's state, if the run shall go on from it."""
        self.store.clean()
        self.went_on_from, self.forced = None, []
        terms = training.terms
        found = self.store.newest() if terms.resume else None
        if found is None:
            if terms.resume is True:
                raise InputError(
                    f"there is no snapshot in {_called(self.place)!r} to go on from",
                    expected="the directory of a run that was begun",
                    got="none",
                    fix="Give resume='auto' to begin if there is none.",
                )
            return None
        _require_training(found)
        self._require_enough_epochs(found.state["position"])
        self.went_on_from = _called(found.path)
        _tell_of_other_bits(found.state, training)
        if terms.resume == "force":
            self.forced = shortened(differences(found.state["asked"], terms.asked))
        else:
            refuse(found.state["asked"], terms.asked, _called(self.place))
        if not self.forced:
            self._kept_at = place_of(found.state["position"])
            self._tell(found.state)
            return found.state
        state = what_fits(found.state, training)
        before, after = place_of(found.state["position"]), place_of(state["position"])
        anew = "" if before == after else " The epoch under way begins anew."
        warnings.warn(
            f"the run goes on although this was changed: {'; '.join(self.forced)}.{anew}",
            LatihWarning,
            stacklevel=2,
        )
        self._tell(state)
        return state

    def begin_keeping(self, training: Any) -> None:
        """Write the first snapshot: what cannot be kept is known before the first step."""
        self._steps = 0
        self._is_wanted = self._is_under_way = self._gave_up = False
        self._was_there = self.went_on_from is not None
        self._pace.begin(self._now())
        # Only time passes in an evaluation; how much in the first, nobody knows.
        is_time = self.every is not None and self.every.is_time
        self._evaluation_began, self._evaluation_took = None, math.inf if is_time else 0.0
        if self.went_on_from is None or self.forced:
            state = copied(training.state_dict())
            encode(state)
            self._write(training, state)
            # Without it a run that is killed would have to begin anew, whatever it has logged.
            self._wait()

    def after_step(self, training: Any) -> None:
        """Take a snapshot if one is due, or could not be taken when it was."""
        self._steps += 1
        self._attend(training)

    def before_evaluation(self, training: Any) -> None:
        """Take a snapshot, if one would be due within an evaluation as long as the last."""
        self._evaluation_began = now = self._now()
        if self._pace.is_due(now + self._evaluation_took):
            self._wait()
            self._take(training)

    def after_epoch(self, training: Any) -> None:
        """Take a snapshot, now or as soon as the one before is written."""
        if self._evaluation_began is not None:
            self._evaluation_took = self._now() - self._evaluation_began
            self._evaluation_began = None
        if self.every is None:
            # No more than an epoch is to be lost, and one is done: the next step would be more.
            self.keep(training)
            return
        self._is_wanted = True
        self._attend(training)

    def keep(self, training: Any) -> None:
        """Take a snapshot, unless this is what the last one holds, and wait until it is written."""
        self._wait()
        if self._kept_at != place_of(training.position):
            self._take(training)
            self._wait()

    def finish_keeping(self, training: Any) -> None:
        """Wait until the last snapshot is written."""
        if not self._gave_up:
            self._wait()

    def _attend(self, training: Any) -> None:
        now = self._now()
        if self._is_under_way:
            if self._writer.busy and not self._pace.must_wait(now):
                return
            self._wait()
        if self._is_wanted or self._pace.is_due(now):
            self._take(training)
            if self._pace.must_wait(now):
                self._wait()

    def _take(self, training: Any) -> None:
        try:
            state = copied(training.state_dict())
        except Exception as error:  # a callback's own, which was asked before and gave another
            self._is_wanted = False
            self._pace.write_begins(self._now())
            self._pace.write_ended(self._now(), well=False)
            _tell_of_failure(error)
            return
        self._write(training, state)

    def _write(self, training: Any, state: Any) -> None:
        self._is_wanted = False
        self._is_under_way = True
        self._kept_at = place_of(training.position)
        self._pace.write_begins(self._now())
        if self._was_there and not self.store.directory.is_dir():
            warnings.warn(
                f"The directory {_called(self.store.directory)!r} has vanished. Training goes on, "
                "and it is made anew with what follows.",
                LatihWarning,
                stacklevel=2,
            )
        self._writer.start(state)

    def _wait(self) -> None:
        if not self._is_under_way:
            return
        try:
            self._writer.wait()
        except BaseException:  # whoever presses Ctrl-C once more does not wait for the disk
            self._gave_up = True
            raise
        self._is_under_way = False
        failure = self._writer.failure()
        self._pace.write_ended(self._now(), well=failure is None)
        self._was_there |= self.store.directory.is_dir()
        if failure is not None:
            self._kept_at = ()
            _tell_of_failure(failure)

    def _count(self) -> float:
        return float(self._steps)

    def _require_enough_epochs(self, position: Mapping[str, Any]) -> None:
        epoch, asked = position["epoch"], self.params["epochs"]
        if place_of(position) > (epoch, False, 0) and asked <= epoch:
            raise InputError(
                f"the run in {_called(self.place)!r} has gone further than is asked",
                expected=f"epochs of at least {epoch + 1}, as it is within that one",
                got=f"epochs={asked}",
                fix="Ask for more epochs, or begin in another directory.",
            )

    def _tell(self, state: Mapping[str, Any]) -> None:
        if not self.params.get("verbose"):
            return
        position = state["position"]
        done, steps = position["epoch"], position["steps_done"]
        told = f"{_counted(done, 'epoch')}"
        told += f" and {_counted(steps, 'step')} of the next" if steps else ""
        told += " is done" if done == 1 and not steps else " are done"
        if done >= self.params["epochs"]:
            print(f"The run in {_called(self.place)} has ended: {told}. More epochs train on.")
        else:
            print(f"Going on from {self.went_on_from}: {told}.")


def _tell_of_other_bits(state: Mapping[str, Any], training: Any) -> None:
    before, now = dict(state["circumstances"]), dict(training.terms.circumstances)
    number = state["threads"].get("number")
    if number is not None:
        before["threads"] = number
        if training.threads.can_take(state["threads"]):
            now["threads"] = number
    if before != now:
        told = "; ".join(changes(before, now, "the machine"))
        warnings.warn(
            f"the run goes on as it would have, but not to the same bits: {told}.",
            LatihWarning,
            stacklevel=3,
        )


def _require_training(found: Snapshot) -> None:
    state: Any = found.state
    whole = isinstance(state, Mapping) and PARTS_OF_STATE <= state.keys()
    if not whole or not all(isinstance(state[name], Mapping) for name in PARTS_IN_MAPPINGS):
        raise FileFormatError(
            f"the snapshot {_called(found.path)!r} is not one of a training",
            expected=f"a state of {', '.join(sorted(PARTS_OF_STATE))}",
            got=", ".join(sorted(map(str, state)))[:200] if isinstance(state, Mapping) else "none",
            fix="Go on with the Latih that wrote it, or begin in a new directory.",
        )


def _tell_of_failure(failure: Exception) -> None:
    warnings.warn(
        f"{failure} Training goes on, and the last whole snapshot stays.",
        LatihWarning,
        stacklevel=3,
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _called(path: Path) -> str:
    # As the user sees it from where they are.
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
