"""A run that is written down: who listens for its directory, who is kept out, and its page."""

import contextlib
import os
import warnings
from collections.abc import Generator, Mapping
from typing import Any, Literal

from latih import report
from latih.archive import SnapshotStore
from latih.arguments import one_of
from latih.callbacks import ModelCheckpoint, RunLog
from latih.callbacks.forgetful import warn_of_forgetful
from latih.callbacks.interval import Interval
from latih.callbacks.snapshots import Snapshots
from latih.engine.events import Callback, CallbackList
from latih.engine.plan import Terms
from latih.engine.training import Training
from latih.errors import InputError, LatihError, LatihWarning
from latih.files import remove_leftovers
from latih.locks import locked
from latih.models.asked import asked, circumstances
from latih.run_directory import RunDirectory

Resume = Literal["auto", "force"] | bool
DEFAULT_INTERVAL = "60s"


class KeptRun:
    """What ``fit(run_dir=...)`` adds to a training.

    Args:
        run_dir: the directory.
        resume: ``"auto"``, ``"force"``, True or False, as in ``fit()``.
        snapshot_every: how much work may be lost at most; False for no snapshots.

    Raises:
        InputError: an argument cannot be used, or the directory holds a run that cannot be gone on
            with.
        UnwritableError: the directory cannot be written.
    """

    def __init__(
        self, run_dir: str | os.PathLike[str] | RunDirectory, resume: Resume, snapshot_every: Any
    ) -> None:
        keeps = snapshot_every is not False
        every = Interval.read(snapshot_every, "snapshot_every", "fit()") if keeps else None
        self.run = RunDirectory.create(run_dir, may_go_on=keeps and resume is not False)
        store = SnapshotStore(self.run.snapshots_directory)
        self.snapshots = Snapshots(store, every, place=self.run.path) if keeps else None
        self.log = RunLog(self.run, self.snapshots)

    def listeners(self, monitor: str) -> list[Callback]:
        """Return who writes the directory: the best model, the log, the snapshots.

        Args:
            monitor: what the best model has the lowest of.
        """
        best = ModelCheckpoint(self.run.best_file, monitor=monitor, save_best_only=True)
        return [best, self.log, *([] if self.snapshots is None else [self.snapshots])]

    @contextlib.contextmanager
    def written_down(self) -> Generator[None]:
        """Keep other processes out while the block trains, and make the page of what came of it."""
        with locked(self.run.lock_file):
            remove_leftovers(self.run.path)
            try:
                yield
            except BaseException:
                if self.log.has_begun:  # a run that was refused has left nothing new to show
                    with contextlib.suppress(LatihError):  # what went wrong is said, and no more
                        report.build_report(self.run)
                raise
            make_page(self.run, stacklevel=5)


def make_page(run: RunDirectory, stacklevel: int) -> None:
    """Make the page of a run that is done, or warn: what is written down is not taken back.

    Args:
        run: the directory.
        stacklevel: of the warning, as in ``warnings.warn``.
    """
    try:
        report.build_report(run)
    except LatihError as error:
        warnings.warn(str(error), LatihWarning, stacklevel=stacklevel)


def require_resume(resume: Any) -> None:
    """Refuse a value of ``resume`` that is unknown."""
    one_of(resume, "resume", "fit()", ("auto", "force", True, False))


def require_meaning(
    resume: Any, snapshot_every: Any, run_dir: Any, callbacks: CallbackList
) -> None:
    """Refuse arguments about snapshots that mean nothing.

    Args:
        resume: as in ``fit()``.
        snapshot_every: the same; ``BackupAndRestore`` has an interval of its own.
        run_dir: the same.
        callbacks: who listens; without a keeper among them there is nothing to go on from.

    Raises:
        InputError: something is asked for of snapshots, and there are none.
    """
    if resume in (True, "force") and not callbacks.keepers:
        raise _without_run_directory("resume", resume)
    if run_dir is None and snapshot_every not in (DEFAULT_INTERVAL, False):
        raise _without_run_directory("snapshot_every", snapshot_every)


def _without_run_directory(argument: str, value: Any) -> InputError:
    return InputError(
        f"`{argument}` of fit() means nothing here",
        expected="a run directory, where snapshots are kept",
        got=f"{argument}={value!r} without run_dir",
        fix="Give run_dir='runs/a' too.",
    )


def settle_terms(training: Training, params: Mapping[str, Any], resume: Resume) -> None:
    """Say on which terms a training that is kept may be gone on with, and what would be lost.

    Args:
        training: its callbacks and data are looked at.
        params: what the callbacks are told.
        resume: as in ``fit()``.
    """
    callbacks = training.callbacks.callbacks
    training.terms = Terms(
        asked(
            training.model,
            training.batches,
            training.validation,
            training.plan,
            params,
            callbacks,
        ),
        circumstances(training.model.device),
        resume,
    )
    # At the start, and not after the crash.
    warn_of_forgetful(callbacks)
    for batches in (training.batches, training.validation):
        if batches is not None and batches.unrepeatable:
            warnings.warn(batches.unrepeatable, LatihWarning, stacklevel=3)
