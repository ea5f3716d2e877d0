"""Losses of a margin: what is right by enough teaches nothing."""

from typing import Any

import torch

from latih.losses.base import Loss, Reduction, alike


class Hinge(Loss):
    """``mean(max(1 - yŷ, 0))``: nothing to learn beyond a margin of one.

    For targets of -1 and 1 and outputs without bound; a batch whose targets are all 0 or 1 is
    taken as ``2y - 1``.

    Args:
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``; returns: a number.

    Example:
        >>> Hinge()([[1.0], [-1.0]], [[0.5], [-2.0]])
        tensor(0.2500)
    """

    def __init__(
        self,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "hinge",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return hinge(y_true, y_pred)


class SquaredHinge(Loss):
    """``mean(max(1 - yŷ, 0)²)``: the hinge without its corner, and harder on what is far off.

    For targets of -1 and 1 and outputs without bound; a batch whose targets are all 0 or 1 is
    taken as ``2y - 1``.

    Args:
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``; returns: a number.

    Example:
        >>> SquaredHinge()([[1.0], [-1.0]], [[0.5], [1.0]])
        tensor(2.1250)
    """

    def __init__(
        self,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "squared_hinge",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return squared_hinge(y_true, y_pred)


class CategoricalHinge(Loss):
    """``max(1 + max((1 - y)ŷ) - Σyŷ, 0)``: the right class shall lead the best wrong one by one.

    Args:
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true: one-hot, ``(n, ..., K)``; y_pred: ``(n, ..., K)``; returns: a number.

    Example:
        >>> CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.75]])
        tensor(0.7500)

    Reference:
        Crammer & Singer 2001, "On the Algorithmic Implementation of Multiclass Kernel-based Vector
        Machines".
    """

    def __init__(
        self,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "categorical_hinge",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return categorical_hinge(y_true, y_pred)


def hinge(y_true: Any, y_pred: Any) -> torch.Tensor:
    """``mean(max(1 - yŷ, 0))`` over the last axis, a value for each example.

    Example:
        >>> hinge([[1.0, -1.0]], [[0.5, -2.0]])
        tensor([0.2500])
    """
    return _shortfall(y_true, y_pred).mean(dim=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> torch.Tensor:
    """``mean(max(1 - yŷ, 0)²)`` over the last axis, a value for each example.

    Example:
        >>> squared_hinge([[1.0, -1.0]], [[0.5, 1.0]])
        tensor([2.1250])
    """
    return _shortfall(y_true, y_pred).square().mean(dim=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> torch.Tensor:
    """By how much the right class fails to lead the best wrong one by one, for each example.

    Example:
        >>> categorical_hinge([[0.0, 1.0]], [[0.5, 0.75]])
        tensor([0.7500])
    """
    y_true, y_pred = alike(y_true, y_pred)
    right = (y_true * y_pred).sum(dim=-1)
    wrong = ((1.0 - y_true) * y_pred).amax(dim=-1)
    return _above_zero(wrong - right + 1.0)


def _shortfall(y_true: Any, y_pred: Any) -> torch.Tensor:
    y_true, y_pred = alike(y_true, y_pred)
    # The whole batch decides: one target of -1 among them, and zeros are taken as they are.
    yes_or_no = ((y_true == 0) | (y_true == 1)).all()
    y_true = torch.where(yes_or_no, 2.0 * y_true - 1.0, y_true)
    return _above_zero(1.0 - y_true * y_pred)


def _above_zero(values: torch.Tensor) -> torch.Tensor:
    # At the corner this has half the slope, as Keras's; relu has none there and clamp all of it.
    return torch.maximum(values, values.new_zeros(()))
