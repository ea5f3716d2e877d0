"""What training makes small.

Every loss takes the mean over the last axis first and over the batch after it; sample weights
multiply, and the sum is divided by the *number* of values, not by the sum of weights (Keras's
``sum_over_batch_size``). Probabilities are kept ε = 1e-7 away from 0 and 1.
"""

from typing import Any, Literal

import torch
import torch.nn.functional as F

from latih import config, registry
from latih.arguments import number
from latih.errors import InputError
from latih.registry import Configured, Table, to_snake_case
from latih.tensors import as_tensor

Reduction = Literal["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none"]
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


class Loss(Configured):
    """The base of losses: define :meth:`call` and the weighting and averaging are done.

    Args:
        name: what the loss is called.
        reduction: ``"sum_over_batch_size"`` divides by the number of values,
            ``"mean_with_sample_weight"`` by the sum of the weights, ``"sum"`` and ``"none"`` by
            nothing; ``"mean"`` is the first under another name.
        dtype: taken for Keras's sake; only ``"float32"``.

    Example:
        >>> class Cubed(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return (y_true - y_pred).abs().pow(3).mean(dim=-1)
        >>> Cubed()(torch.zeros(2, 1), torch.full((2, 1), 2.0))
        tensor(8.)
    """

    keras_module = "keras.losses"
    not_described = frozenset(("dtype", "fn"))

    def __init__(
        self,
        name: str | None = None,
        reduction: Reduction | None = "sum_over_batch_size",
        dtype: str | None = None,
    ) -> None:
        if reduction not in REDUCTIONS:
            raise InputError(
                "unknown `reduction` of a loss",
                expected=f"one of {REDUCTIONS}",
                got=repr(reduction),
            )
        registry.require_float32(dtype, type(self).__name__)
        self.name = name or to_snake_case(type(self).__name__)
        self.reduction: Reduction | None = reduction

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        raise NotImplementedError(f"{type(self).__name__} must define call(y_true, y_pred)")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> torch.Tensor:
        """Return the loss of a batch.

        Args:
            y_true: the targets.
            y_pred: the predictions.
            sample_weight: a weight for each example; None for ones.
        """
        values = self.call(as_tensor(y_true), as_tensor(y_pred))
        if sample_weight is None:
            return _reduce(values, None, self.reduction)
        weights = as_tensor(sample_weight).to(values)
        values, weights = squeeze_or_expand_to_same_rank(values, weights)
        # A weight of an example holds for each of its values, and not for the values of one place.
        weights = weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim))
        return _reduce(values * weights, weights, self.reduction)


