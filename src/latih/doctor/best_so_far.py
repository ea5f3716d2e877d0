"""The best epoch of a training that a treatment goes on with, remembered across a crash."""

import math
from collections.abc import Mapping
from typing import Any

import torch

from latih.doctor.fact_records import Facts
from latih.doctor.facts import facts_of
from latih.doctor.trying import BestEpoch
from latih.engine.run_state import load_weights


class BestSoFar(BestEpoch):
    """Judges each epoch by its skill on the rows held back, and at the end goes back to the best.

    What the training begins with counts too: so it never ends with less.

    Args:
        patience: after how many epochs without a better validation loss to end; None for never.
    """

    def __init__(self, patience: int | None = None) -> None:
        super().__init__(Facts(), patience)

    def before_training(self, training: Any) -> None:
        """Take the rows to judge by, and judge what the training begins with."""
        super().before_training(training)
        if self.rows is not None:
            self.facts = facts_of(training)
            if not self.best_weights:
                self.keep_if_best()

    def on_train_end(self, logs: Any = None) -> None:
        """Go back to the best epoch; without rows to judge by, as a judge does."""
        super().on_train_end(logs)
        if self.best_weights:
            load_weights(self.model, self.best_weights)

    def state_dict(self) -> dict[str, Any]:
        """Return what must survive a crash: without it a worse epoch might be the best."""
        return {
            "best_skill": self.best_skill if math.isfinite(self.best_skill) else None,
            "best_weights": dict(self.best_weights),
            "best_loss": self._best_loss if math.isfinite(self._best_loss) else None,
            "waited": self._waited,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`state_dict` gave."""
        skill, loss = state["best_skill"], state["best_loss"]
        self.best_skill = -math.inf if skill is None else float(skill)
        self._best_loss = math.inf if loss is None else float(loss)
        weights: Mapping[str, torch.Tensor] = state["best_weights"]
        device = None if self.model is None else self.model.device
        self.best_weights = {name: weight.to(device) for name, weight in weights.items()}
        self._waited = int(state["waited"])
