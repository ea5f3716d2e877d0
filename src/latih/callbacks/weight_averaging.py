"""The mean of the weights that training passes through at its end."""

from typing import Any

import torch

from latih.arguments import number, whole
from latih.callbacks.batch_statistics import normalisations, update_batch_statistics
from latih.callbacks.learning_rate import require_settable_rate
from latih.callbacks.memory import Remembering
from latih.data import as_array
from latih.engine import preflight
from latih.engine.events import LogNames
from latih.errors import InputError


class StochasticWeightAveraging(Remembering):
    """Average the weights of the last epochs, and end the training with their mean.

    At a rate that stays high the weights wander about the rim of a wide valley; their mean lies
    within it and generalises better than any of them, for the price of one more copy:
    ``w̄ ← w̄ + (w - w̄) / (n + 1)`` at the end of each epoch from ``start_epoch`` on. When training
    ends, Ctrl-C included, w̄ takes the weights' place and the statistics of batch normalisation
    are estimated anew. What is logged meanwhile is of the weights that move.

    Args:
        start_epoch: the first epoch, counted from 0, whose weights are averaged; about three
            quarters of the training are usual.
        learning_rate: the rate from then on, > 0, high enough to keep the weights wandering; None
            leaves it to the optimizer.
        x: the training examples, for the statistics of a model with batch normalisation.
        batch_size: how many of them are taken at once.

    Raises:
        InputError: before the first step, when the run ends before ``start_epoch``, the model has
            batch normalisation and there is no ``x``, or the rate follows a schedule and another is
            asked for.

    Example:
        >>> StochasticWeightAveraging(start_epoch=75, learning_rate=0.05).start_epoch
        75

    Reference:
        Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima", algorithm 1.
    """

    remembers = ("averages", "averaged")

    def __init__(
        self,
        start_epoch: int,
        learning_rate: float | None = None,
        x: Any = None,
        batch_size: int = 32,
    ) -> None:
        super().__init__()
        owner = type(self).__name__
        self.start_epoch = whole(start_epoch, "start_epoch", owner, least=0)
        self.learning_rate = (
            None
            if learning_rate is None
            else number(learning_rate, "learning_rate", owner, above=0)
        )
        self.x = None if x is None else as_array(x, "x")
        self.batch_size = whole(batch_size, "batch_size", owner, least=1)
        self.forget()

    def forget(self) -> None:
        """Begin with nothing averaged."""
        self.averages: list[torch.Tensor] = []
        self.averaged = 0

    def check(self, log_names: LogNames) -> None:
        """Refuse a run that cannot end with averages."""
        owner = type(self).__name__
        if self.start_epoch >= self.params["epochs"]:
            raise InputError(
                f"{owner} would average nothing",
                expected=f"a run of more than {self.start_epoch} epochs",
                got=f"epochs={self.params['epochs']}",
                fix="Give an earlier start_epoch; the first epoch is 0.",
            )
        if self.learning_rate is not None:
            require_settable_rate(self.model, owner)
        if self.x is not None:
            preflight.check_inputs(self.model.input_shape, self.x, self.model.name)
        elif normalisations(self.model):
            raise InputError(
                f"{owner} cannot fit batch normalisation to the averaged weights",
                expected="the training examples as its argument `x`",
                got="None",
                fix=f"Write {owner}(..., x=X_train).",
            )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set the rate at which the weights wander."""
        if self.learning_rate is not None and epoch >= self.start_epoch:
            self.model.optimizer.learning_rate = self.learning_rate

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Take this epoch's weights into the mean."""
        if epoch < self.start_epoch:
            return
        weights = [weight.detach() for weight in self.model.parameters()]
        if not self.averages:
            self.averages = [weight.clone() for weight in weights]
        for average, weight in zip(self.averages, weights, strict=True):
            average.lerp_(weight.to(average.device), 1.0 / (self.averaged + 1))
        self.averaged += 1

    def on_train_end(self, logs: Any = None) -> None:
        """Put the averages in the weights' place."""
        if not self.averages:
            return
        with torch.no_grad():
            for weight, average in zip(self.model.parameters(), self.averages, strict=True):
                weight.copy_(average)
        if self.x is not None:
            update_batch_statistics(self.model, self.x, self.batch_size)
