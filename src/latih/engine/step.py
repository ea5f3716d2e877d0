"""One step: what training and evaluation do to one batch, in few lines."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from latih.data.batches import Batch, ReusedBatch
from latih.engine.capture.captured import Captured
from latih.engine.capture.permission import Permission
from latih.engine.capture.short import ShortCopies
from latih.engine.objective import Objective, plain
from latih.engine.sums import load_sums_state, sums_state
from latih.layers import Layer
from latih.optimizers import Optimizer
from latih.structures import flatten

MOST_KEPT_BYTES = 1 << 26
"""How much memory a step keeps between two calls of ``fit``; to record a large net again costs
little of what its steps do."""


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
        compiled = {id(metric) for metric in objective.all_metrics}
        # Those that layers keep as attributes, and update in their calls.
        self.kept = [metric for metric in model.metrics if id(metric) not in compiled]

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


class Step:
    """What is done to one batch, recorded once for each shape of batches and replayed.

    Args:
        model: a layer that turns inputs into predictions.
        others: the losses and metrics that are called beside it.
        capture: whether the step may be recorded; ``"auto"`` for where it is safe.
    """

    def __init__(self, model: Layer, others: Sequence[Any], capture: bool | str) -> None:
        self.model = model
        self.captured = Captured(self.run, Permission(model, others, capture))

    def run(self, batch: Batch) -> Any:
        """Do what is recorded and replayed."""
        raise NotImplementedError

    def is_like(self, other: Any) -> bool:
        """Say whether another step does the same, so that what it has recorded is of use."""
        return (
            type(self) is type(other)
            and self.model is other.model
            and self.captured.permission.asked == other.captured.permission.asked
        )

    def refresh(self) -> None:
        """Forget what was recorded if it is true no longer."""
        self.captured.refresh()

    def let_go(self) -> None:
        """Keep what was recorded for a later call only if it takes little memory."""
        if self.captured.bytes > MOST_KEPT_BYTES:
            self.captured.let_go()

    @property
    def memory(self) -> Mapping[int, ReusedBatch]:
        """Where batches may be made, by how many examples they have."""
        return self.captured.memory


class PredictStep(Step):
    """One batch of a prediction; what it returns holds until the next batch.

    Args:
        model: a layer that turns inputs into predictions.
        capture: whether the step may be recorded; ``"auto"`` for where it is safe.
    """

    def __init__(self, model: Layer, capture: bool | str = "auto") -> None:
        super().__init__(model, [], capture)

    def __call__(self, batch: Batch) -> Any:
        """Return what the model makes of a batch."""
        return self.captured(batch)

    def run(self, batch: Batch) -> Any:
        """Return what the model makes of a batch, by PyTorch's usual way."""
        return self.model(batch.inputs)


class LoggedStep(Step):
    """What the loop asks of a step beside the step itself: what it logs.

    Args:
        model: a layer that turns inputs into predictions.
        objective: its losses and metrics.
    """

    names_are_known = True

    def __init__(self, model: Layer, objective: Objective) -> None:
        super().__init__(model, objective.parts, objective.capture)
        self.objective = objective
        self.scored = Scored(model, objective)

    def is_like(self, other: Any) -> bool:
        """Say whether another step does the same, so that what it has recorded is of use."""
        return (
            super().is_like(other)
            and self.objective is other.objective
            and _same(self.scored.penalties, other.scored.penalties)
            and _same([self.scored.kept], [other.scored.kept])
        )

    @property
    def names(self) -> list[str]:
        """What the logs will hold."""
        return [*self.objective.names, *(metric.name for metric in self.scored.kept)]

    def reset(self) -> None:
        """Begin the running sums anew."""
        self.objective.reset()
        for metric in self.scored.kept:
            metric.reset_state()

    def results(self) -> dict[str, Any]:
        """Read the running sums; this waits for the device."""
        results = self.objective.results()
        results.update((metric.name, plain(metric.result())) for metric in self.scored.kept)
        return results

    def state_dict(self) -> dict[str, Any]:
        """Return the running sums."""
        return {"compiled": self.objective.state_dict(), "kept": sums_state(self.scored.kept)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the running sums that :meth:`state_dict` gave."""
        self.objective.load_state_dict(state["compiled"])
        load_sums_state(self.scored.kept, state["kept"])


class TrainStep(LoggedStep):
    """One update: forward, loss, backward, the optimizer's part, and the running sums.

    Which weights are trainable is read when the step is made, at the start of ``fit``. Those that
    the optimizer's groups let rest get no gradient; which these are is read at each
    :meth:`refresh`.

    Args:
        model: a layer that turns inputs into predictions.
        objective: its losses and metrics.
        optimizer: what moves the weights.
    """

    def __init__(self, model: Layer, objective: Objective, optimizer: Optimizer) -> None:
        super().__init__(model, objective)
        self.optimizer = optimizer
        self.weights: Sequence[torch.Tensor] = model.trainable_weights
        optimizer.build(self.weights)
        self._flat = optimizer.flat
        self._at_rest: frozenset[int] = frozenset()
        self._learning: Sequence[torch.Tensor] = self.weights
        self.captured.short = ShortCopies(optimizer)

    def refresh(self) -> None:
        """Forget what was recorded if it is true no longer."""
        if self.optimizer.at_rest != self._at_rest:
            self._at_rest = rest = self.optimizer.at_rest
            self._learning = [one for place, one in enumerate(self.weights) if place not in rest]
            self.captured.forget()
        super().refresh()

    def __call__(self, batch: Batch) -> None:
        """Train on one batch."""
        self.optimizer.move(self.captured(batch))

    def is_like(self, other: Any) -> bool:
        """Say whether another step does the same, so that what it has recorded is of use."""
        return (
            super().is_like(other)
            and self.optimizer is other.optimizer
            and self._flat is other._flat
        )

    def run(self, batch: Batch) -> list[int]:
        """Leave the gradients in the optimizer's buffer; return which weights have none."""
        predictions, losses = self.scored(batch)
        total = self.scored.total(losses)
        scaled = self.optimizer.scale_loss(total)
        # Of what rests below all that learns, the way back is not gone.
        gradients = torch.autograd.grad(scaled, self._learning, allow_unused=True)
        missing = self.optimizer.collect(gradients, self._learning if self._at_rest else None)
        self.objective.update(batch, predictions, losses, total)
        return missing

    def finish(self) -> None:
        """Put the optimizer's averages in the weights' place, if it has any."""
        self.optimizer.finalize_variable_values(self.weights)


class TestStep(LoggedStep):
    """One batch of an evaluation: forward, loss, and the running sums.

    Args:
        model: a layer that turns inputs into predictions.
        objective: its losses and metrics.
    """

    def __call__(self, batch: Batch) -> None:
        """Take one batch into the running sums."""
        self.captured(batch)

    def run(self, batch: Batch) -> None:
        """Take one batch into the running sums, by PyTorch's usual way."""
        predictions, losses = self.scored(batch)
        self.objective.update(batch, predictions, losses, self.scored.total(losses))


def _same(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Say whether two lists hold the very same objects, in pairs or lists."""
    return [[id(part) for part in parts] for parts in one] == [
        [id(part) for part in parts] for parts in other
    ]
