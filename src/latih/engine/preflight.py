"""What is refused before the first step: data that do not fit the model, or its loss."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from latih import losses
from latih.engine.objective import no_loss
from latih.errors import InputError
from latih.layers.base import mode
from latih.losses import Loss, LossFunctionWrapper
from latih.registry import to_snake_case
from latih.tensors import Shape


def check_inputs(expected: Shape | None, inputs: torch.Tensor, model_name: str) -> None:
    """Refuse inputs whose shape the first layer cannot take.

    Args:
        expected: the model's input shape, with None where any size will do.
        inputs: the examples.
        model_name: what the model is called.

    Raises:
        InputError: the number of axes, or the size of one, differs.
    """
    if expected is None:
        return
    given = tuple(inputs.shape)
    fits = len(given) == len(expected) and all(
        want is None or want == have for want, have in zip(expected[1:], given[1:], strict=True)
    )
    if not fits:
        raise InputError(
            f"the shape of `x` does not fit the first layer of {model_name!r}",
            expected=f"examples of shape {_told(expected)}",
            got=f"examples of shape {_told(given)}",
            fix="Reshape x, or change the input shape of the model.",
        )


def require_some_loss(model: Any, example: Any) -> None:
    """Refuse a model that is compiled without a loss and whose layers add none.

    Args:
        model: the model.
        example: inputs of one example; it is asked what it adds to the loss.

    Raises:
        NotReadyError: there is nothing to make small.
    """
    with mode(model, False), torch.no_grad():
        model(example)
    if not model.losses:
        raise no_loss()


def check_targets(loss: Loss, targets: torch.Tensor, outputs: Shape, called: str = "y") -> None:
    """Refuse targets that the loss cannot compare with outputs of this shape.

    A loss of the user's own is not judged.

    Args:
        loss: the loss that the model is compiled with.
        targets: what the examples should come out as.
        outputs: the shape of the model's outputs.
        called: what the user calls the targets.

    Raises:
        InputError: labels out of range, one-hot rows for class numbers or the reverse, a
            probability outside 0..1, or another number of outputs.
    """
    judge = _JUDGES.get(loss.fn if isinstance(loss, LossFunctionWrapper) else type(loss))
    if judge is not None:
        judge(loss, targets, outputs, called)


def _judge_class_numbers(loss: Any, targets: torch.Tensor, outputs: Shape, called: str) -> None:
    classes = outputs[-1]
    alike = len(targets.shape) == len(outputs)
    if alike and targets.shape[-1] != 1:
        raise InputError(
            f"`{called}` holds a row an example, as one-hot labels are, "
            "and the loss takes class numbers",
            expected=f"y of shape {_told(outputs[:-1])}, numbers 0..{(classes or 0) - 1}",
            got=f"shape {tuple(targets.shape)}",
            fix="Use loss='categorical_crossentropy', or y.argmax(axis=-1).",
        )
    if len(targets.shape) != len(outputs) - 1 and not alike:
        raise InputError(
            f"`{called}` does not fit the model's outputs",
            expected=f"one class number for each of {_told(outputs[:-1])}",
            got=f"shape {tuple(targets.shape)}",
            fix=_flatten_first(targets, outputs) or "Give one class number an example.",
        )
    if classes == 1:
        raise InputError(
            f"a model with one output cannot tell classes apart by {_called(loss)}",
            expected="as many outputs as classes",
            got="one output",
            fix="Use loss='binary_crossentropy' with a sigmoid, or give the last layer more units.",
        )
    if targets.is_floating_point() and not torch.equal(targets, targets.round()):
        raise InputError(
            f"`{called}` holds fractions, and the loss takes class numbers",
            expected="whole numbers",
            got=f"{targets[targets != targets.round()][0].item():g}",
            fix="For a regression use loss='mse'.",
        )
    ignored = getattr(loss, "ignore_class", None)
    counted = targets if ignored is None else targets[targets != ignored]
    if counted.numel() == 0 or classes is None:
        return
    lowest, highest = (int(extreme) for extreme in torch.aminmax(counted))
    if lowest < 0 or highest >= classes:
        raise InputError(
            f"`{called}` holds labels out of range",
            expected=f"0..{classes - 1}, as the model has {classes} outputs",
            got=f"labels from {lowest} to {highest}",
            fix="Number the classes from 0, or give the last layer as many units as classes.",
        )


def _judge_one_hot(loss: Any, targets: torch.Tensor, outputs: Shape, called: str) -> None:
    if len(targets.shape) == len(outputs) and targets.shape[-1] == outputs[-1]:
        return
    flatten_first = _flatten_first(targets, outputs)
    sparse = not flatten_first and (targets.ndim < len(outputs) or targets.shape[-1] == 1)
    raise InputError(
        f"`{called}` does not fit the model's outputs"
        if flatten_first
        else f"`{called}` holds class numbers, and the loss takes one-hot rows"
        if sparse
        else f"`{called}` has another number of classes than the model has outputs",
        expected=f"y of shape {_told(outputs)}",
        got=f"shape {tuple(targets.shape)}",
        fix="Use loss='sparse_categorical_crossentropy', or latih.utils.to_categorical(y)."
        if sparse
        else flatten_first or "Give the last layer as many units as y has columns.",
    )


def _judge_probabilities(loss: Any, targets: torch.Tensor, outputs: Shape, called: str) -> None:
    _judge_numbers(loss, targets, outputs, called)
    lowest, highest = (float(extreme) for extreme in torch.aminmax(targets))
    if lowest < 0 or highest > 1:
        raise InputError(
            f"`{called}` holds labels out of range",
            expected=f"0 or 1, as {_called(loss)} takes them",
            got=f"labels from {lowest:g} to {highest:g}",
            fix="Label the classes 0 and 1; for more than two use sparse_categorical_crossentropy.",
        )


def _judge_numbers(loss: Any, targets: torch.Tensor, outputs: Shape, called: str) -> None:
    del loss
    given = list(targets.shape[1:])
    wanted = list(outputs[1:])
    # (n,) and (n, 1) are the same, as in Keras.
    if given == wanted or (wanted == [1] and not given) or (given == [1] and not wanted):
        return
    if None in wanted and len(given) == len(wanted):
        return
    raise InputError(
        f"`{called}` does not fit the model's outputs",
        expected=f"y of shape {_told(outputs)}",
        got=f"shape {tuple(targets.shape)}",
        fix=_flatten_first(targets, outputs)
        or "Give the last layer as many units as y has columns.",
    )


def _flatten_first(targets: torch.Tensor, outputs: Shape) -> str:
    """Say what to do where examples have one answer each, and outputs one for each place."""
    if (
        len(outputs) <= 2
        or targets.ndim > 2
        or (targets.ndim == 2 and len(outputs) == 3 and targets.shape[1] == outputs[1])
    ):
        return ""
    return (
        f"The model's output has shape {_told(outputs)}, one answer for each place: put a "
        "Flatten() before the last layer for one answer an example."
    )


def _called(loss: Loss) -> str:
    if isinstance(loss, LossFunctionWrapper):
        return loss.fn.__name__
    return to_snake_case(type(loss).__name__)


_JUDGES: dict[Any, Callable[[Any, torch.Tensor, Shape, str], None]] = {
    losses.SparseCategoricalCrossentropy: _judge_class_numbers,
    losses.sparse_categorical_crossentropy: _judge_class_numbers,
    losses.CategoricalGeneralizedCrossEntropy: _judge_class_numbers,
    losses.categorical_generalized_cross_entropy: _judge_class_numbers,
    losses.CategoricalCrossentropy: _judge_one_hot,
    losses.categorical_crossentropy: _judge_one_hot,
    losses.CategoricalFocalCrossentropy: _judge_one_hot,
    losses.categorical_focal_crossentropy: _judge_one_hot,
    losses.CategoricalHinge: _judge_one_hot,
    losses.categorical_hinge: _judge_one_hot,
    losses.BinaryCrossentropy: _judge_probabilities,
    losses.binary_crossentropy: _judge_probabilities,
    losses.BinaryFocalCrossentropy: _judge_probabilities,
    losses.binary_focal_crossentropy: _judge_probabilities,
    losses.Dice: _judge_probabilities,
    losses.dice: _judge_probabilities,
    losses.Tversky: _judge_probabilities,
    losses.tversky: _judge_probabilities,
    losses.MeanSquaredError: _judge_numbers,
    losses.mean_squared_error: _judge_numbers,
    losses.MeanAbsoluteError: _judge_numbers,
    losses.mean_absolute_error: _judge_numbers,
    losses.MeanAbsolutePercentageError: _judge_numbers,
    losses.mean_absolute_percentage_error: _judge_numbers,
    losses.MeanSquaredLogarithmicError: _judge_numbers,
    losses.mean_squared_logarithmic_error: _judge_numbers,
    losses.LogCosh: _judge_numbers,
    losses.log_cosh: _judge_numbers,
    losses.Huber: _judge_numbers,
    losses.huber: _judge_numbers,
    losses.CosineSimilarity: _judge_numbers,
    losses.cosine_similarity: _judge_numbers,
    losses.Poisson: _judge_numbers,
    losses.poisson: _judge_numbers,
    losses.KLDivergence: _judge_numbers,
    losses.kl_divergence: _judge_numbers,
    losses.Hinge: _judge_numbers,
    losses.hinge: _judge_numbers,
    losses.SquaredHinge: _judge_numbers,
    losses.squared_hinge: _judge_numbers,
}


def _told(shape: Sequence[int | None]) -> str:
    sizes = ", ".join("n" if i == 0 else str(size or "any") for i, size in enumerate(shape))
    return f"({sizes},)" if len(shape) == 1 else f"({sizes})"
