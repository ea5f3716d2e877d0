"""What decides a run: the model, how it was compiled, the data, and how ``fit`` reads them.

A snapshot keeps it, so that a run is gone on with by the script that began it and by no other. The
same script in another process gives the same data: names and seeds that are made automatically do
not count, and nothing does that changes in the course of a run.
"""

import json
import platform
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import torch

from latih import config
from latih.callbacks import (
    CSVLogger,
    Doctor,
    History,
    LambdaCallback,
    ModelCheckpoint,
    ProgbarLogger,
    RunLog,
    TensorBoard,
)
from latih.callbacks.precision_tip import PrecisionTip
from latih.data.batches import Batches
from latih.engine.capture import native
from latih.engine.events import Callback, Keeper
from latih.engine.plan import Plan
from latih.metrics import Metric
from latih.models.architecture import architecture
from latih.models.plain import described, plain
from latih.optimizers import Optimizer
from latih.registry import constructor_arguments, to_snake_case
from latih.structures import is_nested
from latih.version import __version__

LISTENERS_ONLY = (
    *(ProgbarLogger, History, CSVLogger, RunLog, TensorBoard, ModelCheckpoint),
    *(Keeper, LambdaCallback, PrecisionTip, Doctor),
)
"""Callbacks that show or write down what happens: a run is the same with them and without. A doctor
may end it, as whoever presses Ctrl-C does; what was trained until then is the same."""


def asked(
    model: Any,
    batches: Batches,
    validation: Batches | None,
    plan: Plan,
    params: Mapping[str, Any],
    callbacks: Iterable[Callback],
) -> dict[str, Any]:
    """Return what decides a run, as data that JSON gives back as they were.

    It is to be asked when the model is built and before the first callback is called: these may
    change the learning rate. How many epochs there are does not count, since more of them are how
    one trains on.

    Args:
        model: a built and compiled model.
        batches: the examples.
        validation: those to evaluate on, if there are any.
        plan: how long to train.
        params: what the callbacks are told: ``shuffle`` and ``class_weight``.
        callbacks: who listens. Of the user's own those count that have a state, since the rest
            cannot tell a run that goes on from one that begins.

    Returns:
        The parts, by names that :func:`~latih.engine.differences.differences` knows.
    """
    freq = plan.validation_freq
    return {
        "model": architecture(model),
        "weights": [[list(one.shape), bool(one.requires_grad)] for one in model.weights],
        "optimizer": _optimizer(model.optimizer),
        **_compiled(model),
        "data": _fingerprint(batches),
        "validation": None if validation is None else _fingerprint(validation),
        "batch_size": batches.batch_size,
        "shuffle": params.get("shuffle"),
        "class_weight": plain(params.get("class_weight")),
        "steps_per_epoch": plan.steps_per_epoch,
        "validation_freq": sorted(set(freq)) if isinstance(freq, Collection) else freq,
        "validation_steps": plan.validation_steps,
        "validation_batch_size": None if validation is None else validation.batch_size,
        "callbacks": [type(one).__name__ for one in callbacks if _decides(one)],
        "callbacks_settings": [_settings(one) for one in callbacks if _decides(one)],
    }


def circumstances(device: torch.device | str = "cpu") -> dict[str, Any]:
    """Return what may change the last bits of a run but not its course.

    Args:
        device: where the model is.

    Example:
        >>> sorted(circumstances())
        ['device', 'latih', 'machine', 'native', 'numpy', 'threads', 'torch']
    """
    threads = config.threads()
    return {
        "latih": __version__,
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "machine": platform.machine(),
        "native": native.available(),
        "device": torch.device(device).type,
        "threads": torch.get_num_threads() if threads == "auto" else threads,
    }


def _decides(callback: Callback) -> bool:
    if _is_ours(callback):
        return not isinstance(callback, LISTENERS_ONLY)
    return type(callback).state_dict is not Callback.state_dict


def _settings(callback: Callback) -> dict[str, Any]:
    names = constructor_arguments(type(callback)) if _is_ours(callback) else ()
    values = {name: getattr(callback, name, None) for name in names if name != "verbose"}
    return {name: plain(v) for name, v in values.items() if isinstance(v, bool | int | float | str)}


def _is_ours(callback: Callback) -> bool:
    return type(callback).__module__.startswith("latih.")


def _fingerprint(batches: Batches) -> dict[str, Any]:
    # The user's keys of inputs become text, and tuples lists, as they will be in the file.
    return json.loads(json.dumps(batches.fingerprint()))


def _optimizer(optimizer: Optimizer | None) -> dict[str, Any] | None:
    if optimizer is None:
        return None
    told = described(optimizer)
    told["config"].pop("learning_rate", None)  # what it is by now
    groups = [
        [_count(group.weights), group.learning_rate, group.weight_decay]
        for group in optimizer.groups
    ]
    return {**told, "learning_rate": plain(optimizer.given_rate()), "groups": groups}


def _count(weights: Iterable[Any]) -> int:
    return sum(1 if isinstance(one, torch.Tensor) else len(one.weights) for one in weights)


def _compiled(model: Any) -> dict[str, Any]:
    given = model.objective.given
    names = list(model.output_names) if model.is_symbolic else []

    def told(value: Any) -> Any:
        if isinstance(value, Metric):
            return {**described(value), "called": _own_name(value)}
        return plain(value)

    def by_place(structure: Any) -> Any:
        # Outputs are called as the layers that make them, which may have automatic names.
        if isinstance(structure, Mapping):
            return {
                f"output {names.index(key)}" if key in names else str(key): by_place(part)
                for key, part in structure.items()
            }
        return [by_place(one) for one in structure] if is_nested(structure) else told(structure)

    arguments = ("loss", "loss_weights", "metrics", "weighted_metrics")
    asked_for = {argument: by_place(getattr(given, argument)) for argument in arguments}
    return {argument: None if told == [] else told for argument, told in asked_for.items()}


def _own_name(metric: Metric) -> str | None:
    """Return what a metric is called, if that is more than its class and a number."""
    prefix, _, number = metric.name.rpartition("_")
    automatic = to_snake_case(type(metric).__name__)
    return None if automatic in (metric.name, prefix if number.isdigit() else "") else metric.name
