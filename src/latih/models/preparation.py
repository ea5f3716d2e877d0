"""Data as the user gives them, checked against the model and made batches."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from latih.data import ArrayBatches, class_weights_as_sample_weights, split_last
from latih.data.arrays import require_same_length
from latih.data.outputs import targets_as_list
from latih.data.shift import label_shift
from latih.data.weights import sample_weights_as_list
from latih.engine import preflight
from latih.engine.objective import Objective
from latih.errors import InputError, LatihWarning
from latih.models import ends
from latih.structures import flatten, map_structure
from latih.tensors import shape_of


@dataclass(frozen=True)
class Examples:
    """Arrays that fit the model and its losses.

    Args:
        inputs: a tensor, or a list or dict of tensors, as the model takes them.
        targets: one for each output, None where nothing is compared.
        weights: as many, None where all count alike.

    Shapes:
        inputs and targets: ``(n, ...)``; weights: ``(n,)``.
    """

    inputs: Any
    targets: list[torch.Tensor | None]
    weights: list[torch.Tensor | None]

    def weighted_by_class(self, class_weight: Mapping[int, float] | None) -> "Examples":
        """Return them with each weight multiplied by its class's, told by the first targets."""
        if class_weight is None or not self.targets or self.targets[0] is None:
            return self
        by_class = class_weights_as_sample_weights(self.targets[0], class_weight)
        return replace(
            self,
            weights=[
                by_class
                if given is None
                else given * by_class.reshape(-1, *(1,) * (given.ndim - 1))
                for given in self.weights
            ],
        )

    def batches(
        self, model: Any, batch_size: int, *, shuffle: bool = False, seed: int = 0
    ) -> ArrayBatches:
        """Return them as batches on the device of a model."""
        return ArrayBatches(
            self.inputs,
            self.targets,
            self.weights,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            device=model.device,
        )


def examples_to_train(
    model: Any, x: Any, y: Any, sample_weight: Any = None, *, prefix: str = ""
) -> Examples:
    """Check examples with their targets, build the model if need be, and share out its metrics.

    Args:
        model: a compiled model.
        x: the examples.
        y: what they should come out as; None where layers add all the losses.
        sample_weight: how much each counts.
        prefix: what stands before ``x`` and ``y`` in sentences, as ``"validation "``.

    Raises:
        InputError: they do not fit the model, its losses, or each other.
    """
    objective: Objective = model.objective
    if y is None and objective.has_loss:
        raise InputError(
            f"`{prefix}y` is missing",
            expected="targets, one for each example",
            got="None",
            fix="Give y, or for an autoencoder give x as y too.",
        )
    inputs = ends.as_model_takes(model, x, f"{prefix}x")
    build_for(model, inputs)
    if not objective.has_loss:
        one = map_structure(lambda array: array[:1].to(model.device), inputs)
        preflight.require_some_loss(model, one)
    names, shapes = ends.output_names(model), ends.flat_shapes(model.output_shape)
    targets = targets_as_list(y, f"{prefix}y", names, needed=objective.compares(names))
    weights = sample_weights_as_list(sample_weight, f"{prefix}sample_weight", len(names), names)
    require_same_length(
        **{
            f"{prefix}x": inputs,
            f"{prefix}y": targets[0] if len(targets) == 1 else targets,
            f"{prefix}sample_weight": weights[0] if len(weights) == 1 else weights,
        }
    )
    objective.build(names, targets, shapes)
    for output, target, shape in zip(objective.outputs, targets, shapes, strict=True):
        if output.loss is not None and target is not None:
            called = f"{prefix}y" if len(names) == 1 else f"{prefix}y[{output.name!r}]"
            preflight.check_targets(output.loss, target, shape, called)
    return Examples(inputs, targets, weights)


def build_for(model: Any, inputs: Any) -> None:
    """Build a model for these examples, if it is not built, and refuse examples it cannot take."""
    if not model.built:
        model.build(map_structure(shape_of, inputs))
    if model.input_shape is None:
        return
    expected, given = ends.flat_shapes(model.input_shape), flatten(inputs)
    if len(expected) == len(given):
        for shape, tensor in zip(expected, given, strict=True):
            preflight.check_inputs(shape, tensor, model.name)


def validation_examples(
    model: Any, training: Examples, split: float, data: Any
) -> tuple[Examples, Examples | None]:
    """Return the examples to train on and those to validate on, if there are any.

    Args:
        model: a compiled model.
        training: all examples.
        split: the fraction of the last rows to hold back; 0 for none.
        data: ``(x, y)`` or ``(x, y, sample_weight)``; takes precedence over the split.

    Raises:
        InputError: the data are no such tuple, or do not fit.
    """
    if data is not None:
        if not isinstance(data, list | tuple) or len(data) not in (2, 3):
            raise InputError(
                "`validation_data` cannot be used",
                expected="(x, y) or (x, y, sample_weight)",
                got=f"a {type(data).__name__}"
                + (f" of {len(data)}" if isinstance(data, list | tuple) else ""),
            )
        return training, examples_to_train(model, *data, prefix="validation ")
    if not split:
        return training, None
    first, last = split_last(split, training.inputs, training.targets, training.weights)
    for one, other in zip(first[1], last[1], strict=True):
        told = "" if one is None else label_shift(one, other)
        if told:
            warnings.warn(told, LatihWarning, stacklevel=4)
    return Examples(*first), Examples(*last)
