"""The record of a run: what ``fit`` returns."""

from collections.abc import Mapping
from typing import Any

from latih.engine.events import Callback


class History(Callback):
    """Keeps the losses and metrics of every epoch; ``fit`` adds it and returns it.

    ``history`` maps each name to a list, ``epoch`` lists the epochs, counted from 0.

    Example:
        >>> history = History()
        >>> history.on_epoch_end(0, {"loss": 0.5})
        >>> history.history
        {'loss': [0.5]}
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin with no epochs."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep what this epoch logged."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def state_dict(self) -> dict[str, Any]:
        """Return what must survive a crash."""
        return {"history": self.history, "epoch": self.epoch}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`state_dict` gave."""
        self.history, self.epoch = dict(state["history"]), list(state["epoch"])
