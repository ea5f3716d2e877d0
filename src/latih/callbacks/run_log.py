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
    """Writes ``run.toml`` when training begins and ends, and a line of ``log.jsonl`` each epoch.

    Args:
        run: the directory.
        settings: what was asked, as tables of ``run.toml``: ``data``, ``model``, ``compile``,
            ``fit``.

    Example:
        >>> import tempfile
        >>> log = RunLog(RunDirectory.create(tempfile.mkdtemp()), {"fit": {"epochs": 2}})
        >>> log.settings["fit"]
        {'epochs': 2}
    """

    def __init__(self, run: RunDirectory, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self.run = run
        self.settings: dict[str, Any] = {key: dict(table) for key, table in settings.items()}
        self._began = self._epoch_began = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        """Write down what was asked."""
        self._began = time.monotonic()
        self.settings.setdefault("run", {}).update(
            {
                "name": self.run.path.resolve().name,
                "started": datetime.datetime.now().isoformat(timespec="seconds"),
                "device": str(next(iter(self.model.weights)).device),
                "epochs_done": 0,
            }
        )
        self.settings["versions"] = {
            "latih": __version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        }
        self.run.start_log()
        self.run.write_settings(self.settings)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begin the epoch's clock."""
        self._epoch_began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write a line."""
        seconds = time.monotonic() - self._epoch_began
        examples = self.params.get("examples")
        self.run.append_log(
            {
                "epoch": epoch + 1,
                **(logs or {}),
                "learning_rate": self.model.optimizer.current_rate(),
                "seconds": round(seconds, 4),
                "samples_per_second": round(examples / seconds, 1) if examples else None,
            }
        )
        self.settings["run"]["epochs_done"] = epoch + 1

    def on_train_end(self, logs: Any = None) -> None:
        """Write down how it ended."""
        self.settings["run"]["seconds"] = round(time.monotonic() - self._began, 3)
        self.settings["run"]["stopped"] = self.model.stop_reason
        self.run.write_settings(self.settings)
        self.model.save(self.run.final_file)
