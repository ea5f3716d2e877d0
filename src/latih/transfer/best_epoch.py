"""The epoch whose weights are kept: no worse than the frozen probe in either accuracy."""

import math
from typing import Any

from latih.callbacks import EarlyStopping
from latih.engine.events import LogNames
from latih.transfer.scores import Scores

NEVER = 2**31
MONITOR = "val_loss"


class BestEpoch(EarlyStopping):
    """Keep the weights of the epoch with the lowest validation loss that keeps a promise.

    The loss tells more than the accuracy, which moves in steps of an example; but an epoch with a
    low loss that names fewer examples right than the probe does is none to keep.

    Whether the run ends near the floor is remembered beside it: below it by no more than chance
    makes. With few validation examples it may be by chance alone that no epoch keeps the promise.

    Args:
        floor: the scores that an epoch must not be below.
        patience: how many epochs without a better one end the run; None for never.

    Example:
        >>> import numpy as np
        >>> best = BestEpoch(Scores(0.5, 0.5, np.zeros((2, 2))), None)
        >>> best.keeps_promise({"val_accuracy": 0.6, "val_balanced_accuracy": 0.4})
        False
    """

    remembers = (*EarlyStopping.remembers, "ends_near")

    def __init__(self, floor: Scores, patience: int | None) -> None:
        super().__init__(
            MONITOR, patience=NEVER if patience is None else patience, restore_best_weights=True
        )
        self.floor = floor

    def forget(self) -> None:
        """Begin a new run."""
        super().forget()
        self.ends_near = False

    def check(self, log_names: LogNames) -> None:
        """Refuse nothing: what is read is logged by :func:`~latih.transfer.fine_tune`."""

    def keeps_promise(self, logs: Any, errors: float = 0.0) -> bool:
        """Say whether an epoch is not below the floor.

        Args:
            logs: of the epoch.
            errors: how many standard errors below it are taken for chance, >= 0.
        """
        accuracy, balanced = self.floor.standard_errors
        # Accuracies come as float32.
        return (
            logs["val_accuracy"] >= self.floor.accuracy - errors * accuracy - 1e-6
            and logs["val_balanced_accuracy"]
            >= self.floor.balanced_accuracy - errors * balanced - 1e-6
        )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Judge this epoch."""
        if logs is None:
            return
        if self.keeps_promise(logs):
            super().on_epoch_end(epoch, logs)
        elif self.best is not None:  # until there is one, waiting has not begun
            super().on_epoch_end(epoch, {**logs, MONITOR: math.inf})
        self.ends_near = self.keeps_promise(logs, errors=1.0)
