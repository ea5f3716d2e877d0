"""Passes over data without training: evaluate and predict."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from latih.data.batches import Batch, Batches
from latih.engine.events import CallbackList, LazyLogs
from latih.engine.interrupt import InterruptibleSteps
from latih.engine.own_step import OwnStep
from latih.engine.step import PredictStep, TestStep
from latih.engine.threads import Threads
from latih.errors import InputError
from latih.layers.base import Layer, mode
from latih.structures import flatten, unflatten
from latih.tensors import unhalved


def evaluate(
    step: TestStep | OwnStep,
    batches: Batches,
    callbacks: CallbackList,
    most: int | None = None,
    known_threads: int | None = None,
) -> dict[str, Any]:
    """Return the loss and the metrics of a model on data, without training.

    Args:
        step: what is done to each batch.
        batches: the examples.
        callbacks: who listens.
        most: after how many steps to end; None for all the data.
        known_threads: how many threads a training took; None if there was none.
    """
    threads = Threads(count(batches, most), known_threads)
    with InterruptibleSteps() as steps, threads.in_force():
        return run_evaluation(step, batches, callbacks, most, steps, threads)


def run_evaluation(
    step: TestStep | OwnStep,
    batches: Batches,
    callbacks: CallbackList,
    most: int | None,
    steps: InterruptibleSteps,
    threads: Threads | None = None,
) -> dict[str, Any]:
    """Evaluate within a block that hears signals; the epochs of a training have their own.

    Args:
        step: what is done to each batch.
        batches: the examples.
        callbacks: who listens.
        most: after how many steps to end; None for all the data.
        steps: the block.
        threads: what says how many threads a step takes; None within a training, which says it.
    """
    heard = callbacks.hears("on_test_batch_begin", "on_test_batch_end")
    watched = batches.runs_user_code or callbacks.strangers_hear(
        "on_test_batch_begin", "on_test_batch_end"
    )
    batches.reuse(step.memory)
    scores: dict[str, Any] = {}
    callbacks.call("on_test_begin", None)
    step.reset()
    try:
        with mode(step.model, False), torch.no_grad():
            step.refresh()  # here, since it heeds the modes in which layers are
            for number, batch in enumerate(steps.reading(_one_pass(batches, most))):
                if heard:
                    callbacks.call("on_test_batch_begin", number, None)
                if watched:
                    step.refresh()
                if threads is None:
                    step(batch)
                else:
                    threads.do(step, batch)
                if heard:
                    callbacks.call("on_test_batch_end", number, LazyLogs(step.results))
                steps.raise_if_interrupted()
        scores = step.results()
    finally:
        callbacks.call_all("on_test_end", scores)
    return scores


def predict(
    step: PredictStep,
    batches: Batches,
    callbacks: CallbackList,
    most: int | None = None,
    samples: int | None = None,
    known_threads: int | None = None,
) -> Any:
    """Return what a model makes of every example, in their order and its outputs' structure.

    Args:
        step: what is done to each batch.
        batches: the examples.
        callbacks: who listens.
        most: after how many batches to end.
        samples: how often to predict each batch; then the mean and the deviation are returned.
        known_threads: how many threads a training took; None if there was none.
    """
    threads = Threads(count(batches, most), known_threads)
    predicted = Predicted(batches.examples if most is None else None)
    watched = batches.runs_user_code or callbacks.strangers_hear(
        "on_predict_batch_begin", "on_predict_batch_end"
    )
    callbacks.call("on_predict_begin", None)
    try:
        with (
            InterruptibleSteps() as steps,
            threads.in_force(),
            mode(step.model, False),
            torch.no_grad(),
        ):
            step.refresh()  # here, since it heeds the modes in which layers are
            for number, batch in enumerate(steps.reading(_one_pass(batches, most))):
                callbacks.call("on_predict_batch_begin", number, None)
                if watched:
                    step.refresh()
                outputs = (
                    threads.do(step, batch)
                    if samples is None
                    else _sampled(step.model, batch, samples)
                )
                # Copied to the host batch by batch, so that a device holds one and not them all.
                part = predicted.add(outputs, batch.size)
                callbacks.call("on_predict_batch_end", number, {"outputs": part})
                steps.raise_if_interrupted()
    finally:
        step.let_go()
        callbacks.call_all("on_predict_end", None)
    return predicted.joined()


class Predicted:
    """The outputs of all batches, one after the other, on the host.

    Args:
        examples: how many there will be; None if nobody knows.
    """

    def __init__(self, examples: int | None) -> None:
        self._examples = examples
        self._structure: Any = None
        self._whole: list[np.ndarray] = []
        self._parts: list[list[np.ndarray]] = []
        self._filled = 0

    def add(self, outputs: Any, size: int) -> Any:
        """Copy the outputs of a batch, and return the copy."""
        arrays = [np.atleast_1d(_as_array(output)) for output in flatten(outputs)]
        if self._structure is None:
            self._structure = outputs
            if self._examples is not None and all(len(array) == size for array in arrays):
                sizes = [(self._examples, *array.shape[1:]) for array in arrays]
                self._whole = [
                    np.empty(size, array.dtype) for size, array in zip(sizes, arrays, strict=True)
                ]
        if not self._whole:
            self._parts.append([array.copy() for array in arrays])
            return unflatten(self._structure, self._parts[-1])
        end = self._filled + size
        for whole, array in zip(self._whole, arrays, strict=True):
            whole[self._filled : end] = array
        copies = [whole[self._filled : end] for whole in self._whole]
        self._filled = end
        return unflatten(self._structure, copies)

    def joined(self) -> Any:
        """Return all of them.

        Raises:
            InputError: there are none.
        """
        if self._structure is None:
            raise InputError(
                "there is nothing to predict", expected="at least one batch", got="none"
            )
        if self._whole:
            return unflatten(self._structure, [whole[: self._filled] for whole in self._whole])
        joined = [np.concatenate(part) for part in zip(*self._parts, strict=True)]
        return unflatten(self._structure, joined)


def _as_array(output: torch.Tensor) -> np.ndarray:
    return unhalved(output).cpu().numpy()


def _sampled(model: Layer, batch: Batch, samples: int) -> Any:
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
