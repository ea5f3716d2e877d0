"""Writing a run down while it runs: the run directory's log."""

import datetime
import platform
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from latih.callbacks.memory import Remembering
from latih.callbacks.snapshots import Snapshots
from latih.engine.events import LogNames
from latih.errors import FileFormatError, LatihWarning, UnwritableError
from latih.json_files import plain
from latih.run_directory import RunDirectory
from latih.version import __version__


class RunLog(Remembering):
    """Writes a run down as it goes, in its run directory.

    ``run.toml`` when training begins and again when it ends, a line of ``log.jsonl`` each epoch,
    and ``final.keras``, the model as training left it. A run that goes on after a crash loses the
    lines of the epochs that it does again; when it went on, and from what, is in ``run.toml``.
    What cannot be written, for want of room say, is told at once and training goes on: the lines
    that are missing follow with the next one.

    Args:
        run: the directory; what it is ``about`` goes into ``run.toml``.
        snapshots: who restores the run, if anybody does.

    Example:
        >>> import tempfile
        >>> RunLog(RunDirectory.create(tempfile.mkdtemp())).epochs
        0
    """

    remembers = ("started", "seed", "seconds", "epoch_seconds", "epochs", "columns")

    def __init__(self, run: RunDirectory, snapshots: Snapshots | None = None) -> None:
        super().__init__()
        self.run, self.snapshots = run, snapshots
        self._settings: dict[str, Any] = {}
        self._compiled: dict[str, Any] | None = None
        self._is_whole = True
        self._began = self._epoch_began = time.monotonic()
        self.forget()

    def forget(self) -> None:
        """Begin with no epochs."""
        self.started: str | None = None
        self.seed: int | None = None
        self.epochs = 0
        # The log's lines, by column: a snapshot takes long lists of numbers at once.
        self.columns: dict[str, list[Any]] = {}
        self._seconds_before = self._epoch_seconds_before = 0.0

    @property
    def has_begun(self) -> bool:
        """Whether anything was written: training may have been refused."""
        return bool(self._settings)

    @property
    def seconds(self) -> float:
        """How long the run took, in this process and those before."""
        return self._seconds_before + time.monotonic() - self._began

    @seconds.setter
    def seconds(self, value: float) -> None:
        self._seconds_before, self._began = value, time.monotonic()

    @property
    def epoch_seconds(self) -> float:
        """How long the epoch under way took."""
        return self._epoch_seconds_before + time.monotonic() - self._epoch_began

    @epoch_seconds.setter
    def epoch_seconds(self, value: float) -> None:
        self._epoch_seconds_before, self._epoch_began = value, time.monotonic()

    def check(self, log_names: LogNames) -> None:
        """Take what was asked of compile(): a run that is restored has a rate that came of it."""
        self._compiled = self.model.get_compile_config()

    def on_train_begin(self, logs: Any = None) -> None:
        """Write down what was asked."""
        goes_on = self._goes_on
        super().on_train_begin(logs)
        now = datetime.datetime.now().isoformat(timespec="seconds")
        if not goes_on:
            self.started, self.seed = now, self.params.get("seed")
            self.seconds = 0.0
        asked_of_fit = (
            *("epochs", "initial_epoch", "batch_size", "shuffle", "seed", "steps_per_epoch"),
            *("validation_freq", "class_weight", "callbacks"),
        )
        self._settings = {
            "run": {
                "name": self.run.path.resolve().name,
                "started": self.started,
                "resumed": [*self._resumed_before(), self._resumed(now)] if goes_on else None,
                "device": str(self.model.device),
                "epochs_done": self.epochs,
            },
            "versions": {
                "latih": __version__,
                "torch": torch.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
            "data": {
                "training": self.params.get("examples"),
                "validation": self.params.get("validation_examples"),
                # Of a model that only its own step knows how to call, there is none.
                "input_shape": [str(size) for size in (self.model.input_shape or ())[1:]],
            },
            "model": self.model.table(),
            "compile": self._compiled,
            "fit": {name: self.params.get(name) for name in asked_of_fit} | {"seed": self.seed},
        }
        for table, entries in self.run.about.items():
            self._settings.setdefault(table, {}).update(entries)
        self.run.log.start(self._lines())
        self.run.write_settings(self._settings)
        self._is_whole = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begin the epoch's clock."""
        self.epoch_seconds = 0.0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write a line."""
        seconds = self.epoch_seconds
        # An epoch of fewer steps than the data sees fewer examples.
        most = (self.params.get("steps") or 0) * (self.params.get("batch_size") or 0)
        examples = min(self.params.get("examples") or 0, most)
        record = {
            "epoch": epoch + 1,
            "learning_rate": self.model.optimizer.current_rate(),
            **(logs or {}),
            "seconds": round(seconds, 4),
            "samples_per_second": round(examples / seconds, 1) if examples else None,
        }
        for name in record:
            self.columns.setdefault(name, [None] * self.epochs)
        for name, values in self.columns.items():
            values.append(plain(record.get(name)))
        self.epochs += 1
        self._settings["run"]["epochs_done"] = epoch + 1
        self._is_whole = self._is_written(self._write_line, record)

    def on_train_end(self, logs: Any = None) -> None:
        """Write down how it ended."""
        if not self.has_begun:  # it never began: a callback before this one refused
            return
        self._settings["run"]["seconds"] = round(self.seconds, 3)
        self._settings["run"]["stopped"] = self.model.stop_reason
        self._is_written(self.run.write_settings, self._settings)
        self._is_written(self.model.save, self.run.final_file)

    def _write_line(self, record: dict[str, Any]) -> None:
        if self._is_whole and self.run.log.path.is_file():
            self.run.log.append(record)
        else:  # lines are missing, or somebody has removed the whole directory
            self.run.write_settings(self._settings)
            self.run.log.start(self._lines())

    def _is_written(self, write: Callable[[Any], object], content: Any) -> bool:
        try:
            write(content)
        except UnwritableError as error:
            warnings.warn(
                f"The run is not written down: {error} Training goes on.",
                LatihWarning,
                stacklevel=3,
            )
            return False
        return True

    def _resumed_before(self) -> list[Any]:
        try:
            return self.run.read_settings()["run"].get("resumed", [])
        except (FileFormatError, KeyError, AttributeError):  # what was noted there is lost
            return []

    def _resumed(self, now: str) -> dict[str, Any]:
        forced = [] if self.snapshots is None else self.snapshots.forced
        told: dict[str, Any] = {"at": now, "epochs_done": self.epochs}
        return {**told, "in_spite_of": forced} if forced else told

    def _lines(self) -> list[dict[str, Any]]:
        return [
            {name: values[line] for name, values in self.columns.items()}
            for line in range(self.epochs)
        ]
