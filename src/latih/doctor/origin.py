"""Where a number first was none: in the data, a weight, a layer, the loss or a gradient."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import isfinite
from typing import Any

import torch
from torch import nn

from latih.data.batches import Batch
from latih.doctor.fact_records import Facts
from latih.doctor.look_records import Check, NotFinite
from latih.doctor.undisturbed import Untouched
from latih.engine.objective import Objective
from latih.layers import Layer
from latih.structures import flatten


def first_not_finite(
    model: Any,
    objective: Objective | None,
    batch: Batch | None,
    names: Mapping[str, nn.Module],
    step: int,
    *,
    is_moved: bool = False,
) -> NotFinite | None:
    """Return the first place in a step, in the order of its calculation, whose numbers are none.

    Of a weight that became NaN between two
    steps it was the gradient of the step before: of those, the last layer's, since gradients come
    from the end.

    Args:
        model: the model, which is left as it is.
        objective: its losses; None if they are not known.
        batch: what the step was done to; None if that is not known.
        names: the layers that are told of, by name, in the order in which they are called.
        step: the number of the step; 0 for before the first.
        is_moved: whether the weights are no longer those that the step began with: if they are not
            finite, that says nothing.

    Returns:
        None if every number is one.
    """
    if batch is not None:
        if not _are_finite(flatten(batch.inputs)):
            return NotFinite(step, "input")
        if not _are_finite([*batch.targets, *batch.weights]):
            return NotFinite(step, "target")
    poisoned = not_finite_weights(model, names)
    if poisoned and is_moved:
        return None
    if poisoned and step and any(is_nan for _, is_nan in poisoned):
        last = [name for name, is_nan in poisoned if is_nan][-1]
        return NotFinite(step - 1, "gradient", last)
    if poisoned:
        return NotFinite(step, "weight", poisoned[0][0])
    if batch is None or not getattr(model, "has_call", True):
        return None
    return _in_call(model, objective, batch, names, step)


def not_finite_in_facts(facts: Facts) -> NotFinite | None:
    """Return what of all examples, and not of some rows, is not finite."""
    if not all(one.finite for one in facts.inputs):
        return NotFinite(0, "input")
    if not all(one.finite for one in facts.outputs):
        return NotFinite(0, "target")
    return None


def not_finite_after(check: Check) -> NotFinite | None:
    """Return the gradient that was not finite in a step whose loss was: the last layer's.

    Args:
        check: the look after it.
    """
    poisoned = [
        name
        for name, signs in check.layers.items()
        if signs.gradient is not None and not isfinite(signs.gradient)
    ]
    return NotFinite(check.step, "gradient", poisoned[-1]) if poisoned else None


def not_finite_weights(model: nn.Module, names: Mapping[str, nn.Module]) -> list[tuple[str, bool]]:
    """Return the layers with a weight that is not finite, and whether it is NaN."""
    called = {id(module): name for name, module in names.items()}
    modules = [*names.values(), *(one for one in model.modules() if id(one) not in called)]
    found: dict[str, bool] = {}
    for module in modules:
        for path, weight in module.named_parameters(recurse=False):
            if not _are_finite([weight]):
                name = called.get(id(module), path)
                found[name] = found.get(name, False) or bool(weight.isnan().any())
    return list(found.items())


def _in_call(
    model: Any,
    objective: Objective | None,
    batch: Batch,
    names: Mapping[str, nn.Module],
    step: int,
) -> NotFinite | None:
    found: list[str] = []
    losses = [] if objective is None else [output.loss for output in objective.outputs]
    with Untouched(model, filter(None, losses)).kept(training=bool(step)):
        with _listening(model, names, found):
            predictions = flatten(model(batch.inputs))
        if found:
            return NotFinite(step, "activation", found[0])
        if objective is not None and len(objective.outputs) == len(batch.targets):
            given = [one for one in objective.losses(batch, predictions) if one is not None]
            if not _are_finite([*given, *_penalties(model)]):
                return NotFinite(step, "loss")
    return None


def _penalties(model: Any) -> Iterator[torch.Tensor]:
    for regularizer, weight in model.penalties():
        yield regularizer(weight)
    yield from model.added_losses


@contextmanager
def _listening(
    model: nn.Module, names: Mapping[str, nn.Module], found: list[str]
) -> Generator[None]:
    """Note the modules whose outputs are not finite, in the order in which their calls end."""
    called = {id(module): name for name, module in names.items()}

    def hook(name: str) -> Any:
        def heard(module: nn.Module, inputs: Any, outputs: Any) -> None:
            if not _are_finite(flatten(outputs)):
                found.append(name)

        return heard

    with ExitStack() as ending:
        for path, module in model.named_modules():
            own = module.name if isinstance(module, Layer) else path.replace(".", "/")
            name = called.get(id(module), own)
            ending.callback(module.register_forward_hook(hook(name)).remove)
        yield


def _are_finite(tensors: Iterable[Any]) -> bool:
    return all(
        bool(torch.isfinite(one.detach()).all())
        for one in tensors
        if isinstance(one, torch.Tensor) and one.is_floating_point()
    )
