"""Data as the user gives them, checked against the model and made batches."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.utils.data import Dataset

from latih.data import (
    ArrayBatches,
    StreamBatches,
    as_array,
    batches_of_arrays,
    class_weights_as_sample_weights,
    is_stream,
    label_shift,
    require_same_length,
    sample_weights_as_list,
    split_last,
    targets_as_list,
)
from latih.data.batches import Batches
from latih.engine import preflight
from latih.engine.objective import Objective
from latih.errors import InputError, LatihWarning
from latih.models import ends
from latih.structures import flatten, map_structure, only_one_or_all
from latih.tensors import shape_of

Read = Callable[[Any, str], torch.Tensor]


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
        """Return them with the weights of the first output multiplied by the class's."""
        if class_weight is None or not self.targets or self.targets[0] is None:
            return self
        by_class = class_weights_as_sample_weights(self.targets[0], class_weight)
        given, *others = self.weights
        if given is not None:
            by_class = given * by_class.reshape(-1, *(1,) * (given.ndim - 1))
        return replace(self, weights=[by_class, *others])

    def batches(self, model: Any, reading: "Reading") -> ArrayBatches:
        """Return them as batches on the device of a model."""
        return batches_of_arrays(
            self.inputs,
            self.targets,
            self.weights,
            batch_size=32 if reading.batch_size is None else reading.batch_size,
            shuffle=reading.shuffle,
            seed=reading.seed,
            device=model.device,
        )


@dataclass(frozen=True)
class Reading:
    """How batches are read: the arguments of ``fit()`` and ``evaluate()`` about them.

    Args:
        batch_size: how many examples a step takes; None for 32, or as the data decide.
        shuffle: whether each epoch has an order of its own.
        seed: what these orders follow from.
        class_weight: how much each class counts.
    """

    batch_size: int | None = None
    shuffle: bool = False
    seed: int = 0
    class_weight: Mapping[int, float] | None = None


