"""How far the prediction is off: losses of numbers."""

import math
from typing import Any

import torch
import torch.nn.functional as F

from latih import config
from latih.arguments import number, whole
from latih.losses.base import Loss, Reduction, alike


class MeanSquaredError(Loss):
    """``mean((y - ŷ)²)``: the likelihood of a Gaussian.

    Args:
        reduction: see :class:`~latih.losses.Loss`.
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
        reduction: see :class:`~latih.losses.Loss`.
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


class MeanAbsolutePercentageError(Loss):
    """``100·mean(|y - ŷ| / max(|y|, ε))``: how far off in percent of the target.

    A target of zero counts as ε = 1e-7, and its error as huge: for targets away from zero only.

    Args:
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``; returns: a number.

    Example:
        >>> MeanAbsolutePercentageError()([[4.0, 10.0]], [[3.0, 10.0]])
        tensor(12.5000)
    """

    def __init__(
        self,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return mean_absolute_percentage_error(y_true, y_pred)


class MeanSquaredLogarithmicError(Loss):
    """``mean((log(1 + y) - log(1 + ŷ))²)``: for targets that span orders of magnitude.

    Too little costs more than too much. What is below ε = 1e-7 counts as ε, and learns nothing.

    Args:
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``; returns: a number.

    Example:
        >>> MeanSquaredLogarithmicError()([[0.0]], [[1.718282]])
        tensor(1.0000)
    """

    def __init__(
        self,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return mean_squared_logarithmic_error(y_true, y_pred)


class LogCosh(Loss):
    """``mean(log cosh(ŷ - y))``: ``e²/2`` for small errors, ``|e| - log 2`` for large ones.

    As Huber's loss without its δ, and twice differentiable everywhere.

    Args:
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``; returns: a number.

    Example:
        >>> LogCosh()([[0.0, 0.0]], [[0.0, 2.0]])
        tensor(0.6625)
    """

    def __init__(
        self,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "log_cosh",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return log_cosh(y_true, y_pred)


class Huber(Loss):
    """The square near zero, the absolute value beyond δ: both merits.

    ``e²/2`` where ``|e| <= δ``, ``δ|e| - δ²/2`` elsewhere, with ``e = y - ŷ``.

    Args:
        delta: δ, where the one passes into the other, > 0.
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``; returns: a number.

    Raises:
        InputError: δ is not positive.

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
        self.delta = number(delta, "delta", type(self).__name__, above=0)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return huber(y_true, y_pred, self.delta)


class CosineSimilarity(Loss):
    """``-Σ y·ŷ / (‖y‖ ‖ŷ‖)``: -1 where the directions agree, 1 where they are opposite.

    For vectors whose direction matters and not their length. A vector of zeros has similarity 0.

    Args:
        axis: the axis along which the vectors lie.
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``; returns: a number.

    Raises:
        InputError: the axis is no whole number.

    Example:
        >>> CosineSimilarity()([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 1.0]])
        tensor(-0.5000)
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = whole(axis, "axis", type(self).__name__)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return cosine_similarity(y_true, y_pred, self.axis)


def mean_squared_error(y_true: Any, y_pred: Any) -> torch.Tensor:
    """``mean((y - ŷ)²)`` over the last axis, a value for each example.

    Example:
        >>> mean_squared_error([[0.0, 1.0]], [[0.0, 3.0]])
        tensor([2.])
    """
    y_true, y_pred = alike(y_true, y_pred)
    return (y_true - y_pred).square().mean(dim=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> torch.Tensor:
    """``mean(|y - ŷ|)`` over the last axis, a value for each example.

    Example:
        >>> mean_absolute_error([[0.0, 1.0]], [[0.0, 3.0]])
        tensor([1.])
    """
    y_true, y_pred = alike(y_true, y_pred)
    return (y_true - y_pred).abs().mean(dim=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> torch.Tensor:
    """``100·mean(|y - ŷ| / max(|y|, ε))`` over the last axis, a value for each example.

    Example:
        >>> mean_absolute_percentage_error([[4.0, 10.0]], [[3.0, 10.0]])
        tensor([12.5000])
    """
    y_true, y_pred = alike(y_true, y_pred)
    return 100.0 * ((y_true - y_pred) / y_true.abs().clamp(min=config.epsilon())).abs().mean(dim=-1)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> torch.Tensor:
    """``mean((log(1 + y) - log(1 + ŷ))²)`` over the last axis, a value for each example.

    Example:
        >>> mean_squared_logarithmic_error([[0.0, 1.0]], [[1.718282, 1.0]])
        tensor([0.5000])
    """
    y_true, y_pred = alike(y_true, y_pred)
    logarithms = [(y.clamp(min=config.epsilon()) + 1.0).log() for y in (y_true, y_pred)]
    return (logarithms[1] - logarithms[0]).square().mean(dim=-1)


def log_cosh(y_true: Any, y_pred: Any) -> torch.Tensor:
    """``mean(log cosh(ŷ - y))`` over the last axis, a value for each example.

    Example:
        >>> log_cosh([[0.0, 0.0]], [[0.0, 2.0]])
        tensor([0.6625])
    """
    y_true, y_pred = alike(y_true, y_pred)
    error = y_pred - y_true
    # cosh itself overflows float32 at 89.
    return (error + F.softplus(-2.0 * error) - math.log(2.0)).mean(dim=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> torch.Tensor:
    """Huber's loss over the last axis, a value for each example; see :class:`Huber`.

    Example:
        >>> huber([[0.0, 0.0]], [[1.0, 3.0]])
        tensor([1.5000])
    """
    y_true, y_pred = alike(y_true, y_pred)
    return F.huber_loss(y_pred, y_true, reduction="none", delta=delta).mean(dim=-1)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> torch.Tensor:
    """Minus the cosine of the angle between target and prediction; see :class:`CosineSimilarity`.

    Example:
        >>> cosine_similarity([[0.0, 1.0]], [[0.0, 5.0]])
        tensor([-1.])
    """
    y_true, y_pred = (F.normalize(y, dim=axis, eps=config.epsilon()) for y in alike(y_true, y_pred))
    return -(y_true * y_pred).sum(dim=axis)
