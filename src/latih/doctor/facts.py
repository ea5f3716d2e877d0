"""All that is known of a training before its first step."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from latih import random
from latih.data.batches import ArrayBatches, Batch, Batches
from latih.data.streams import StreamBatches
from latih.doctor import data_facts, rows
from latih.doctor import targets as of_targets
from latih.doctor.anatomy import facts_of_parts, in_order_of_making
from latih.doctor.fact_records import Facts, InputFacts, OutputFacts
from latih.doctor.flow import Flow, flow_of
from latih.doctor.kinds import UNKNOWN
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
        look = rows.take(examples, data_facts.rows_to_look_at(examples))
        told = _told(model, examples, look, probe, is_in_order)
        held = None if training.validation is None else rows.seen(training.validation)
        if held is not None and _fit(look, held):
            told["shift"] = _shift(look, held)
            told["duplicates"] = data_facts.duplicates(examples, held) if is_all else 0.0
            if told["duplicates"]:
                told["own_duplicates"] = data_facts.own_duplicates(examples)
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


def facts_of_batch(model: Any, batch: Batch) -> dict[str, Any]:
    """Return what one batch says, as arguments of :class:`~latih.doctor.evidence.Facts`.

    Args:
        model: a compiled model.
        batch: some examples.
    """
    look = rows.take(batch, data_facts.rows_to_look_at(batch))
    return _told(model, batch, look, rows.take(batch, rows.spread(batch.size, 256)), False)


def _told(
    model: Any, examples: Batch, look: Batch, probe: Batch, is_in_order: bool
) -> dict[str, Any]:
    flow = _flow_of(model, probe)
    with random.drawing_from(random.state_dict()):  # a loss of the user's may draw
        outputs = _outputs(model, examples, probe, flow, is_in_order)
    return {
        "layers": facts_of_parts(model, flow),
        "inputs": tuple(_inputs(model, examples, look, flow)),
        "outputs": tuple(outputs),
        "weighted": any(weight is not None for weight in examples.weights),
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


def _inputs(model: Any, examples: Batch, look: Batch, flow: Flow) -> Sequence[InputFacts]:
    parts = rows.inputs_of(examples)
    names = data_facts.names_of_inputs(model, examples.inputs, len(parts))
    are_scaled = flow.are_scaled or (False,) * len(parts)
    told = [
        data_facts.input_facts(name, some, is_scaled)
        for name, some, is_scaled in zip(names, rows.inputs_of(look), are_scaled, strict=True)
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
    names = _names(model, compiled, count)
    told: list[OutputFacts] = []
    for number in range(count):
        loss: Loss | None = compiled[number].loss if len(compiled) == count else None
        made = flow.outputs[number] if len(flow.outputs) == count else None
        activation = flow.activations[number] if len(flow.activations) == count else UNKNOWN
        targets = examples.targets[number]
        some = None if targets is None else data_facts.fewer_targets(targets)
        shape = (probe.size, 1) if made is None else tuple(made.shape)
        facts, question = data_facts.output_facts(
            names[number],
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
                floor = of_targets.least_loss(loss, own, weights, shape, question)
                facts = replace(facts, trivial_loss=trivial, first_loss=first, floor=floor)
                facts = _with_trials(facts, loss, own, made, weights)
        told.append(facts)
    return told


def _names(model: Any, compiled: Sequence[Any], count: int) -> Sequence[str]:
    """Return what the outputs are called."""
    if getattr(model, "is_symbolic", False) and len(model.output_names) == count:
        return model.output_names
    given = [one.name for one in compiled] if len(compiled) == count else [None] * count
    return [name or f"output_{number}" for number, name in enumerate(given)]


def _with_outputs(facts: OutputFacts, made: torch.Tensor) -> OutputFacts:
    """Put in what the model makes of the probe before training."""
    numbers = made.detach().float()
    answers = numbers.reshape(-1, numbers.shape[-1] if numbers.ndim > 1 else 1)
    least, most = torch.aminmax(numbers)
    return replace(
        facts,
        output_shape=tuple(numbers.shape[1:]),
        column_sums=(answers.sum(dim=0) - 1).abs().mean().item(),
        sums=(answers.sum(dim=1) - 1).abs().mean().item(),
        output_least=least.item(),
        output_most=most.item(),
    )


def _with_trials(
    facts: OutputFacts,
    loss: Loss,
    targets: torch.Tensor,
    made: torch.Tensor,
    weights: torch.Tensor | None,
) -> OutputFacts:
    """Put in how the loss takes the same targets in the outputs' shape, and the same rows twice."""
    first = facts.first_loss
    if targets.shape != made.shape and targets.numel() == made.numel():
        reshaped = _first_loss(loss, targets.reshape(made.shape), made, weights)
        facts = replace(facts, reshaped_loss=reshaped)
    both = None if weights is None else torch.cat([weights, weights])
    twice = _first_loss(loss, torch.cat([targets] * 2), torch.cat([made] * 2), both)
    growth = twice / first if first else math.nan
    return replace(facts, loss_growth=growth) if math.isfinite(growth) else facts


def _first_loss(
    loss: Loss, targets: torch.Tensor, made: torch.Tensor, weights: torch.Tensor | None
) -> float:
    try:
        with torch.no_grad():
            return loss(targets, made, weights).float().mean().item()
    except Exception:  # the first step will say why
        return math.nan


def _fit(look: Batch, held: Batch) -> bool:
    """Say whether examples are of one shape."""
    shapes = [[part.shape[1:] for part in rows.inputs_of(one)] for one in (look, held)]
    return shapes[0] == shapes[1]


def _shift(look: Batch, held: Batch) -> float:
    other = rows.take(held, data_facts.rows_to_look_at(held))
    pairs = zip(rows.inputs_of(look), rows.inputs_of(other), strict=True)
    return max((data_facts.shift(a, b) for a, b in pairs), default=0.0)
