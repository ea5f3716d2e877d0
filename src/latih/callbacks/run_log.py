"""Writing a run down while it runs: the run directory's log."""

import datetime
import platform
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from latih.engine.events import Callback
from latih.run_directory import RunDirectory
from latih.version import __version__


class RunLog(Callback):
    """Writes a run down as it goes, in its run directory.

    ``run.toml`` when training begins and again when it ends, a line of ``log.jsonl`` each epoch,
    and ``final.keras``, the model as training left it.

    Args:
        run: the directory.
        about: further entries of ``run.toml``, table by table, such as the data set's name.

    Example:
        >>> import tempfile
        >>> run = RunDirectory.create(tempfile.mkdtemp())
        >>> RunLog(run, {"data": {"name": "letters"}}).about
        {'data': {'name': 'letters'}}
    """

    def __init__(
        self, run: RunDirectory, about: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        super().__init__()
        self.run = run
        self.about = {table: dict(entries) for table, entries in (about or {}).items()}
        self._settings: dict[str, Any] = {}
        self._began = self._epoch_began = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        """Write down what was asked."""
        self._began = time.monotonic()
        asked_of_fit = (
            *("epochs", "initial_epoch", "batch_size", "shuffle", "seed", "steps_per_epoch"),
            *("validation_freq", "class_weight", "callbacks"),
        )
        self._settings = {
            "run": {
                "name": self.run.path.resolve().name,
                "started": datetime.datetime.now().isoformat(timespec="seconds"),
                "device": str(self.model.device),
                "epochs_done": 0,
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
                "input_shape": [str(size) for size in self.model.input_shape[1:]],
            },
            "model": self.model.table(),
            "compile": self.model.get_compile_config(),
            "fit": {name: self.params.get(name) for name in asked_of_fit},
        }
        for table, entries in self.about.items():
            self._settings.setdefault(table, {}).update(entries)
        self.run.start_log()
        self.run.write_settings(self._settings)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begin the epoch's clock."""
        self._epoch_began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write a line."""
        seconds = time.monotonic() - self._epoch_began
        # An epoch of fewer steps than the data sees fewer examples.
        most = (self.params.get("steps") or 0) * (self.params.get("batch_size") or 0)
        examples = min(self.params.get("examples") or 0, most)
        self.run.append_log(
            {
                "epoch": epoch + 1,
                "learning_rate": self.model.optimizer.current_rate(),
                **(logs or {}),
                "seconds": round(seconds, 4),
                "samples_per_second": round(examples / seconds, 1) if examples else None,
            }
        )
        self._settings["run"]["epochs_done"] = epoch + 1

    def on_train_end(self, logs: Any = None) -> None:
        """Write down how it ended."""
        if not self._settings:  # it never began: a callback before this one refused
            return
        self._settings["run"]["seconds"] = round(time.monotonic() - self._began, 3)
        self._settings["run"]["stopped"] = self.model.stop_reason
        self.run.write_settings(self._settings)
        self.model.save(self.run.final_file)
