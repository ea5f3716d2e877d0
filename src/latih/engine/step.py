"""One step: what training and evaluation do to one batch, in few lines."""

from collections.abc import Sequence

import torch

from latih.data.batches import Batch
from latih.engine.objective import Objective
from latih.layers import Layer
from latih.optimizers import Optimizer


class TotalLoss:
    """The loss of a batch with the penalties on weights and outputs.

    What is penalised is looked up once, when it is made: the tree of layers is not walked a step.

    Args:
        model: a layer that turns inputs into predictions.
        objective: its loss.
    """

    def __init__(self, model: Layer, objective: Objective) -> None:
        self.objective = objective
        self.on_weights = list(model.penalties())
        self.on_outputs = list(model.penalised_outputs())

    def __call__(self, batch: Batch, predictions: torch.Tensor) -> torch.Tensor:
        """Return the number that training makes small."""
        total = self.objective.value(batch, predictions)
        for regularizer, weight in self.on_weights:
            total = total + regularizer(weight)
        for layer in self.on_outputs:
            if layer.activity_penalty is not None:
                total = total + layer.activity_penalty
                layer.activity_penalty = None  # or it would hold the step's graph in memory
        return total


class TrainStep:
    """One update: forward, loss, backward, clip, move, bound, and the running sums.

    Which weights are trainable is read when the step is made, at the start of ``fit``.

    Args:
        model: a layer that turns inputs into predictions.
        objective: its loss and metrics.
        optimizer: what moves the weights.
    """

    def __init__(self, model: Layer, objective: Objective, optimizer: Optimizer) -> None:
        self.model = model
        self.objective = objective
        self.optimizer = optimizer
        self.total_loss = TotalLoss(model, objective)
        self.weights: Sequence[torch.Tensor] = model.trainable_weights
        self.bounds = list(model.bounds())
        optimizer.build(self.weights)

    def __call__(self, batch: Batch) -> None:
        """Train on one batch."""
        predictions = self.model(batch.inputs)
        total = self.total_loss(batch, predictions)
        scaled = self.optimizer.scale_loss(total)
        gradients = torch.autograd.grad(scaled, self.weights, allow_unused=True)
        self.optimizer.apply(gradients)
        if self.bounds:
            with torch.no_grad():
                for constraint, weight in self.bounds:
                    weight.copy_(constraint(weight))
        self.objective.update(batch, predictions, total)


class TestStep:
    """One batch of an evaluation: forward, loss, and the running sums.

    Args:
        model: a layer that turns inputs into predictions.
        objective: its loss and metrics.
    """

    def __init__(self, model: Layer, objective: Objective) -> None:
        self.model = model
        self.objective = objective
        self.total_loss = TotalLoss(model, objective)

    def __call__(self, batch: Batch) -> None:
        """Take one batch into the running sums."""
        predictions = self.model(batch.inputs)
        self.objective.update(batch, predictions, self.total_loss(batch, predictions))