def batches_to_train(
    model: Any,
    x: Any,
    y: Any,
    sample_weight: Any,
    reading: Reading,
    split: float = 0.0,
    prefix: str = "",
) -> tuple[Batches, ArrayBatches | None]:
    """Return the batches of what the user gives, and of the last rows that are held back.

    Args:
        model: a compiled model; it is built if need be.
        x: the examples, or data that are iterated and give x, y and sample_weight together.
        y: what they should come out as.
        sample_weight: how much each counts.
        reading: how they are read.
        split: the fraction of the last rows to hold back; 0 for none.
        prefix: what stands before ``x`` and ``y`` in sentences, as ``"validation "``.

    Raises:
        InputError: they do not fit the model, its losses, or each other.
    """
    if is_stream(x):
        _refuse_beside_stream(prefix, y=y, sample_weight=sample_weight, validation_split=split)
        stream = StreamBatches(
            x,
            batch_size=reading.batch_size,
            shuffle=reading.shuffle,
            seed=reading.seed,
            device=model.device,
            class_weight=reading.class_weight,
            parts=lambda x, y, w, where, read: _checked(model, x, y, w, prefix + where, read),
        )
        stream.peek()  # builds the model, and refuses now what would fail in the first step
        return stream, None
    examples = examples_to_train(model, x, y, sample_weight, prefix=prefix)
    held_back: Examples | None = None
    if split:
        examples, held_back = _split(examples, split)
    # Classes are weighed in training only: the validation loss stays comparable.
    weighted = examples.weighted_by_class(reading.class_weight)
    return (
        weighted.batches(model, reading),
        held_back and held_back.batches(model, Reading(reading.batch_size)),
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
    inputs, targets, weights = _checked(model, x, y, sample_weight, prefix, as_array)
    require_same_length(
        **{
            f"{prefix}x": inputs,
            f"{prefix}y": only_one_or_all(targets),
            f"{prefix}sample_weight": only_one_or_all(weights),
        }
    )
    return Examples(inputs, targets, weights)


def _checked(
    model: Any, x: Any, y: Any, sample_weight: Any, prefix: str, read: Read
) -> tuple[Any, list[torch.Tensor | None], list[torch.Tensor | None]]:
    """Return inputs, targets and weights that fit the model and its losses."""
    if model.has_own_step:
        return _for_own_step(model, x, y, sample_weight, prefix, read)
    objective: Objective = model.objective
    if y is None and objective.has_loss:
        raise InputError(
            f"`{prefix}y` is missing",
            expected="targets, one for each example",
            got="None",
            fix="Give y, or for an autoencoder give x as y too.",
        )
    inputs = ends.as_model_takes(model, x, f"{prefix}x", read)
    build_for(model, inputs)
    names, shapes = ends.output_names(model), ends.flat_shapes(model.output_shape)
    targets = targets_as_list(y, f"{prefix}y", names, objective.compares(names), read)
    weights = sample_weights_as_list(
        sample_weight, f"{prefix}sample_weight", len(names), names, read
    )
    if not objective.outputs and not objective.has_loss:
        one = map_structure(lambda array: array[:1].to(model.device), inputs)
        preflight.require_some_loss(model, one)
    objective.build(names, targets, shapes)
    for output, target, shape in zip(objective.outputs, targets, shapes, strict=True):
        if output.loss is not None and target is not None:
            called = f"{prefix}y" if len(names) == 1 else f"{prefix}y[{output.name!r}]"
            preflight.check_targets(output.loss, target, shape, called)
    return inputs, targets, weights


def _for_own_step(
    model: Any, x: Any, y: Any, sample_weight: Any, prefix: str, read: Read
) -> tuple[Any, list[torch.Tensor | None], list[torch.Tensor | None]]:
    """Return inputs, targets and weights as they come: what they mean, the user's step knows."""
    inputs = ends.as_model_takes(model, x, f"{prefix}x", read)
    if model.has_call:
        build_for(model, inputs)
    model.target_keys = sorted(y) if isinstance(y, dict) else None
    targets = [] if y is None else targets_as_list(y, f"{prefix}y", model.target_keys, read=read)
    weights = sample_weights_as_list(
        sample_weight, f"{prefix}sample_weight", len(targets), model.target_keys, read
    )
    return inputs, targets, weights[: len(targets)]


def batches_to_predict(model: Any, x: Any, batch_size: int | None) -> Batches:
    """Return the batches of what a model shall predict.

    Args:
        model: the model; it is built if need be.
        x: the examples, or data that are iterated; of ``(x, y)`` the y is left.
        batch_size: how many are taken at once; None for 32, or as the data decide.

    Raises:
        InputError: they do not fit the model.
    """
    if not is_stream(x):
        inputs = ends.as_model_takes(model, x, "x")
        build_for(model, inputs)
        size = 32 if batch_size is None else batch_size
        return batches_of_arrays(inputs, batch_size=size, device=model.device)

    def inputs_alone(x: Any, y: Any, w: Any, where: str, read: Read) -> tuple[Any, list[Any], Any]:
        del y, w
        inputs = ends.as_model_takes(model, x, f"{where}x", read)
        build_for(model, inputs)
        return inputs, [], []

    stream = StreamBatches(x, batch_size=batch_size, device=model.device, parts=inputs_alone)
    stream.peek()
    return stream


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


def validation_batches(
    model: Any,
    data: Any,
    held_back: ArrayBatches | None,
    batch_size: int | None,
    size_of_training: int | None = None,
) -> Batches | None:
    """Return the batches to validate on, if there are any.

    Args:
        model: a compiled model.
        data: ``(x, y)``, ``(x, y, sample_weight)`` or data that are iterated; takes precedence.
        held_back: the last rows of what is trained on.
        batch_size: how many examples a step takes.
        size_of_training: how many, where ``batch_size`` is None and the data leave it open.

    Raises:
        InputError: the data are no such tuple, or do not fit.
    """
    if data is None:
        return held_back
    if not is_stream(data) or isinstance(data, Dataset):
        batch_size = batch_size or size_of_training
    if is_stream(data):
        data = (data,)
    elif not isinstance(data, list | tuple) or len(data) not in (1, 2, 3):
        raise InputError(
            "`validation_data` cannot be used",
            expected="(x, y) or (x, y, sample_weight)",
            got=f"a {type(data).__name__}"
            + (f" of {len(data)}" if isinstance(data, list | tuple) else ""),
        )
    x, y, sample_weight = (*data, None, None)[:3]
    batches, _ = batches_to_train(
        model, x, y, sample_weight, Reading(batch_size), prefix="validation "
    )
    return batches


def _split(examples: Examples, fraction: float) -> tuple[Examples, Examples]:
    first, last = split_last(fraction, examples.inputs, examples.targets, examples.weights)
    for one, other in zip(first[1], last[1], strict=True):
        told = "" if one is None else label_shift(one, other)
        if told:
            warnings.warn(told, LatihWarning, stacklevel=5)
    return Examples(*first), Examples(*last)


def _refuse_beside_stream(prefix: str, **arguments: Any) -> None:
    for argument, value in arguments.items():
        if value is not None and not (isinstance(value, float | int) and value == 0):
            raise InputError(
                f"`{prefix}{argument}` cannot be given beside data that are iterated",
                expected="None",
                got=f"a {type(value).__name__}",
                fix="Let each batch be (x, y) or (x, y, sample_weight); "
                "give validation_data in place of validation_split.",
            )
