"""Ending a run that gets no better."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from latih.arguments import number, whole
from latih.callbacks.memory import Remembering
from latih.callbacks.monitor import Mode, Monitor
from latih.engine.events import LogNames


class EarlyStopping(Remembering):
    """End training when a number has not improved for some epochs.

    The cheapest regularisation there is: the net of the best epoch generalises best.

    Args:
        monitor: the number's name in the logs.
        min_delta: by how much it must be better to count.
        patience: how many epochs without an improvement end the run.
        verbose: 1 to say so when it happens.
        mode: ``"min"``, ``"max"`` or ``"auto"``.
        baseline: an improvement that is no better than this does not reset the patience.
        restore_best_weights: whether the best epoch's weights are put back at the end; they are on
            every way out, Ctrl-C and exceptions too.
        start_from_epoch: the first epoch, counted from 0, that is judged.

    Raises:
        InputError: before the first step, when nothing of that name will be logged.

    Example:
        >>> EarlyStopping(patience=10, restore_best_weights=True).monitor
        'val_loss'

    Reference:
        Prechelt 1998, "Early Stopping - But When?", the criterion UP.
    """

    remembers = ("wait", "best", "best_epoch", "best_weights")
    weights_kept = ("best_weights",)
    """What of it is a list of weights, or None."""

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: Mode = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__()
        self.monitor = monitor
        self.patience = whole(patience, "patience", "EarlyStopping", least=0)
        self.verbose = verbose
        self.baseline = None if baseline is None else number(baseline, "baseline", "EarlyStopping")
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = whole(
            start_from_epoch, "start_from_epoch", "EarlyStopping", least=0
        )
        self.mode, self.min_delta = mode, min_delta
        self.watched = Monitor(monitor, mode, min_delta, "EarlyStopping")
        self.forget()

    def forget(self) -> None:
        """Begin with nothing seen."""
        self.wait = 0
        self.stopped_epoch = 0
        self.best: float | None = None
        self.best_epoch = 0
        self.best_weights: list[np.ndarray] | None = None

    def check(self, log_names: LogNames) -> None:
        """Refuse a name that the logs will not hold."""
        self.watched.check(log_names)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Judge this epoch."""
        value = self.watched.read(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self.watched.is_better(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.watched.is_better(value, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True
            self.model.stop_reason = (
                f"early stopping: {self.monitor} did not improve for {self.wait} epochs"
            )

    def on_train_end(self, logs: Any = None) -> None:
        """Put the best weights back."""
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring the weights of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)

    def state_dict(self) -> dict[str, Any]:
        """Return what must survive a crash, weights as tensors."""
        state = super().state_dict()
        for name in self.weights_kept:
            if state[name] is not None:
                state[name] = [torch.from_numpy(weight) for weight in state[name]]
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`state_dict` gave."""
        super().load_state_dict(state)
        for name in self.weights_kept:
            if state[name] is not None:
                setattr(self, name, [weight.cpu().numpy() for weight in state[name]])
