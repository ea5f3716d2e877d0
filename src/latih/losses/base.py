"""What all losses share: how values are weighted and averaged, and how shapes are made alike."""

from typing import Any, Literal

import torch

from latih import registry
from latih.errors import InputError
from latih.registry import Configured, to_snake_case
from latih.tensors import as_tensor, get_keras_mask

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

    Raises:
        InputError: the reduction is none of these.

    Example:
        >>> class Cubed(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return (y_true - y_pred).abs().pow(3).mean(dim=-1)
        >>> Cubed()(torch.zeros(2, 1), torch.full((2, 1), 2.0))
        tensor(8.)
    """

    keras_module = "keras.losses"
    not_described = frozenset(("dtype",))

    def __init__(
        self,
        name: str | None = None,
        reduction: Reduction | None = "sum_over_batch_size",
        dtype: str | None = None,
    ) -> None:
        if reduction not in REDUCTIONS:
            raise InputError(
                "Invalid value for argument `reduction` of a loss",
                expected=f"one of {REDUCTIONS}",
                got=repr(reduction),
            )
        registry.require_float32(dtype, type(self).__name__)
        self.name = name or to_snake_case(type(self).__name__)
        self.reduction: Reduction | None = reduction

    @property
    def dtype(self) -> str:
        """The type that the loss is calculated in."""
        return "float32"

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        raise NotImplementedError(f"{type(self).__name__} must define call(y_true, y_pred)")

    def targets(self, y_true: torch.Tensor) -> torch.Tensor:
        """Return the targets in the type that :meth:`call` takes: the loss's own, by default."""
        return y_true.to(torch.float32)

    def counted(self, y_true: torch.Tensor, values: torch.Tensor) -> torch.Tensor | None:
        """Return which of the values count, as booleans; None, as by default, for all of them.

        A mean is then over those that count.
        """
        del y_true, values
        return None

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> torch.Tensor:
        """Return the loss of a batch.

        Args:
            y_true: the targets.
            y_pred: the predictions.
            sample_weight: a weight for each example; None for ones.
        """
        mask = get_keras_mask(y_pred)
        y_true, y_pred = self.targets(as_tensor(y_true)), as_tensor(y_pred).to(torch.float32)
        values = self.call(y_true, y_pred)
        counted = self.counted(y_true, values)
        if mask is not None:
            mask = mask.to(torch.bool)
            counted = mask if counted is None else counted & mask
        if sample_weight is None and counted is None:
            return _reduce(values, None, self.reduction)
        weights = None if sample_weight is None else as_tensor(sample_weight).to(values)
        if counted is not None:
            mask = counted.to(values.dtype)
            if self.reduction in ("sum_over_batch_size", "mean"):
                # These divide by all values; the scale makes it a mean over those that count.
                mask = mask * (mask.numel() / mask.sum().clamp(min=1))
            if weights is not None:
                mask, weights = squeeze_or_expand_to_same_rank(mask, weights)
            weights = mask if weights is None else weights * mask
        assert weights is not None
        values, weights = squeeze_or_expand_to_same_rank(values, weights)
        # A weight of an example holds for each of its values, and not for the values of one place.
        weights = weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim))
        return _reduce(values * weights, weights, self.reduction)


def squeeze_or_expand_to_same_rank(
    first: torch.Tensor, second: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Make ``(n,)`` and ``(n, 1)`` one shape, so that no ``(n, n)`` comes of their difference."""
    if first.ndim == second.ndim + 1 and first.shape[-1] == 1:
        return (first, second.unsqueeze(-1)) if second.ndim == 1 else (first.squeeze(-1), second)
    if second.ndim == first.ndim + 1 and second.shape[-1] == 1:
        return (first.unsqueeze(-1), second) if first.ndim == 1 else (first, second.squeeze(-1))
    return first, second


def as_floats(values: Any) -> torch.Tensor:
    """Return ``values`` as a tensor of float32; one of float64 stays what it is.

    Example:
        >>> as_floats([1, 2])
        tensor([1., 2.])
    """
    tensor = as_tensor(values)
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.to(torch.float32)


def alike(y_true: Any, y_pred: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Make targets and predictions tensors of one type and, as far as that goes, of one shape."""
    y_pred = as_floats(y_pred)
    return squeeze_or_expand_to_same_rank(as_tensor(y_true).to(y_pred.dtype), y_pred)


def _reduce(
    values: torch.Tensor, weights: torch.Tensor | None, reduction: Reduction | None
) -> torch.Tensor:
    if reduction in ("none", None) or values.ndim == 0:
        return values
    if reduction == "sum":
        return values.sum()
    if reduction == "mean_with_sample_weight" and weights is not None:
        total = weights.sum()
        nothing = total == 0
        # Filled before the division as well: 0/0 has no gradient, even where it is not taken.
        return (values.sum() / total.masked_fill(nothing, 1)).masked_fill(nothing, 0)
    return values.sum() / max(values.numel(), 1)
