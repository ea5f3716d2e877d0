"""Learning rates that change with the epoch, or when nothing else helps."""

import inspect
from collections.abc import Callable
from typing import Any

from latih.arguments import number, whole
from latih.callbacks.memory import Remembering
from latih.callbacks.monitor import Mode, Monitor
from latih.engine.events import Callback, LogNames
from latih.errors import InputError


class LearningRateScheduler(Callback):
    """Set the learning rate of each epoch by a function.

    Args:
        schedule: ``schedule(epoch)`` or ``schedule(epoch, learning_rate)``, the epoch counted from
            0; returns the rate.
        verbose: 1 to say the rate of each epoch.

    Raises:
        InputError: before the first step, when the optimizer follows a schedule of its own; or
            when the function returns no number.

    Example:
        >>> LearningRateScheduler(lambda epoch: 0.01 * 0.1 ** (epoch / 20)).verbose
        0
    """

    adds_to_logs = ("learning_rate",)

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        if not callable(schedule):
            raise InputError(
                "`schedule` of LearningRateScheduler cannot be used",
                expected="a function of the epoch",
                got=repr(schedule),
            )
        self.schedule = schedule
        self.verbose = verbose
        self._takes_rate = _takes_two(schedule)

    def check(self, log_names: LogNames) -> None:
        """Refuse an optimizer whose rate cannot be set."""
        require_settable_rate(self.model, "LearningRateScheduler")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set the rate of this epoch."""
        optimizer = self.model.optimizer
        rate = (
            self.schedule(epoch, optimizer.current_rate())
            if self._takes_rate
            else self.schedule(epoch)
        )
        try:
            optimizer.learning_rate = float(rate)
        except (TypeError, ValueError) as error:
            raise InputError(
                "the function of LearningRateScheduler returned no learning rate",
                expected="a finite number >= 0",
                got=repr(rate),
            ) from error
        if self.verbose:
            print(f"Epoch {epoch + 1}: learning rate {optimizer.current_rate():g}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Log the rate of this epoch."""
        if logs is not None:
            logs["learning_rate"] = self.model.optimizer.current_rate()


class ReduceLROnPlateau(Remembering):
    """Multiply the learning rate by a factor when a number has stopped improving.

    Args:
        monitor: the number's name in the logs.
        factor: what the rate is multiplied by, 0 <= factor < 1.
        patience: how many epochs without an improvement are waited for.
        verbose: 1 to say so when it happens.
        mode: ``"min"``, ``"max"`` or ``"auto"``.
        min_delta: by how much it must be better to count.
        cooldown: how many epochs after a reduction are not judged.
        min_lr: below it the rate does not go.

    Raises:
        InputError: the factor is not below 1; or, before the first step, when nothing of that name
            will be logged or the optimizer follows a schedule of its own.

    Example:
        >>> ReduceLROnPlateau(factor=0.5, patience=5).monitor
        'val_loss'
    """

    adds_to_logs = ("learning_rate",)
    remembers = ("best", "wait", "cooldown_counter")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: Mode = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__()
        owner = "ReduceLROnPlateau"
        self.monitor = monitor
        self.factor = number(factor, "factor", owner, least=0, below=1)
        self.patience = whole(patience, "patience", owner, least=0)
        self.verbose = verbose
        self.cooldown = whole(cooldown, "cooldown", owner, least=0)
        self.min_lr = number(min_lr, "min_lr", owner, least=0)
        self.mode, self.min_delta = mode, min_delta
        self.watched = Monitor(monitor, mode, min_delta, owner)
        self.forget()

    def forget(self) -> None:
        """Begin with nothing seen."""
        self.best: float | None = None
        self.wait = 0
        self.cooldown_counter = 0

    def check(self, log_names: LogNames) -> None:
        """Refuse an optimizer whose rate cannot be set, and a name that will not be logged."""
        require_settable_rate(self.model, "ReduceLROnPlateau")
        self.watched.check(log_names)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Judge this epoch, and log its rate."""
        optimizer = self.model.optimizer
        value = self.watched.read(logs)
        if logs is not None:
            logs["learning_rate"] = optimizer.current_rate()
        if value is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.watched.is_better(value, self.best):
            self.best, self.wait = value, 0
        elif self.cooldown_counter == 0:
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        optimizer = self.model.optimizer
        before = optimizer.current_rate()
        if before <= self.min_lr:
            return
        optimizer.learning_rate = max(before * self.factor, self.min_lr)
        self.cooldown_counter, self.wait = self.cooldown, 0
        if self.verbose:
            print(f"Epoch {epoch + 1}: learning rate reduced to {optimizer.current_rate():g}")


def require_settable_rate(model: Any, owner: str) -> None:
    """Refuse an optimizer that follows a schedule.

    Args:
        model: a compiled model.
        owner: the callback's class, for the sentence.
    """
    if model.optimizer.schedule is not None:
        name = type(model.optimizer.schedule).__name__
        raise InputError(
            f"{owner} cannot change a learning rate that follows a schedule",
            expected="an optimizer with a number as its learning rate",
            got=f"learning_rate={name}(...)",
            fix=f"Drop {owner}, or compile the optimizer with a number.",
        )


def _takes_two(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(0, 0.0)
    except (TypeError, ValueError):  # it takes one, or is a function of C without a signature
        return False
    return True
