"""A run that is killed and started again goes on where it was."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

from latih.archive import SnapshotStore
from latih.arguments import whole
from latih.callbacks.interval import Interval
from latih.callbacks.snapshots import Snapshots
from latih.engine.events import LogNames
from latih.errors import FileFormatError, InputError
from latih.files import require_writable
from latih.locks import locked


class BackupAndRestore(Snapshots):
    """Keep snapshots of the training, and go on from the last when the same script runs again.

    It is what ``fit(run_dir=...)`` keeps, under Keras's name: weights, the optimizer, the place in
    the epoch, metrics, generators and what the callbacks remember, so that the run goes on to the
    same bits. A snapshot that is damaged is set aside, and the one before is used.

    Args:
        backup_dir: a directory for this run alone.
        save_freq: ``"epoch"``, or the number of steps of which no more may be lost.
        double_checkpoint: whether the snapshot before the last is kept too, for the case that the
            disk damages the last.
        delete_checkpoint: whether the snapshots are removed once the training is done. Files that
            Latih did not write are never touched.

    Raises:
        InputError: an argument cannot be used; or, before the first step, something was changed
            since the snapshot was written.
        UnwritableError: before the first step, when the directory cannot be written.
        FileFormatError: before the first step, when no snapshot can be read.

    Example:
        >>> BackupAndRestore("backup", save_freq=100).store.directory.name
        'backup'
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: int | Literal["epoch"] = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        if not isinstance(backup_dir, str | os.PathLike) or not os.fspath(backup_dir):
            raise InputError(
                "`backup_dir` of BackupAndRestore cannot be used",
                expected="the path of a directory",
                got=repr(backup_dir),
            )
        if save_freq != "epoch":
            whole(save_freq, "save_freq", "BackupAndRestore", least=1)
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._lock = ExitStack()
        super().__init__(
            SnapshotStore(backup_dir, keep=2 if double_checkpoint else 1),
            Interval.read(save_freq, "save_freq", "BackupAndRestore"),
        )

    def check(self, log_names: LogNames) -> None:
        """Refuse a place that cannot be written."""
        require_writable(self.backup_dir, argument=self.backup_dir)

    def restore(self, training: Any) -> Mapping[str, Any] | None:
        """Return the newest snapshot's state, and keep others out."""
        with ExitStack() as refused:
            refused.enter_context(locked(self._lock_file))
            self._refuse_older_form()
            state = super().restore(training)
            self._lock = refused.pop_all()
        return state

    def let_go(self, training: Any) -> None:
        """Remove the snapshots of a training that is done; one that broke off needs them."""
        with self._lock:
            if self.delete_checkpoint and self.model.completed:
                # There is nothing left to keep others from.
                self._lock_file.unlink(missing_ok=True)
                self.store.clear()

    @property
    def _lock_file(self) -> Path:
        return self.store.directory / "lock"

    def _refuse_older_form(self) -> None:
        older = Path(self.backup_dir) / "latest.backup"
        if older.is_file():
            raise FileFormatError(
                f"{str(older)!r} was written by an earlier release",
                expected="a directory of snapshots",
                got="a backup of one file, which this release does not read",
                fix="Remove it to begin anew, or give another backup_dir.",
            )
