"""Losses of distributions and of counts."""

from typing import Any

import torch

from latih import config
from latih.losses.base import Loss, Reduction, alike


class KLDivergence(Loss):
    """``Σ y log(y / ŷ)``: what one loses by taking the distribution ŷ for the distribution y.

    Both are kept in ε..1, with ε = 1e-7.

    Args:
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., K)``; returns: a number.

    Example:
        >>> KLDivergence()([[0.0, 1.0]], [[0.5, 0.5]])
        tensor(0.6931)

    Reference:
        Kullback & Leibler 1951, "On Information and Sufficiency".
    """

    def __init__(
        self,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "kl_divergence",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return kl_divergence(y_true, y_pred)


class Poisson(Loss):
    """``mean(ŷ - y log(ŷ + ε))``: the likelihood of counts, less what does not depend on ŷ.

    The predictions are rates, and must be positive: end the model with exp or softplus.

    Args:
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``; returns: a number.

    Example:
        >>> Poisson()([[2.0]], [[1.0]])
        tensor(1.0000)
    """

    def __init__(
        self,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "poisson",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return poisson(y_true, y_pred)


def kl_divergence(y_true: Any, y_pred: Any) -> torch.Tensor:
    """``Σ y log(y / ŷ)`` over the last axis, a value for each example.

    Example:
        >>> kl_divergence([[0.0, 1.0]], [[0.5, 0.5]])
        tensor([0.6931])
    """
    y_true, y_pred = (y.clamp(config.epsilon(), 1.0) for y in alike(y_true, y_pred))
    return (y_true * (y_true / y_pred).log()).sum(dim=-1)


def poisson(y_true: Any, y_pred: Any) -> torch.Tensor:
    """``mean(ŷ - y log(ŷ + ε))`` over the last axis, a value for each example.

    Example:
        >>> poisson([[2.0, 0.0]], [[1.0, 3.0]])
        tensor([2.0000])
    """
    y_true, y_pred = alike(y_true, y_pred)
    return (y_pred - y_true * (y_pred + config.epsilon()).log()).mean(dim=-1)
