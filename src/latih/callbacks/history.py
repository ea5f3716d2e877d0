"""The record of a run: what ``fit`` returns."""

from collections.abc import Mapping
from typing import Any

from latih.callbacks.memory import Remembering
from latih.doctor.diagnosis import Diagnosis
from latih.doctor.treatment import Treatment


class History(Remembering):
    """Keeps the losses and metrics of every epoch; ``fit`` adds it and returns it.

    ``history`` maps each name to a list, ``epoch`` lists the epochs, counted from 0, and
    ``diagnosis`` is what the doctor says of the run, if one looked on: ``fit(doctor="watch")``; and
    ``treatment`` what he tried, if he was asked to and found a fault: ``fit(doctor="treat")``.

    Example:
        >>> history = History()
        >>> history.on_epoch_end(0, {"loss": 0.5})
        >>> history.history
        {'loss': [0.5]}
    """

    remembers = ("history", "epoch")

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []
        self.diagnosis: Diagnosis | None = None
        self.treatment: Treatment | None = None

    def forget(self) -> None:
        """Begin with no epochs; the numbers of an earlier run stay, as in Keras."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep what this epoch logged."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`state_dict` gave."""
        super().load_state_dict(state)
        # Copies: the lists grow, and the state is somebody else's.
        self.history = {name: list(values) for name, values in self.history.items()}
        self.epoch = list(self.epoch)
