"""Passes over data without training: evaluate and predict."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from latih.data.batches import Batch, Batches
from latih.engine.events import CallbackList, LazyLogs
from latih.engine.interrupt import InterruptibleSteps
from latih.engine.own_step import OwnStep
from latih.engine.step import TestStep
from latih.errors import InputError
from latih.layers.base import Layer, mode
from latih.ops.conversion import convert_to_numpy
from latih.structures import flatten, map_structure, unflatten
from latih.tensors import unhalved


def evaluate(
    step: TestStep | OwnStep, batches: Batches, callbacks: CallbackList, most: int | None = None
) -> dict[str, Any]:
    """Return the loss and the metrics of a model on data, without training."""
    with InterruptibleSteps() as steps:
        return run_evaluation(step, batches, callbacks, most, steps)


def run_evaluation(
    step: TestStep | OwnStep,
    batches: Batches,
    callbacks: CallbackList,
    most: int | None,
    steps: InterruptibleSteps,
) -> dict[str, Any]:
    """Evaluate within a block that hears signals; the epochs of a training have their own.

    Args:
        step: what is done to each batch.
        batches: the examples.
        callbacks: who listens.
        most: after how many steps to end; None for all the data.
        steps: the block.
    """
    heard = callbacks.hears("on_test_batch_begin", "on_test_batch_end")
    scores: dict[str, Any] = {}
    callbacks.call("on_test_begin", None)
    step.reset()
    try:
        with mode(step.model, False), torch.no_grad():
            for number, batch in enumerate(steps.reading(_one_pass(batches, most))):
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
            for number, batch in enumerate(steps.reading(_one_pass(batches, most))):
                callbacks.call("on_predict_batch_begin", number, None)
                outputs = _predicted(model, batch, samples)
                # Copied to the host batch by batch, so that a device holds one and not them all.
                structure = map_structure(convert_to_numpy, outputs)
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
    stacked = [_stacked(drawn) for drawn in zip(*map(flatten, draws), strict=True)]
    means = unflatten(draws[0], [output.mean(dim=0) for output in stacked])
    spreads = unflatten(draws[0], [output.std(dim=0, correction=0) for output in stacked])
    return Sampled(means, spreads)


def _stacked(drawn: tuple[torch.Tensor, ...]) -> torch.Tensor:
    # In a half precision the mean of many draws would be no better than one of them.
    return unhalved(torch.stack(drawn))


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
