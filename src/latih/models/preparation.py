"""Data as the user gives them, checked against the model and made batches."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from latih.data import (
    ArrayBatches,
    as_array,
    class_weights_as_sample_weights,
    split_last,
)
from latih.data.arrays import require_same_length
from latih.engine import preflight
from latih.engine.objective import Objective
from latih.errors import InputError
from latih.tensors import shape_of


@dataclass(frozen=True)
class Examples:
    """Arrays that fit the model and its loss.

    Shapes:
        inputs: ``(n, ...)``; targets: ``(n, ...)`` or None; weights: ``(n,)`` or None.
    """

    inputs: torch.Tensor
    targets: torch.Tensor | None
    weights: torch.Tensor | None

    def weighted_by_class(self, class_weight: Mapping[int, float] | None) -> "Examples":
        """Return them with each weight multiplied by its class's."""
        if class_weight is None or self.targets is None:
            return self
        by_class = class_weights_as_sample_weights(self.targets, class_weight)
        if self.weights is None:
            return replace(self, weights=by_class)
        by_class = by_class.reshape(-1, *(1,) * (self.weights.ndim - 1))
        return replace(self, weights=self.weights * by_class)

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
    model: Any,
    x: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    prefix: str = "",
) -> Examples:
    """Check examples with their targets, build the model if need be, and choose its metrics.

    Args:
        model: a compiled model.
        x: the examples.
        y: what they should come out as.
        sample_weight: how much each counts.
        prefix: what stands before ``x`` and ``y`` in sentences, as ``"validation "``.

    Raises:
        InputError: they do not fit the model, its loss, or each other.
    """
    objective: Objective = model.objective
    if y is None:
        raise InputError(
            f"`{prefix}y` is missing",
            expected="targets, one for each example",
            got="None",
            fix="Give y, or for an autoencoder give x as y too.",
        )
    inputs, targets = as_array(x, f"{prefix}x"), as_array(y, f"{prefix}y")
    weights = None if sample_weight is None else as_array(sample_weight, f"{prefix}sample_weight")
    require_same_length(
        **{f"{prefix}x": inputs, f"{prefix}y": targets, f"{prefix}sample_weight": weights}
    )
    build_for(model, inputs)
    preflight.check_targets(objective.require_loss(), targets, model.output_shape)
    objective.build(targets, model.output_shape)
    if weights is not None:
        weights = (weights[:, 0] if weights.shape[1:] == (1,) else weights).float()
    return Examples(inputs, _ready(targets), weights)


def build_for(model: Any, inputs: torch.Tensor) -> None:
    """Build a model for these examples, if it is not built, and refuse examples it cannot take."""
    if not model.built:
        model.build(shape_of(inputs))
    preflight.check_inputs(model.input_shape, inputs, model.name)


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
    assert first[0] is not None and last[0] is not None
    return Examples(first[0], *first[1:]), Examples(last[0], *last[1:])


def _ready(targets: torch.Tensor) -> torch.Tensor:
    # Cast once here and not once a step: class numbers as torch indexes by them, others as floats.
    if targets.is_floating_point():
        return targets.float()
    return targets.long()
