"""A run that is killed and started again goes on where it was."""

import os
import warnings
from pathlib import Path
from typing import Any, Literal

from latih import archive
from latih.arguments import whole
from latih.callbacks.memory import Remembering
from latih.engine.events import LogNames
from latih.errors import FileFormatError, InputError, LatihWarning
from latih.files import require_writable


class BackupAndRestore(Remembering):
    """Keep a backup of the training, and go on from it when the same script runs again.

    The backup holds the weights, the optimizer's state and the number of the epoch, in one file
    that is written aside and renamed: it is whole at every instant. When ``fit`` begins and there
    is one, it is restored, and training goes on with the next epoch. With a backup in the middle of
    an epoch, that epoch is done again from its beginning with the weights of its middle, as in
    Keras. What other callbacks remember is not in it.

    Args:
        backup_dir: a directory for this run alone.
        save_freq: ``"epoch"``, or a number of steps.
        double_checkpoint: whether the backup before the last is kept too, for the case that the
            disk damages the last.
        delete_checkpoint: whether the backups are removed once the training is done. Files that
            are no backups are never touched.

    Raises:
        InputError: an argument cannot be used.
        UnwritableError: before the first step, when the directory cannot be written.
        FileFormatError: before the first step, when the backup is damaged or another model's.

    Example:
        >>> BackupAndRestore("backup", save_freq=100).latest.name
        'latest.backup'
    """

    remembers = ("steps",)

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: int | Literal["epoch"] = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not isinstance(backup_dir, str | os.PathLike) or not os.fspath(backup_dir):
            raise InputError(
                "`backup_dir` of BackupAndRestore cannot be used",
                expected="the path of a directory",
                got=repr(backup_dir),
            )
        self.backup_dir = os.fspath(backup_dir)
        self.latest = Path(self.backup_dir) / "latest.backup"
        self.previous = Path(self.backup_dir) / "previous.backup"
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._epoch = 0
        self._latest_is_whole = False
        if save_freq != "epoch":
            whole(save_freq, "save_freq", "BackupAndRestore", least=1)
            # Only then does it listen to steps: a hook that is defined costs something each time.
            self.on_train_batch_end = self._count_step
        self.forget()

    def forget(self) -> None:
        """Begin with no steps since a backup."""
        self.steps = 0

    def check(self, log_names: LogNames) -> None:
        """Refuse a place that cannot be written."""
        require_writable(self.backup_dir, argument=self.backup_dir)

    def on_train_begin(self, logs: Any = None) -> None:
        """Restore what an earlier run left, if it left something."""
        super().on_train_begin(logs)
        damage: FileFormatError | None = None
        self._latest_is_whole = False
        for path in (self.latest, self.previous):
            if not path.exists():
                continue
            try:
                progress = archive.read_checkpoint(self.model, path)
            except FileFormatError as error:
                damage = damage or _cannot_be_restored(path, error)
                continue
            self._latest_is_whole = path == self.latest
            self.model.initial_epoch = progress["epoch"]
            if damage is not None:
                warnings.warn(f"{damage} The one before is restored.", LatihWarning, stacklevel=2)
            return
        if damage is not None:
            raise damage

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Remember which epoch it is."""
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Back up a whole epoch."""
        self._epoch = epoch + 1
        if self.save_freq == "epoch":
            self._save(0)

    def on_train_end(self, logs: Any = None) -> None:
        """Remove the backups of a training that is done; one that broke off needs them."""
        if not (self.delete_checkpoint and self.model.completed):
            return
        for path in (self.latest, self.previous):
            if archive.is_checkpoint(path):
                path.unlink()
        folder = Path(self.backup_dir)
        if not any(folder.iterdir()):
            folder.rmdir()

    def _count_step(self, batch: int, logs: Any = None) -> None:
        self.steps += 1
        if self.steps >= int(self.save_freq):
            self.steps = 0
            self._save(batch + 1)

    def _save(self, batch: int) -> None:
        # A file that is no backup, but has the name of one, is somebody's: it is not replaced.
        free = not self.previous.exists() or archive.is_checkpoint(self.previous)
        if self.double_checkpoint and self._latest_is_whole and free:
            os.replace(self.latest, self.previous)
        archive.write_checkpoint(self.model, self.latest, {"epoch": self._epoch, "batch": batch})
        self._latest_is_whole = True


def _cannot_be_restored(path: Path, error: FileFormatError) -> FileFormatError:
    return FileFormatError(
        f"the backup {str(path)!r} cannot be restored",
        expected="a whole backup of the model that is trained",
        got=str(error).rstrip("."),
        fix="Remove it to begin anew, or give another backup_dir.",
    )
