"""Cross-entropies that weigh an example by how sure the prediction is of it."""

from typing import Any

import torch

from latih.arguments import number, whole
from latih.losses.base import Loss, Reduction, alike, as_floats
from latih.losses.crossentropy import (
    class_numbers,
    inside,
    normalized,
    require_one_shape,
    smoothed,
)
from latih.ops.log_loss import log_loss
from latih.tensors import as_tensor


class BinaryFocalCrossentropy(Loss):
    """Binary cross-entropy that turns away from what is already right.

    With many easy examples the few hard ones drown; so each is multiplied by how wrong it is:
    ``-α(1 - p)^γ log p`` where p is the probability given to the right answer.

    Args:
        apply_class_balancing: multiply by α where the answer is yes, by 1 - α where it is no.
        alpha: α in 0..1; counts only with ``apply_class_balancing``.
        gamma: γ >= 0; 0 is binary cross-entropy.
        from_logits: the predictions are before the sigmoid.
        label_smoothing: s in 0..1; targets become ``y(1 - s) + s/2``.
        axis: the axis that is averaged.
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``; returns: a number.

    Raises:
        InputError: an argument is out of its range.

    Example:
        >>> BinaryFocalCrossentropy()([[1.0], [0.0]], [[0.5], [0.5]])
        tensor(0.1733)

    Reference:
        Lin et al. 2017, "Focal Loss for Dense Object Detection", equations 4 and 5.
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.apply_class_balancing = apply_class_balancing
        self.from_logits = from_logits
        owner = type(self).__name__
        self.alpha = number(alpha, "alpha", owner, least=0, most=1)
        self.gamma = number(gamma, "gamma", owner, least=0)
        self.label_smoothing = number(label_smoothing, "label_smoothing", owner, least=0, most=1)
        self.axis = whole(axis, "axis", owner)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return binary_focal_crossentropy(
            y_true,
            y_pred,
            self.apply_class_balancing,
            self.alpha,
            self.gamma,
            self.from_logits,
            self.label_smoothing,
            self.axis,
        )


class CategoricalFocalCrossentropy(Loss):
    """Cross-entropy over exclusive classes that turns away from what is already right.

    ``-Σ α(1 - p)^γ y log p`` for one-hot targets; where there are many easy examples, the few hard
    ones are heard.

    Args:
        alpha: α, one number, or one a class.
        gamma: γ >= 0; 0 is cross-entropy times α.
        from_logits: the predictions are before the softmax.
        label_smoothing: s in 0..1; targets become ``y(1 - s) + s/K``.
        axis: the axis of the classes.
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true: one-hot, ``(n, ..., K)``; y_pred: ``(n, ..., K)``; returns: a number.

    Raises:
        InputError: an argument is out of its range.

    Example:
        >>> CategoricalFocalCrossentropy()([[1.0, 0.0]], [[0.5, 0.5]])
        tensor(0.0433)

    Reference:
        Lin et al. 2017, "Focal Loss for Dense Object Detection", equation 5.
    """

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits = from_logits
        owner = type(self).__name__
        several = hasattr(alpha, "__len__") and not isinstance(alpha, str)
        self.alpha: Any = alpha if several else number(alpha, "alpha", owner, least=0)
        self.gamma = number(gamma, "gamma", owner, least=0)
        self.label_smoothing = number(label_smoothing, "label_smoothing", owner, least=0, most=1)
        self.axis = whole(axis, "axis", owner)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return categorical_focal_crossentropy(
            y_true,
            y_pred,
            self.alpha,
            self.gamma,
            self.from_logits,
            self.label_smoothing,
            self.axis,
        )


class CategoricalGeneralizedCrossEntropy(Loss):
    """``(1 - p[y]^q) / q`` for class numbers: cross-entropy that wrong labels cannot drag far.

    Between cross-entropy (q near 0) and the absolute error (q near 1): the slope of an example is
    multiplied by ``p[y]^q``, so that one which the model holds for mislabelled says little.

    Args:
        q: 0 < q < 1.
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true: ``(n, ...)`` or ``(n, ..., 1)``; y_pred: probabilities, ``(n, ..., K)``; returns: a
        number.

    Raises:
        InputError: q is not between 0 and 1.

    Example:
        >>> CategoricalGeneralizedCrossEntropy()([0], [[0.25, 0.75]])
        tensor(1.)

    Reference:
        Zhang & Sabuncu 2018, "Generalized Cross Entropy Loss for Training Deep Neural Networks with
        Noisy Labels", equation 6.
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: Reduction | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.q = number(q, "q", type(self).__name__, above=0, below=1)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return categorical_generalized_cross_entropy(y_true, y_pred, self.q)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> torch.Tensor:
    """Binary focal cross-entropy; see :class:`BinaryFocalCrossentropy`.

    Example:
        >>> binary_focal_crossentropy([[1.0]], [[0.5]])
        tensor([0.1733])
    """
    y_true, y_pred = alike(y_true, y_pred)
    y_true = smoothed(y_true, label_smoothing, 2)
    if from_logits:
        y_pred = y_pred.sigmoid()
    values = log_loss(inside(y_pred), y_true)
    of_right_answer = y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred)
    values = (1.0 - of_right_answer).pow(gamma) * values
    if apply_class_balancing:
        values = (y_true * alpha + (1.0 - y_true) * (1.0 - alpha)) * values
    return values.mean(dim=axis)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> torch.Tensor:
    """Focal cross-entropy with one-hot targets; see :class:`CategoricalFocalCrossentropy`.

    Example:
        >>> categorical_focal_crossentropy([[1.0, 0.0]], [[0.5, 0.5]])
        tensor([0.0433])
    """
    y_pred = as_floats(y_pred)
    y_true = as_tensor(y_true).to(y_pred.dtype)
    require_one_shape("categorical_focal_crossentropy", y_true, y_pred)
    y_true = smoothed(y_true, label_smoothing, y_true.shape[axis])
    if from_logits:
        y_pred = y_pred.softmax(dim=axis)
    probabilities = normalized(y_pred, axis)
    factors = (1.0 - probabilities).pow(gamma) * as_tensor(alpha).to(y_pred)
    return -(factors * y_true * probabilities.log()).sum(dim=axis)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> torch.Tensor:
    """``(1 - p[y]^q) / q``; see :class:`CategoricalGeneralizedCrossEntropy`.

    Example:
        >>> categorical_generalized_cross_entropy([0], [[0.25, 0.75]], q=0.5)
        tensor([1.])
    """
    y_pred = as_floats(y_pred)
    labels = class_numbers("categorical_generalized_cross_entropy", y_true, y_pred, -1)
    of_label = y_pred.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    return (1.0 - of_label.pow(q)) / q
