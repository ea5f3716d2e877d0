"""Keeping the model on disk while it trains."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from latih.arguments import whole
from latih.callbacks.monitor import Mode, Monitor
from latih.engine.events import Callback, LogNames
from latih.errors import InputError, LatihWarning, UnwritableError
from latih.files import require_writable


class ModelCheckpoint(Callback):
    """Save the model after epochs, all of them or the best only.

    Files are written aside and renamed: a crash leaves the one before, whole. If one cannot be
    written, for want of room say, a warning tells so at once and training goes on.

    Args:
        filepath: where; may hold ``{epoch}`` and names of the logs, as
            ``"model-{epoch:02d}-{val_loss:.2f}.keras"``. Ends in ``.keras``, or in ``.weights.h5``
            with ``save_weights_only``.
        monitor: the number that decides which is best.
        verbose: 1 to say what was saved.
        save_best_only: whether only an improvement is saved.
        save_weights_only: whether the weights alone are saved.
        mode: ``"min"``, ``"max"`` or ``"auto"``.
        save_freq: ``"epoch"``, or a number of steps.
        initial_value_threshold: what the first epoch must beat; None for nothing.

    Raises:
        InputError: the ending does not fit, or, before the first step, nothing of the monitor's
            name will be logged.
        UnwritableError: before the first step, when the directory cannot be written.

    Example:
        >>> ModelCheckpoint("my_model.keras", save_best_only=True).monitor
        'val_loss'
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: Mode = "auto",
        save_freq: int | Literal["epoch"] = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__()
        self.filepath = os.fspath(filepath)
        self.monitor = monitor
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.best = initial_value_threshold
        self.mode = mode
        self.watched = Monitor(monitor, mode, 0.0, "ModelCheckpoint")
        self._steps = 0
        self._epoch = 0
        ending = ".weights.h5" if save_weights_only else ".keras"
        if not self.filepath.endswith(ending):
            raise InputError(
                "`filepath` of ModelCheckpoint has the wrong ending",
                expected=f"{ending!r} with save_weights_only={save_weights_only}",
                got=repr(self.filepath),
            )
        if save_freq != "epoch":
            whole(save_freq, "save_freq", "ModelCheckpoint", least=1)
            # Only then does it listen to steps: a hook that is defined costs something each time.
            self.on_train_batch_end = self._count_step

    def check(self, log_names: LogNames) -> None:
        """Refuse a place that cannot be written, and a name that the logs will not hold."""
        epoch_logs = {"epoch": 1, "batch": 1, **dict.fromkeys(log_names.names, 0.5)}
        try:
            first = Path(self.filepath.format(**epoch_logs))
        except KeyError as error:
            if log_names.complete:
                raise self._unknown_name(error, epoch_logs) from error
            first = Path(self.filepath)
        except (ValueError, IndexError) as error:
            raise InputError(
                "`filepath` of ModelCheckpoint cannot be filled in",
                expected="names of logs in braces, as {epoch:02d} or {val_loss:.2f}",
                got=f"{self.filepath!r} ({error})",
            ) from error
        require_writable(first.parent, argument=self.filepath)
        if first.is_dir():
            raise UnwritableError(
                f"{str(first)!r} is a directory",
                expected="the name of a file",
                got="a directory of that name",
                fix="Choose another name, or move the directory away.",
            )
        if self.save_best_only:
            self.watched.check(log_names)
        if not self.save_weights_only:
            # A part that no file can hold, a lambda for example, is better known now.
            self.model.describe()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Remember which epoch it is."""
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save, if this epoch is to be saved."""
        if self.save_freq == "epoch":
            self._save(epoch, logs)

    def _count_step(self, batch: int, logs: Any = None) -> None:
        self._steps += 1
        if self._steps % int(self.save_freq) == 0:
            self._save(self._epoch, logs, batch)

    def _save(self, epoch: int, logs: Any, batch: int | None = None) -> None:
        value = self.best
        if self.save_best_only:
            value = self.watched.read(logs)
            if value is None or not self.watched.is_better(value, self.best):
                return
        path = self._path(epoch, logs, batch)
        try:
            if self.save_weights_only:
                self.model.save_weights(path)
            else:
                self.model.save(path)
        except UnwritableError as error:
            # A full disk ends no run. What the next one must beat is what stands there.
            warnings.warn(
                f"No model was saved in epoch {epoch + 1}: {error} Training goes on.",
                LatihWarning,
                stacklevel=2,
            )
            return
        self.best = value
        if self.verbose:
            print(f"Epoch {epoch + 1}: saved to {path}")

    def _path(self, epoch: int, logs: Any, batch: int | None) -> str:
        names: dict[str, Any] = {"epoch": epoch + 1, **dict(logs or {})}
        if batch is not None:
            names["batch"] = batch + 1
        try:
            return self.filepath.format(**names)
        except KeyError as error:
            raise self._unknown_name(error, names) from error

    def _unknown_name(self, error: KeyError, names: Mapping[str, Any]) -> InputError:
        return InputError(
            f"`filepath` of ModelCheckpoint names {error}, which is not logged",
            expected=f"one of {', '.join(sorted(names))}",
            got=repr(self.filepath),
        )

    def state_dict(self) -> dict[str, Any]:
        """Return what must survive a crash: without it a worse model would replace the best."""
        return {"best": self.best, "steps": self._steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`state_dict` gave."""
        self.best, self._steps = state["best"], state["steps"]
