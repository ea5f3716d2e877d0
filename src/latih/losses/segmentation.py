"""Losses of overlap: how far two masks fail to cover each other."""

from typing import Any

import torch

from latih import config
from latih.arguments import number
from latih.losses.base import Loss, Reduction, alike


class Dice(Loss):
    """``1 - 2Σyŷ / (Σy + Σŷ + ε)``: the part of two masks that does not overlap.

    A small object counts as much as a large one, where cross-entropy would count pixels.

    Args:
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        axis: the axes that are summed, such as ``(1, 2, 3)`` for a value an image; None for all,
            the batch's among them, and one value.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)`` in 0..1; returns: a number.

    Example:
        >>> Dice()([[0.0, 1.0]], [[0.0, 1.0]]), Dice()([[0.0, 1.0]], [[0.5, 0.5]])
        (tensor(0.), tensor(0.5000))

    Reference:
        Milletari et al. 2016, "V-Net", section 3.
    """

    def __init__(
        self,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: Any = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = axis

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return dice(y_true, y_pred, self.axis)


class Tversky(Loss):
    """``1 - Σyŷ / (Σyŷ + α Σy(1 - ŷ) + β Σ(1 - y)ŷ + ε)``: Dice's loss with a leaning.

    α counts what was missed and β what was seen and is not there; with a half each it is Dice's.

    Args:
        alpha: α >= 0.
        beta: β >= 0.
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        axis: the axes that are summed, such as ``(1, 2, 3)`` for a value an image; None for all,
            the batch's among them, and one value.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)`` in 0..1; returns: a number.

    Raises:
        InputError: α or β is negative.

    Example:
        >>> Tversky(alpha=0.75, beta=0.25)([[1.0, 1.0]], [[0.5, 0.5]])
        tensor(0.4286)

    Reference:
        Salehi et al. 2017, "Tversky Loss Function for Image Segmentation", equation 3.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Any = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = axis
        owner = type(self).__name__
        self.alpha = number(alpha, "alpha", owner, least=0)
        self.beta = number(beta, "beta", owner, least=0)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return tversky(y_true, y_pred, self.alpha, self.beta, self.axis)


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> torch.Tensor:
    """Dice's loss over the axes given; see :class:`Dice`.

    Example:
        >>> dice([[0.0, 1.0], [0.0, 1.0]], [[0.0, 1.0], [0.5, 0.5]], axis=1)
        tensor([0.0000, 0.5000])
    """
    y_true, y_pred = alike(y_true, y_pred)
    both = _sum(y_true * y_pred, axis)
    return 1.0 - 2.0 * both / (_sum(y_true, axis) + _sum(y_pred, axis) + config.epsilon())


def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None
) -> torch.Tensor:
    """Tversky's loss over the axes given; see :class:`Tversky`.

    Example:
        >>> tversky([[1.0, 1.0]], [[0.5, 0.5]], alpha=0.75, beta=0.25)
        tensor(0.4286)
    """
    y_true, y_pred = alike(y_true, y_pred)
    both = _sum(y_true * y_pred, axis)
    missed = _sum(y_true * (1.0 - y_pred), axis)
    imagined = _sum((1.0 - y_true) * y_pred, axis)
    return 1.0 - both / (both + missed * alpha + imagined * beta + config.epsilon())


def _sum(values: torch.Tensor, axis: Any) -> torch.Tensor:
    if axis is None:
        return values.sum()
    return values.sum(dim=tuple(axis) if isinstance(axis, list | tuple) else axis)
