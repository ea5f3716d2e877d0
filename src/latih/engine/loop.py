"""The loop: epochs of steps, with who listens told."""

import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from latih.arguments import whole
from latih.data.batches import Batch, Batches
from latih.engine.events import CallbackList, LazyLogs
from latih.engine.interrupt import CTRL_C_AND_SIGTERM, InterruptibleSteps
from latih.engine.own_step import OwnStep
from latih.engine.step import TestStep, TrainStep
from latih.errors import InputError, LatihWarning, Terminated
from latih.layers.base import Layer, mode
from latih.structures import flatten, map_structure, unflatten


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
    step: TrainStep | OwnStep,
    test_step: TestStep | OwnStep,
    batches: Batches,
    validation: Batches | None,
    callbacks: CallbackList,
    plan: Plan,
) -> None:
    """Train, epoch by epoch, until the plan or a callback ends it.

    However it ends, by Ctrl-C, SIGTERM or an exception too, the callbacks hear ``on_train_end``:
    what they hold (the best weights, open files) is put in its place before the error goes on.
    """
    model: Any = step.model
    logs: dict[str, Any] = {}
    model.stop_training, model.stop_reason, model.completed = False, None, False
    model.initial_epoch = plan.initial_epoch
    with InterruptibleSteps(CTRL_C_AND_SIGTERM) as steps:
        try:
            callbacks.call("on_train_begin", None)
            # A callback that restored what an earlier run left has moved the first epoch.
            for epoch in range(model.initial_epoch, plan.epochs):
                if batches.exhausted:
                    _warn_of_missing_epochs(epoch, plan.epochs)
                    model.stop_reason = "the data have ended"
                    break
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
                step.finish()
            model.stop_reason = model.stop_reason or "all epochs done"
            model.completed = True
        except KeyboardInterrupt:
            model.stop_reason = "interrupted by Ctrl-C"
            raise
        except Terminated:
            model.stop_reason = "ended by SIGTERM"
            raise
        except BaseException as error:
            model.stop_reason = f"{type(error).__name__}: {error}"
            raise
        finally:
            # From here on even a second signal waits: half of the best weights are no weights.
            steps.ending = True
            model.eval()
            callbacks.call_all("on_train_end", logs)


def _warn_of_missing_epochs(done: int, asked: int) -> None:
    warnings.warn(
        f"the data have ended after {done} of {asked} epochs. Give a generator that goes on, with "
        "steps_per_epoch, or data that begin anew: arrays, a Dataset, a DataLoader.",
        LatihWarning,
        stacklevel=4,
    )


def _train_epoch(
    step: TrainStep | OwnStep,
    batches: Batches,
    callbacks: CallbackList,
    steps: InterruptibleSteps,
    epoch: int,
    most: int | None,
) -> dict[str, Any]:
    model: Any = step.model
    heard = callbacks.hears("on_train_batch_begin", "on_train_batch_end")
    step.reset()
    model.train()
    # With steps_per_epoch an epoch is no whole pass, and the next goes on where it ended.
    steps_each = most or batches.steps
    stream = (
        batches.epoch(epoch)
        if steps_each is None
        else batches.stream(epoch * steps_each, steps_each)
    )
    for number, batch in enumerate(steps.reading(stream)):
        if heard:
            callbacks.call("on_train_batch_begin", number, None)
            step(batch)
            callbacks.call("on_train_batch_end", number, LazyLogs(step.results))
            if model.stop_training:
                break
        else:
            step(batch)
        steps.raise_if_interrupted()
    return step.results()


def evaluate(
    step: TestStep | OwnStep, batches: Batches, callbacks: CallbackList, most: int | None = None
) -> dict[str, Any]:
    """Return the loss and the metrics of a model on data, without training."""
    with InterruptibleSteps() as steps:
        return _evaluate(step, batches, callbacks, most, steps)


def _evaluate(
    step: TestStep | OwnStep,
    batches: Batches,
    callbacks: CallbackList,
    most: int | None,
    steps: InterruptibleSteps,
) -> dict[str, Any]:
    heard = callbacks.hears("on_test_batch_begin", "on_test_batch_end")
    scores: dict[str, Any] = {}
    callbacks.call("on_test_begin", None)
    step.reset()
    try:
        with mode(step.model, False), torch.no_grad():
            for number, batch in enumerate(_one_pass(batches, most)):
                if heard:
                    callbacks.call("on_test_batch_begin", number, None)
                step(batch)
                if heard:
                    callbacks.call("on_test_batch_end", number, LazyLogs(step.results))
                steps.raise_if_interrupted()
        scores = step.results()
    finally:
        callbacks.call_all("on_test_end", scores)
    return scores


def predict(
    model: Layer,
    batches: Batches,
    callbacks: CallbackList,
    most: int | None = None,
    samples: int | None = None,
) -> Any:
    """Return what a model makes of every example, in their order and its outputs' structure.

    Args:
        model: what predicts.
        batches: the examples.
        callbacks: who listens.
        most: after how many batches to end.
        samples: how often to predict each batch; then the mean and the deviation are returned.
    """
    parts: list[list[np.ndarray]] = []
    structure: Any = None
    callbacks.call("on_predict_begin", None)
    try:
        with InterruptibleSteps() as steps, mode(model, False), torch.no_grad():
            for number, batch in enumerate(_one_pass(batches, most)):
                callbacks.call("on_predict_batch_begin", number, None)
                outputs = _predicted(model, batch, samples)
                # Copied to the host batch by batch, so that a device holds one and not them all.
                structure = map_structure(lambda output: output.cpu().numpy(), outputs)
                parts.append(flatten(structure))
                callbacks.call("on_predict_batch_end", number, {"outputs": structure})
                steps.raise_if_interrupted()
    finally:
        callbacks.call_all("on_predict_end", None)
    if not parts:
        raise InputError("there is nothing to predict", expected="at least one batch", got="none")
    return unflatten(structure, [np.concatenate(part) for part in zip(*parts, strict=True)])


def _predicted(model: Layer, batch: Batch, samples: int | None) -> Any:
    if samples is None:
        return model(batch.inputs)
    draws = [model(batch.inputs) for _ in range(samples)]
    stacked = [torch.stack(drawn) for drawn in zip(*map(flatten, draws), strict=True)]
    means = unflatten(draws[0], [output.mean(dim=0) for output in stacked])
    spreads = unflatten(draws[0], [output.std(dim=0, correction=0) for output in stacked])
    return Sampled(means, spreads)


class Sampled(NamedTuple):
    """What many predictions of the same examples have in common, and how far they differ.

    Args:
        mean: their mean.
        deviation: their standard deviation.
    """

    mean: Any
    deviation: Any


def _one_pass(batches: Batches, most: int | None) -> Iterator[Batch]:
    steps = count(batches, most)
    return batches.epoch(0) if steps is None else batches.stream(0, steps)


def count(batches: Batches, most: int | None) -> int | None:
    """Return how many steps an evaluation or a prediction takes: one pass at most."""
    if batches.steps is None:
        return most
    return batches.steps if most is None else min(most, batches.steps)
