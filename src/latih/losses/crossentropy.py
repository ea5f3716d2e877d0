"""Cross-entropies: losses of classes, given as yes or no, as one-hot rows, or as numbers."""

from typing import Any

import torch
import torch.nn.functional as F

from latih import config
from latih.arguments import number, whole
from latih.errors import InputError
from latih.losses.base import Loss, Reduction, alike, as_floats
from latih.ops.log_loss import log_loss
from latih.tensors import as_tensor


class BinaryCrossentropy(Loss):
    """``-mean(y log p + (1 - y) log(1 - p))``: for yes-or-no outputs, one or several.

    Args:
        from_logits: the predictions are before the sigmoid.
        label_smoothing: s in 0..1; targets become ``y(1 - s) + s/2``.
        axis: the axis that is averaged.
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``; returns: a number.

    Raises:
        InputError: the smoothing is not in 0..1, or the axis no whole number.

    Example:
        >>> BinaryCrossentropy()([[1.0], [0.0]], [[0.5], [0.5]])
        tensor(0.6931)
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits = from_logits
        owner = type(self).__name__
        self.label_smoothing = number(label_smoothing, "label_smoothing", owner, least=0, most=1)
        self.axis = whole(axis, "axis", owner)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return binary_crossentropy(
            y_true, y_pred, self.from_logits, self.label_smoothing, self.axis
        )


class CategoricalCrossentropy(Loss):
    """``-Σ y log p`` for one-hot targets over exclusive classes.

    Args:
        from_logits: the predictions are before the softmax.
        label_smoothing: s in 0..1; targets become ``y(1 - s) + s/K``.
        axis: the axis of the classes.
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., K)``; returns: a number.

    Raises:
        InputError: the smoothing is not in 0..1, or the axis no whole number.

    Example:
        >>> CategoricalCrossentropy()([[1.0, 0.0]], [[0.5, 0.5]])
        tensor(0.6931)
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits = from_logits
        owner = type(self).__name__
        self.label_smoothing = number(label_smoothing, "label_smoothing", owner, least=0, most=1)
        self.axis = whole(axis, "axis", owner)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.label_smoothing, self.axis
        )


class SparseCategoricalCrossentropy(Loss):
    """``-log p[y]`` for class numbers ``0..K-1`` over exclusive classes.

    Args:
        from_logits: the predictions are before the softmax.
        ignore_class: a label whose examples do not count; None for none.
        axis: the axis of the classes.
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true: ``(n, ...)`` or ``(n, ..., 1)``; y_pred: ``(n, ..., K)``; returns: a number.

    Raises:
        InputError: the class or the axis is no whole number.

    Example:
        >>> SparseCategoricalCrossentropy()([0], [[0.5, 0.5]])
        tensor(0.6931)
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: Reduction | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits = from_logits
        owner = type(self).__name__
        self.ignore_class = (
            None if ignore_class is None else whole(ignore_class, "ignore_class", owner)
        )
        self.axis = whole(axis, "axis", owner)

    def targets(self, y_true: torch.Tensor) -> torch.Tensor:
        """Return the targets as they come: numbers of classes need no fraction."""
        return y_true

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return sparse_categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.ignore_class, self.axis
        )

    def counted(self, y_true: torch.Tensor, values: torch.Tensor) -> torch.Tensor | None:
        """Return which of the values count: those of another class than the one ignored."""
        if self.ignore_class is None:
            return None
        return y_true.reshape(values.shape) != self.ignore_class


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> torch.Tensor:
    """Binary cross-entropy over the last axis; see :class:`BinaryCrossentropy`.

    Example:
        >>> binary_crossentropy([[1.0]], [[0.5]])
        tensor([0.6931])
    """
    y_true, y_pred = alike(y_true, y_pred)
    y_true = smoothed(y_true, label_smoothing, 2)
    if from_logits:
        values = F.binary_cross_entropy_with_logits(y_pred, y_true, reduction="none")
    else:
        values = log_loss(inside(y_pred), y_true)
    return values.mean(dim=axis)


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> torch.Tensor:
    """Cross-entropy with one-hot targets; see :class:`CategoricalCrossentropy`.

    Example:
        >>> categorical_crossentropy([[1.0, 0.0]], [[0.5, 0.5]])
        tensor([0.6931])
    """
    y_pred = as_floats(y_pred)
    y_true = as_tensor(y_true).to(y_pred.dtype)
    require_one_shape("categorical_crossentropy", y_true, y_pred)
    y_true = smoothed(y_true, label_smoothing, y_true.shape[axis])
    return -(y_true * _log_probabilities(y_pred, from_logits, axis)).sum(dim=axis)


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> torch.Tensor:
    """Cross-entropy with class numbers; see :class:`SparseCategoricalCrossentropy`.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]])
        tensor([0.6931])
    """
    y_pred = as_floats(y_pred)
    labels = class_numbers("sparse_categorical_crossentropy", y_true, y_pred, axis)
    if not from_logits and ignore_class is None and axis in (-1, y_pred.ndim - 1):
        return _ClassSurprisal.apply(y_pred, labels)
    logarithms = _log_probabilities(y_pred, from_logits, axis).movedim(axis, -1)
    classes = logarithms.shape[-1]
    counted = labels if ignore_class is None else labels.masked_fill(labels == ignore_class, 0)
    values = F.nll_loss(logarithms.reshape(-1, classes), counted.reshape(-1), reduction="none")
    values = values.view(labels.shape)
    return values if ignore_class is None else values * (labels != ignore_class)


class _ClassSurprisal(torch.autograd.Function):
    """``-log`` of the probability of each example's class: the sparse cross-entropy.

    ``q = p_k / Σp`` for the class k, kept ε away from 0 and 1. Only this one is worked out, where
    normalising all and taking all their logarithms would be a dozen kernels more, both ways. Its
    gradient is ``(1 - [j = k] / q) / Σp``, and 0 where q was not kept.
    """

    @staticmethod
    def forward(ctx: Any, y_pred: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the loss of each example."""
        sums = y_pred.sum(dim=-1, keepdim=True)
        chosen = labels.unsqueeze(-1)
        shares = y_pred.gather(-1, chosen).div_(sums)
        kept = inside(shares)
        ctx.save_for_backward(y_pred, chosen, sums, shares, kept)
        return kept.log().neg_().squeeze(-1)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[torch.Tensor, None]:
        """Return the gradient for the probabilities."""
        y_pred, chosen, sums, shares, kept = ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody takes the gradient of this gradient
            sums = y_pred.sum(dim=-1, keepdim=True)
            shares = y_pred.gather(-1, chosen) / sums
            kept = inside(shares)
        rest = (grad_outputs[0].unsqueeze(-1) / sums).masked_fill(shares != kept, 0)
        return rest.expand(y_pred.shape).scatter_add(-1, chosen, -rest / kept), None


