"""The loop: epochs of steps, with who listens told."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from latih.arguments import whole
from latih.data.batches import ArrayBatches
from latih.engine.events import CallbackList, LazyLogs
from latih.engine.interrupt import InterruptibleSteps
from latih.engine.step import TestStep, TrainStep
from latih.layers.base import Layer, mode


@dataclass(frozen=True)
class Plan:
    """How long to train.

    Args:
        epochs: the number of the last epoch, counted from 1; not how many when one starts later.
        initial_epoch: the number of epochs done before.
        steps_per_epoch: after how many steps an epoch ends; None for all the data.
        validation_freq: every how many epochs to evaluate, or after which, counted from 1.
        validation_steps: after how many steps an evaluation ends; None for all the data.
    """

    epochs: int
    initial_epoch: int = 0
    steps_per_epoch: int | None = None
    validation_freq: int | Collection[int] = 1
    validation_steps: int | None = None

    def __post_init__(self) -> None:
        whole(self.epochs, "epochs", "fit()", least=0)
        whole(self.initial_epoch, "initial_epoch", "fit()", least=0)
        for one in (
            self.validation_freq
            if isinstance(self.validation_freq, Collection)
            and not isinstance(self.validation_freq, str)
            else [self.validation_freq]
        ):
            whole(one, "validation_freq", "fit()", least=1)
        for name in ("steps_per_epoch", "validation_steps"):
            if getattr(self, name) is not None:
                whole(getattr(self, name), name, "fit()", least=1)

    def validates(self, epoch: int) -> bool:
        """Say whether an epoch, counted from 0, is followed by an evaluation."""
        if isinstance(self.validation_freq, Collection):
            return epoch + 1 in self.validation_freq
        return (epoch + 1) % self.validation_freq == 0


def fit(
    step: TrainStep,
    batches: ArrayBatches,
    validation: ArrayBatches | None,
    callbacks: CallbackList,
    plan: Plan,
) -> None:
    """Train, epoch by epoch, until the plan or a callback ends it.

    However it ends, by Ctrl-C or an exception too, the callbacks hear ``on_train_end``: what they
    hold (the best weights, open files) is put in its place before the error goes on.
    """
    model: Any = step.model
    test_step = TestStep(step.model, step.objective)
    logs: dict[str, Any] = {}
    model.stop_training, model.stop_reason, model.completed = False, None, False
    model.initial_epoch = plan.initial_epoch
    with InterruptibleSteps() as steps:
        try:
            callbacks.call("on_train_begin", None)
            # A callback that restored what an earlier run left has moved the first epoch.
            for epoch in range(model.initial_epoch, plan.epochs):
                callbacks.call("on_epoch_begin", epoch, None)
                logs = _train_epoch(step, batches, callbacks, steps, epoch, plan.steps_per_epoch)
                if validation is not None and plan.validates(epoch):
                    scores = _evaluate(
                        test_step, validation, callbacks, plan.validation_steps, steps
                    )
                    logs.update({f"val_{name}": value for name, value in scores.items()})
                callbacks.call("on_epoch_end", epoch, logs)
                steps.raise_if_interrupted()
                if model.stop_training:
                    model.stop_reason = model.stop_reason or "a callback asked for it"
                    break
            if plan.epochs > 0:
                step.optimizer.finalize_variable_values(step.weights)
            model.stop_reason = model.stop_reason or "all epochs done"
            model.completed = True
        except KeyboardInterrupt:
            model.stop_reason = "interrupted by Ctrl-C"
            raise
        except BaseException as error:
            model.stop_reason = f"{type(error).__name__}: {error}"
            raise
        finally:
            # From here on even a second Ctrl-C waits: half of the best weights are no weights.
            steps.ending = True
            model.eval()
            callbacks.call_all("on_train_end", logs)
        steps.raise_if_interrupted()


def _train_epoch(
    step: TrainStep,
    batches: ArrayBatches,
    callbacks: CallbackList,
    steps: InterruptibleSteps,
    epoch: int,
    most: int | None,
) -> dict[str, Any]:
    model: Any = step.model
    objective = step.objective
    heard = callbacks.hears("on_train_batch_begin", "on_train_batch_end")
    objective.reset()
    model.train()
    # With steps_per_epoch an epoch is no whole pass, and the next goes on where it ended.
    steps_each = most or len(batches)
    for number, batch in enumerate(batches.stream(epoch * steps_each, steps_each)):
        if heard:
            callbacks.call("on_train_batch_begin", number, None)
            step(batch)
            callbacks.call("on_train_batch_end", number, LazyLogs(objective.results))
            if model.stop_training:
                break
        else:
            step(batch)
        steps.raise_if_interrupted()
    return objective.results()


def evaluate(
    step: TestStep, batches: ArrayBatches, callbacks: CallbackList, most: int | None = None
) -> dict[str, Any]:
    """Return the loss and the metrics of a model on data, without training."""
    with InterruptibleSteps() as steps:
        return _evaluate(step, batches, callbacks, most, steps)


def _evaluate(
    step: TestStep,
    batches: ArrayBatches,
    callbacks: CallbackList,
    most: int | None,
    steps: InterruptibleSteps,
) -> dict[str, Any]:
    objective = step.objective
    heard = callbacks.hears("on_test_batch_begin", "on_test_batch_end")
    scores: dict[str, Any] = {}
    callbacks.call("on_test_begin", None)
    objective.reset()
    try:
        with mode(step.model, False), torch.no_grad():
            for number, batch in enumerate(batches.stream(0, count(batches, most))):
                if heard:
                    callbacks.call("on_test_batch_begin", number, None)
                step(batch)
                if heard:
                    callbacks.call("on_test_batch_end", number, LazyLogs(objective.results))
                steps.raise_if_interrupted()
        scores = objective.results()
    finally:
        callbacks.call_all("on_test_end", scores)
    return scores


def predict(
    model: Layer, batches: ArrayBatches, callbacks: CallbackList, most: int | None = None
) -> np.ndarray:
    """Return what a model makes of every example, in their order."""
    outputs: np.ndarray | None = None
    done = 0
    callbacks.call("on_predict_begin", None)
    try:
        with InterruptibleSteps() as steps, mode(model, False), torch.no_grad():
            for number, batch in enumerate(batches.stream(0, count(batches, most))):
                callbacks.call("on_predict_batch_begin", number, None)
                # Copied to the host batch by batch, so that a device holds one and not them all.
                part = model(batch.inputs).cpu().numpy()
                if outputs is None:
                    outputs = np.empty((batches.examples, *part.shape[1:]), part.dtype)
                outputs[done : done + batch.size] = part
                done += batch.size
                callbacks.call("on_predict_batch_end", number, {"outputs": part})
                steps.raise_if_interrupted()
    finally:
        callbacks.call_all("on_predict_end", None)
    assert outputs is not None
    return outputs[:done]


def count(batches: ArrayBatches, most: int | None) -> int:
    """Return how many steps an evaluation or a prediction takes: one pass at most."""
    return len(batches) if most is None else min(most, len(batches))
