"""One step: what training and evaluation do to one batch, in few lines."""

from collections.abc import Sequence

import torch

from latih.data.batches import Batch
from latih.engine.objective import Objective
from latih.layers import Layer
from latih.optimizers import Optimizer
from latih.structures import flatten


class Scored:
    """What a model made of a batch, and how good that is.

    What is penalised is looked up once, when it is made: the tree of layers is not walked a step.

    Args:
        model: a layer that turns inputs into predictions.
        objective: its losses and metrics.
    """

    def __init__(self, model: Layer, objective: Objective) -> None:
        self.model = model
        self.objective = objective
        self.penalties = list(model.penalties())

    def __call__(self, batch: Batch) -> tuple[list[torch.Tensor], list[torch.Tensor | None]]:
        """Return the predictions for each output, and the loss of each."""
        predictions = flatten(self.model(batch.inputs))
        return predictions, self.objective.losses(batch, predictions)

    def total(self, losses: Sequence[torch.Tensor | None]) -> torch.Tensor:
        """Return the number that training makes small: losses, penalties, what layers added."""
        added = self.model.added_losses
        if self.penalties or added:
            added = [*(regularizer(weight) for regularizer, weight in self.penalties), *added]
            self.model.added_losses = []  # or they would hold the step's graph in memory
        return self.objective.total(losses, added)


class TrainStep:
    """One update: forward, loss, backward, the optimizer's part, and the running sums.

    Which weights are trainable is read when the step is made, at the start of ``fit``.

    Args:
        model: a layer that turns inputs into predictions.
        objective: its losses and metrics.
        optimizer: what moves the weights.
    """

    def __init__(self, model: Layer, objective: Objective, optimizer: Optimizer) -> None:
        self.model = model
        self.objective = objective
        self.optimizer = optimizer
        self.scored = Scored(model, objective)
        self.weights: Sequence[torch.Tensor] = model.trainable_weights
        optimizer.build(self.weights)

    def __call__(self, batch: Batch) -> None:
        """Train on one batch."""
        predictions, losses = self.scored(batch)
        total = self.scored.total(losses)
        scaled = self.optimizer.scale_loss(total)
        gradients = torch.autograd.grad(scaled, self.weights, allow_unused=True)
        self.optimizer.apply(gradients)
        self.objective.update(batch, predictions, losses, total)


class TestStep:
    """One batch of an evaluation: forward, loss, and the running sums.

    Args:
        model: a layer that turns inputs into predictions.
        objective: its losses and metrics.
    """

    def __init__(self, model: Layer, objective: Objective) -> None:
        self.model = model
        self.objective = objective
        self.scored = Scored(model, objective)

    def __call__(self, batch: Batch) -> None:
        """Take one batch into the running sums."""
        predictions, losses = self.scored(batch)
        self.objective.update(batch, predictions, losses, self.scored.total(losses))