class LossFunctionWrapper(Loss):
    """A function ``fn(y_true, y_pred, **kwargs)`` as a loss.

    Args:
        fn: the function, one value an example.
        reduction: see :class:`Loss`.
        name: what the loss is called; by default as the function.
        dtype: taken for Keras's sake; only ``"float32"``.
        kwargs: further arguments of the function.

    Example:
        >>> LossFunctionWrapper(mean_squared_error)([[0.0]], [[3.0]])
        tensor(9.)
    """

    def __init__(
        self,
        fn: Any,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", None), reduction, dtype)
        self.fn = fn
        self.kwargs = kwargs

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return self.fn(y_true, y_pred, **self.kwargs)


class MeanSquaredError(Loss):
    """``mean((y - ŷ)²)``: the likelihood of a Gaussian.

    Args:
        reduction: see :class:`Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``; returns: a number.

    Example:
        >>> MeanSquaredError()([[0.0, 1.0]], [[0.0, 3.0]])
        tensor(2.)
    """

    def __init__(
        self,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return mean_squared_error(y_true, y_pred)


class MeanAbsoluteError(Loss):
    """``mean(|y - ŷ|)``: less moved by outliers than the square.

    Args:
        reduction: see :class:`Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``; returns: a number.

    Example:
        >>> MeanAbsoluteError()([[0.0, 1.0]], [[0.0, 3.0]])
        tensor(1.)
    """

    def __init__(
        self,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return mean_absolute_error(y_true, y_pred)


class Huber(Loss):
    """The square near zero, the absolute value beyond δ: both merits.

    ``e²/2`` where ``|e| <= δ``, ``δ|e| - δ²/2`` elsewhere, with ``e = y - ŷ``.

    Args:
        delta: δ, where the one passes into the other, > 0.
        reduction: see :class:`Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``; returns: a number.

    Example:
        >>> Huber()([[0.0]], [[3.0]])
        tensor(2.5000)

    Reference:
        Huber 1964, "Robust Estimation of a Location Parameter".
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.delta = number(delta, "delta", "Huber", above=0)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return huber(y_true, y_pred, self.delta)


class BinaryCrossentropy(Loss):
    """``-mean(y log p + (1 - y) log(1 - p))``: for yes-or-no outputs, one or several.

    Args:
        from_logits: the predictions are before the sigmoid.
        label_smoothing: s in 0..1; targets become ``y(1 - s) + s/2``.
        axis: the axis that is averaged; only the last.
        reduction: see :class:`Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``; returns: a number.

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
        self.from_logits, self.axis = from_logits, axis
        self.label_smoothing = number(
            label_smoothing, "label_smoothing", type(self).__name__, least=0, most=1
        )

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
        reduction: see :class:`Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., K)``; returns: a number.

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
        self.from_logits, self.axis = from_logits, axis
        self.label_smoothing = number(
            label_smoothing, "label_smoothing", type(self).__name__, least=0, most=1
        )

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
        reduction: see :class:`Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true: ``(n, ...)`` or ``(n, ..., 1)``; y_pred: ``(n, ..., K)``; returns: a number.

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
        self.from_logits, self.ignore_class, self.axis = from_logits, ignore_class, axis

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        values = sparse_categorical_crossentropy(
            y_true, y_pred, self.from_logits, self.ignore_class, self.axis
        )
        if self.ignore_class is None or self.reduction in ("sum", "none", None):
            return values
        # The mean shall be over the examples that count, so these are scaled up by total / valid.
        valid = (y_true.reshape(values.shape) != self.ignore_class).sum()
        return values * (values.numel() / valid.clamp(min=1))


def mean_squared_error(y_true: Any, y_pred: Any) -> torch.Tensor:
    """``mean((y - ŷ)²)`` over the last axis, a value for each example.

    Example:
        >>> mean_squared_error([[0.0, 1.0]], [[0.0, 3.0]])
        tensor([2.])
    """
    y_true, y_pred = _alike(y_true, y_pred)
    return (y_true - y_pred).square().mean(dim=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> torch.Tensor:
    """``mean(|y - ŷ|)`` over the last axis, a value for each example.

    Example:
        >>> mean_absolute_error([[0.0, 1.0]], [[0.0, 3.0]])
        tensor([1.])
    """
    y_true, y_pred = _alike(y_true, y_pred)
    return (y_true - y_pred).abs().mean(dim=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> torch.Tensor:
    """Huber's loss over the last axis, a value for each example; see :class:`Huber`.

    Example:
        >>> huber([[0.0, 0.0]], [[1.0, 3.0]])
        tensor([1.5000])
    """
    y_true, y_pred = _alike(y_true, y_pred)
    return F.huber_loss(y_pred, y_true, reduction="none", delta=delta).mean(dim=-1)


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
    y_true, y_pred = _alike(y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        values = F.binary_cross_entropy_with_logits(y_pred, y_true, reduction="none")
    else:
        values = F.binary_cross_entropy(_inside(y_pred), y_true, reduction="none")
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
    y_pred = as_tensor(y_pred)
    y_true = as_tensor(y_true).to(y_pred.dtype)
    if y_true.shape != y_pred.shape:
        raise InputError(
            "categorical_crossentropy takes targets and predictions of one shape",
            expected=str(tuple(y_pred.shape)),
            got=str(tuple(y_true.shape)),
            fix="For class numbers instead of one-hot rows use sparse_categorical_crossentropy.",
        )
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[axis]
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
    y_pred = as_tensor(y_pred)
    labels = as_tensor(y_true).long()
    if labels.ndim == y_pred.ndim and labels.shape[axis] == 1:
        labels = labels.squeeze(axis)
    if labels.ndim != y_pred.ndim - 1:
        raise InputError(
            "sparse_categorical_crossentropy takes one class number an example",
            expected=f"targets of {y_pred.ndim - 1} axes",
            got=f"shape {tuple(labels.shape)}",
            fix="For one-hot rows use categorical_crossentropy.",
        )
    logarithms = _log_probabilities(y_pred, from_logits, axis).movedim(axis, -1)
    classes = logarithms.shape[-1]
    counted = labels if ignore_class is None else labels.masked_fill(labels == ignore_class, 0)
    values = F.nll_loss(logarithms.reshape(-1, classes), counted.reshape(-1), reduction="none")
    values = values.view(labels.shape)
    return values if ignore_class is None else values * (labels != ignore_class)


def squeeze_or_expand_to_same_rank(
    first: torch.Tensor, second: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Make ``(n,)`` and ``(n, 1)`` one shape, so that no ``(n, n)`` comes of their difference."""
    if first.ndim == second.ndim + 1 and first.shape[-1] == 1:
        return (first, second.unsqueeze(-1)) if second.ndim == 1 else (first.squeeze(-1), second)
    if second.ndim == first.ndim + 1 and second.shape[-1] == 1:
        return (first.unsqueeze(-1), second) if first.ndim == 1 else (first, second.squeeze(-1))
    return first, second


def _alike(y_true: Any, y_pred: Any) -> tuple[torch.Tensor, torch.Tensor]:
    y_pred = as_tensor(y_pred)
    y_true = as_tensor(y_true).to(y_pred.dtype)
    return squeeze_or_expand_to_same_rank(y_true, y_pred)


def _inside(probabilities: torch.Tensor) -> torch.Tensor:
    return probabilities.clamp(config.epsilon(), 1.0 - config.epsilon())


def _log_probabilities(y_pred: torch.Tensor, from_logits: bool, axis: int) -> torch.Tensor:
    if from_logits:
        return torch.log_softmax(y_pred, dim=axis)
    return _inside(y_pred / y_pred.sum(dim=axis, keepdim=True)).log()


def _reduce(
    values: torch.Tensor, weights: torch.Tensor | None, reduction: Reduction | None
) -> torch.Tensor:
    if reduction in ("none", None):
        return values
    if reduction == "sum":
        return values.sum()
    if reduction == "mean_with_sample_weight" and weights is not None:
        total = weights.sum()
        return torch.where(total == 0, torch.zeros_like(total), values.sum() / total)
    return values.sum() / max(values.numel(), 1)


LOSSES: Table[Loss] = Table(
    "loss",
    Loss,
    classes=[
        MeanSquaredError,
        MeanAbsoluteError,
        Huber,
        BinaryCrossentropy,
        CategoricalCrossentropy,
        SparseCategoricalCrossentropy,
    ],
    functions=[
        mean_squared_error,
        mean_absolute_error,
        huber,
        binary_crossentropy,
        categorical_crossentropy,
        sparse_categorical_crossentropy,
    ],
    aliases={
        "mse": mean_squared_error,
        "MSE": mean_squared_error,
        "bce": binary_crossentropy,
        "BCE": binary_crossentropy,
        "mae": mean_absolute_error,
        "MAE": mean_absolute_error,
    },
)

serialize = registry.serialize
deserialize = LOSSES.deserialize


def get(identifier: Any) -> Any:
    """Return the loss, or the function, that a name, a class, data or an object means.

    Example:
        >>> get("mse") is mean_squared_error
        True
    """
    return LOSSES.get(identifier)