def smoothed(y_true: torch.Tensor, label_smoothing: float, classes: int) -> torch.Tensor:
    """Return ``y(1 - s) + s/K``.

    Example:
        >>> smoothed(torch.tensor([1.0, 0.0]), 0.2, 2)
        tensor([0.9000, 0.1000])
    """
    if not label_smoothing:
        return y_true
    return y_true * (1.0 - label_smoothing) + label_smoothing / classes


def inside(probabilities: torch.Tensor) -> torch.Tensor:
    """Keep probabilities ε away from 0 and 1, where logarithms are finite."""
    return probabilities.clamp(config.epsilon(), 1.0 - config.epsilon())


def normalized(y_pred: torch.Tensor, axis: int) -> torch.Tensor:
    """Make probabilities that sum to one, each ε away from 0 and 1."""
    return inside(y_pred / y_pred.sum(dim=axis, keepdim=True))


def require_one_shape(function: str, y_true: torch.Tensor, y_pred: torch.Tensor) -> None:
    """Refuse one-hot targets that have another shape than the predictions.

    Args:
        function: what the loss is called.
        y_true: the targets.
        y_pred: the predictions.

    Raises:
        InputError: the shapes differ.
    """
    if y_true.shape != y_pred.shape:
        raise InputError(
            f"{function} takes targets and predictions that must have the same shape",
            expected=str(tuple(y_pred.shape)),
            got=str(tuple(y_true.shape)),
            fix="For class numbers instead of one-hot rows use sparse_categorical_crossentropy.",
        )


def class_numbers(function: str, y_true: Any, y_pred: torch.Tensor, axis: int) -> torch.Tensor:
    """Return class numbers, one an example, given as ``(n, ...)`` or ``(n, ..., 1)``.

    Args:
        function: what the loss is called.
        y_true: the targets.
        y_pred: the predictions.
        axis: the axis of the classes.

    Raises:
        InputError: there is not one number an example.
    """
    labels = as_tensor(y_true).long()
    if labels.ndim == y_pred.ndim and labels.shape[axis] == 1:
        labels = labels.squeeze(axis)
    if labels.ndim != y_pred.ndim - 1:
        raise InputError(
            f"{function} takes one class number an example",
            expected=f"targets of {y_pred.ndim - 1} axes",
            got=f"shape {tuple(labels.shape)}",
            fix="For one-hot rows use categorical_crossentropy.",
        )
    return labels


def _log_probabilities(y_pred: torch.Tensor, from_logits: bool, axis: int) -> torch.Tensor:
    if from_logits:
        return torch.log_softmax(y_pred, dim=axis)
    return normalized(y_pred, axis).log()
