"""What one sees while a net trains."""

import time
from collections.abc import Mapping
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from latih.engine.events import Callback

Verbose = Literal["auto", 0, 1, 2]
SECONDS_BETWEEN_DRAWS = 0.1


class ProgbarLogger(Callback):
    """A live bar on a terminal, a plain line an epoch in a file.

    The bar is drawn at most ten times a second, and the running means are read no oftener, so that
    a fast net is not slowed by being watched. In a file no control characters are written.

    Args:
        verbose: 1 or ``"auto"`` for the bar where there is a terminal, 2 for plain lines.
        console: where to write; by default the standard output.

    Example:
        >>> logger = ProgbarLogger(verbose=2)
        >>> logger.set_params({"epochs": 2, "steps": 10})
        >>> logger.line(0, {"loss": 0.51234, "accuracy": 0.9}, seconds=1.5, rate=None, left=1.5)
        'Epoch 1/2 - 1.5s - loss: 0.5123 - accuracy: 0.9000 - left: 0:00:02'
    """

    def __init__(self, verbose: Verbose = "auto", console: Console | None = None) -> None:
        super().__init__()
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.live = verbose != 2 and self.console.is_terminal
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._epoch = 0
        self._first: float | None = None  # where this process began, in epochs
        self._began = self._epoch_began = self._drawn = 0.0
        self._training = False
        if self.live:
            # Only on a terminal does it listen to steps at all.
            self.on_train_batch_end = self._draw
            self.on_test_batch_end = self._draw_alone
            self.on_predict_batch_end = self._draw

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin the clock."""
        self._training = True
        self._first = None
        self._began = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Draw an empty bar."""
        self._epoch_began = time.monotonic()
        self._epoch = epoch
        self._first = epoch if self._first is None else self._first
        self._open(f"Epoch {epoch + 1}/{self.params.get('epochs')}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the epoch's line in the bar's place."""
        self._close()
        now = time.monotonic()
        left = self._left(now, epoch + 1)
        rate = None if self.model is None else self.model.optimizer.current_rate()
        self.console.print(
            self.line(epoch, logs or {}, now - self._epoch_began, rate, left), markup=False
        )

    def on_train_end(self, logs: Any = None) -> None:
        """Take the bar away, however training ends."""
        self._close()
        self._training = False

    def on_test_begin(self, logs: Any = None) -> None:
        """Draw an empty bar, unless an epoch's stands there."""
        if not self._training:
            self._epoch_began = time.monotonic()
            self._open("Evaluate")

    def on_test_end(self, logs: Any = None) -> None:
        """Write what an evaluation of its own has given."""
        if not self._training:
            self._close()
            seconds = time.monotonic() - self._epoch_began
            self.console.print(
                " - ".join([f"Evaluate - {seconds:.1f}s", *_told(logs or {})]), markup=False
            )

    def on_predict_begin(self, logs: Any = None) -> None:
        """Draw an empty bar."""
        self._open("Predict")

    def on_predict_end(self, logs: Any = None) -> None:
        """Take the bar away."""
        self._close()

    def line(
        self,
        epoch: int,
        logs: Mapping[str, Any],
        seconds: float,
        rate: float | None,
        left: float,
    ) -> str:
        """Return what is said of an epoch."""
        parts = [f"Epoch {epoch + 1}/{self.params.get('epochs')}", f"{seconds:.1f}s"]
        parts += _told({k: v for k, v in logs.items() if k != "learning_rate"})
        # A callback may have changed the rate at the epoch's end; the log has the epoch's own.
        rate = logs.get("learning_rate", rate)
        if rate is not None:
            parts.append(f"learning_rate: {rate:.3g}")
        if left > 0:
            parts.append(f"left: {_clock(left)}")
        return " - ".join(parts)

    def _open(self, description: str) -> None:
        if not self.live:
            return
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[told]}"),
            console=self.console,
            transient=True,
            auto_refresh=False,
        )
        self._task = self._progress.add_task(description, total=self.params.get("steps"), told="")
        self._drawn = time.monotonic()
        self._progress.start()

    def _draw_alone(self, batch: int, logs: Any = None) -> None:
        # The bar of an epoch stands full while its validation runs.
        if not self._training:
            self._draw(batch, logs)

    def _draw(self, batch: int, logs: Any = None) -> None:
        now = time.monotonic()
        if self._progress is None or now - self._drawn < SECONDS_BETWEEN_DRAWS:
            return
        self._drawn = now
        parts = [] if logs is None or "outputs" in logs else _told(logs)
        if self._training:
            done = self._epoch + (batch + 1) / max(self.params.get("steps") or 1, 1)
            left = self._left(now, done)
            parts += [
                f"learning_rate: {self.model.optimizer.current_rate():.3g}",
                f"left: {_clock(left)}",
            ]
        self._progress.update(self._task, completed=batch + 1, told="  ".join(parts))
        self._progress.refresh()

    def _left(self, now: float, done: float) -> float:
        """Return the seconds that the rest will take if it goes on as since this process began."""
        here = done - (self._first or 0)
        return (now - self._began) / here * ((self.params.get("epochs") or 0) - done)

    def _close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def _told(logs: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {_number_told(value)}" for name, value in logs.items()]


def _number_told(value: Any) -> str:
    if isinstance(value, list):  # a metric with a number for each class
        return f"[{', '.join(_number_told(one) for one in value)}]"
    return f"{value:.4f}"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
