"""All that is known of a training before its first step."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from latih.data.batches import ArrayBatches, Batch, Batches
from latih.data.streams import StreamBatches
from latih.doctor import data_facts, rows
from latih.doctor import targets as of_targets
from latih.doctor.anatomy import facts_of_parts, in_order_of_making
from latih.doctor.evidence import Facts, InputFacts, OutputFacts
from latih.doctor.flow import Flow, flow_of
from latih.losses import Loss
from latih.registry import constructor_arguments, to_snake_case

NOT_SETTINGS = ("learning_rate", "name", "kwargs", "unknown")
"""Arguments of optimizers that are told elsewhere, or are none."""


def facts_of(training: Any, probe: Batch | None = None) -> Facts:
    """Return what is known of a training; it, its model and its data are left as they are.

    Args:
        training: a :class:`~latih.engine.training.Training` that has not begun.
        probe: the rows to send through the model; None for those of
            :func:`~latih.doctor.rows.probe_batch`.
    """
    model, batches, plan = training.model, training.batches, training.plan
    examples = rows.seen(batches)
    if probe is None:
        probe = rows.probe_batch(training)
    told: dict[str, Any] = {}
    if examples is not None and probe is not None:
        is_all = rows.whole(batches) is not None
        is_in_order = shuffles(batches) is not True and is_all
        told = facts_of_batch(model, examples, probe, is_in_order=is_in_order)
        if training.validation is not None:
            told.update(_held_back(examples, rows.seen(training.validation), is_all))
    else:
        told["layers"] = facts_of_parts(model, in_order_of_making(model))
    optimizer = getattr(model, "optimizer", None)
    return Facts(
        optimizer="?" if optimizer is None else to_snake_case(type(optimizer).__name__),
        learning_rate=math.nan if optimizer is None else optimizer.current_rate(),
        settings={} if optimizer is None else settings_of(optimizer),
        batch_size=batches.batch_size,
        epochs=max(0, plan.epochs - plan.initial_epoch),
        steps=plan.steps_per_epoch or batches.steps,
        examples=batches.examples,
        shuffles=shuffles(batches),
        has_validation=training.validation is not None,
        **told,
    )


def facts_of_batch(
    model: Any, examples: Batch, probe: Batch | None = None, *, is_in_order: bool = False
) -> dict[str, Any]:
    """Return what some examples say, as arguments of :class:`~latih.doctor.evidence.Facts`.

    Args:
        model: a compiled model.
        examples: all of them, or one batch.
        probe: the rows to send through the model; None for some of the examples.
        is_in_order: whether the examples stand in the order in which they are trained on.
    """
    if probe is None:
        probe = rows.take(examples, rows.spread(examples.size, 256))
    flow = _flow_of(model, probe)
    weights = [weight for weight in examples.weights if weight is not None]
    return {
        "layers": facts_of_parts(model, flow),
        "inputs": tuple(_inputs(model, examples, flow)),
        "outputs": tuple(_outputs(model, examples, probe, flow, is_in_order)),
        "weighted": bool(weights),
        "looked_at": examples.size,
    }


def shuffles(batches: Batches) -> bool | None:
    """Say whether each epoch has an order of its own; None where the data decide."""
    if isinstance(batches, ArrayBatches):
        return bool(batches.shuffle)
    return batches.shuffles if isinstance(batches, StreamBatches) else None


def settings_of(optimizer: Any) -> Mapping[str, float]:
    """Return the numbers that an optimizer was made with, its rate aside.

    Example:
        >>> from latih.optimizers import SGD
        >>> settings = settings_of(SGD(momentum=0.9, clipnorm=1))
        >>> settings["momentum"], settings["clipnorm"], "clipvalue" in settings
        (0.9, 1.0, False)
    """
    names = [name for name in constructor_arguments(type(optimizer)) if name not in NOT_SETTINGS]
    values = {name: getattr(optimizer, name, None) for name in names}
    return {name: float(value) for name, value in values.items() if isinstance(value, int | float)}


def _flow_of(model: Any, probe: Batch) -> Flow:
    try:
        return flow_of(model, probe.inputs)
    except Exception:  # the user's code may fail here; if it fails in training, that will say so
        return in_order_of_making(model)


def _inputs(model: Any, examples: Batch, flow: Flow) -> Sequence[InputFacts]:
    parts = rows.inputs_of(examples)
    chosen = rows.inputs_of(rows.take(examples, data_facts.rows_to_look_at(examples)))
    names = data_facts.names_of_inputs(model, examples.inputs, len(parts))
    are_scaled = flow.are_scaled or (False,) * len(parts)
    told = [
        data_facts.input_facts(name, some, is_scaled)
        for name, some, is_scaled in zip(names, chosen, are_scaled, strict=True)
    ]
    if rows.is_mapped(examples):  # to read all of it would take as long as an epoch
        return told
    return [
        replace(facts, finite=facts.finite and data_facts.is_finite(part))
        for facts, part in zip(told, parts, strict=True)
    ]


def _outputs(
    model: Any, examples: Batch, probe: Batch, flow: Flow, is_in_order: bool
) -> Sequence[OutputFacts]:
    objective = getattr(model, "objective", None)
    compiled = [] if objective is None else objective.outputs
    count = len(examples.targets)
    told: list[OutputFacts] = []
    for number in range(count):
        loss: Loss | None = compiled[number].loss if len(compiled) == count else None
        name = compiled[number].name if len(compiled) == count else None
        made = flow.outputs[number] if len(flow.outputs) == count else None
        activation = flow.activations[number] if len(flow.activations) == count else None
        targets = examples.targets[number]
        some = None if targets is None else data_facts.fewer_targets(targets)
        shape = (probe.size, 1) if made is None else tuple(made.shape)
        facts, question = data_facts.output_facts(
            name or f"output_{number}",
            some,
            loss,
            shape[-1] if len(shape) > 1 else 1,
            is_in_order=is_in_order and some is targets,
        )
        facts = replace(facts, activation=activation)
        own = probe.targets[number]
        if made is not None:
            facts = _with_outputs(facts, made)
            if loss is not None and own is not None and some is not None and question is not None:
                weights = probe.weights[number]
                trivial = of_targets.trivial_loss(loss, own, weights, shape, question, some)
                first = _first_loss(loss, own, made, weights)
                facts = replace(facts, trivial_loss=trivial, first_loss=first)
        told.append(facts)
    return told


def _with_outputs(facts: OutputFacts, made: torch.Tensor) -> OutputFacts:
    """Put in what the model makes of the probe before training."""
    numbers = made.detach().float()
    answers = numbers.reshape(-1, numbers.shape[-1] if numbers.ndim > 1 else 1)
    least, most = torch.aminmax(numbers)
    return replace(
        facts,
        sums=(answers.sum(dim=1) - 1).abs().mean().item(),
        output_least=least.item(),
        output_most=most.item(),
    )


def _first_loss(
    loss: Loss, targets: torch.Tensor, made: torch.Tensor, weights: torch.Tensor | None
) -> float:
    try:
        with torch.no_grad():
            return loss(targets, made, weights).float().mean().item()
    except Exception:  # the first step will say why
        return math.nan


def _held_back(examples: Batch, held: Batch | None, is_all: bool) -> dict[str, float]:
    if held is None:
        return {}
    one = rows.inputs_of(rows.take(examples, data_facts.rows_to_look_at(examples)))
    other = rows.inputs_of(rows.take(held, data_facts.rows_to_look_at(held)))
    fits = [a.shape[1:] == b.shape[1:] for a, b in zip(one, other, strict=False)]
    if len(one) != len(other) or not all(fits):
        return {}
    shifts = [data_facts.shift(a, b) for a, b in zip(one, other, strict=True)]
    twins = data_facts.duplicates(examples, held) if is_all else 0.0
    return {"duplicates": twins, "shift": max(shifts, default=0.0)}
