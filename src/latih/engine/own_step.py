"""A step that the user wrote: the model's own ``train_step`` or ``test_step`` on a batch."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from latih.data.batches import Batch, ReusedBatch
from latih.engine.objective import Objective, plain
from latih.engine.sums import load_sums_state, sums_state
from latih.errors import InputError
from latih.metrics import Metric


class OwnStep:
    """Calls a method of the model on each batch, and logs what it returns.

    The method gets what Keras's gets: ``(x, y)``, ``(x, y, sample_weight)``, or x alone.

    Args:
        model: whose step it is.
        method: its ``train_step`` or ``test_step``.
    """

    names: list[str] = []
    """What the logs will hold is known to nobody before the first step."""
    names_are_known = False
    memory: Mapping[int, ReusedBatch] = {}
    """None to be reused: who knows what the method keeps."""

    def __init__(self, model: Any, method: Callable[[Any], Any]) -> None:
        self.model = model
        self.method = method
        self._logs: Mapping[str, Any] = {}

    def __call__(self, batch: Batch) -> None:
        """Do the step."""
        logs = self.method(self._data(batch))
        if not isinstance(logs, Mapping):
            raise InputError(
                f"{self.method.__name__}() of {self.model.name!r} returned what cannot be logged",
                expected="a dict of numbers by their names",
                got=f"a {type(logs).__name__}",
                fix="Return {m.name: m.result() for m in self.metrics}.",
            )
        self._logs = logs

    def refresh(self) -> None:
        """Do nothing: nothing is recorded that could be true no longer."""

    def let_go(self) -> None:
        """Do nothing: no memory is held."""

    def _data(self, batch: Batch) -> Any:
        targets, weights = batch.targets, batch.weights
        if not targets:
            # As in Keras x stands alone, unless it looks like x with y.
            return (batch.inputs,) if isinstance(batch.inputs, list | tuple) else batch.inputs
        y = self._as_given(targets)
        if all(weight is None for weight in weights):
            return batch.inputs, y
        return batch.inputs, y, self._as_given(weights)

    def _as_given(self, parts: list[torch.Tensor | None]) -> Any:
        if self.model.target_keys is not None:
            return dict(zip(self.model.target_keys, parts, strict=True))
        return parts[0] if len(parts) == 1 else parts

    def reset(self) -> None:
        """Begin the running sums anew."""
        self._logs = {}
        self.model.reset_metrics()

    def results(self) -> dict[str, Any]:
        """Return what the last step said; this waits for the device."""
        return {name: plain(value) for name, value in self._logs.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return the running sums, and what the last step said."""
        return {
            "compiled": None if self._objective is None else self._objective.state_dict(),
            "kept": sums_state(self._kept()),
            "logs": self.results(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`state_dict` gave."""
        if self._objective is not None:
            self._objective.load_state_dict(state["compiled"])
        load_sums_state(self._kept(), state["kept"])
        self._logs = state["logs"]

    @property
    def _objective(self) -> Objective | None:
        return self.model.objective

    def _kept(self) -> list[Metric]:
        compiled = [] if self._objective is None else self._objective.all_metrics
        known = {id(metric) for metric in compiled}
        return [metric for metric in self.model.metrics if id(metric) not in known]

    def finish(self) -> None:
        """Put the optimizer's averages in the weights' place, if it has any."""
        optimizer = self.model.optimizer
        if optimizer is not None and optimizer.flat is not None:
            # The step may let it move some of the weights only.
            optimizer.finalize_variable_values(optimizer.flat.parameters)
