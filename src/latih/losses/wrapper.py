"""Any function as a loss."""

from collections.abc import Mapping
from typing import Any, Self

import torch

from latih import registry
from latih.losses.base import Loss, Reduction, squeeze_or_expand_to_same_rank
from latih.losses.crossentropy import sparse_categorical_crossentropy
from latih.losses.table import LOSSES


class LossFunctionWrapper(Loss):
    """A function ``fn(y_true, y_pred, **kwargs)`` as a loss.

    Args:
        fn: the function, one value an example.
        reduction: see :class:`~latih.losses.Loss`.
        name: what the loss is called; by default as the function.
        dtype: taken for Keras's sake; only ``"float32"``.
        kwargs: further arguments of the function.

    Example:
        >>> from latih.losses import huber
        >>> LossFunctionWrapper(huber, delta=2.0)([[0.0]], [[3.0]])
        tensor(4.)
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

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as data that JSON can hold, the function by name."""
        return {**super().get_config(), **registry.serialize(self.kwargs)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make the object again from :meth:`get_config`'s data."""
        return cls(**{**config, "fn": LOSSES.get(config["fn"])})

    def targets(self, y_true: torch.Tensor) -> torch.Tensor:
        """Return the targets in the type that the function takes; numbers of classes stay whole."""
        return y_true if self.fn is sparse_categorical_crossentropy else super().targets(y_true)

    def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        """Return a value for each example, before weighting and averaging."""
        return self.fn(*squeeze_or_expand_to_same_rank(y_true, y_pred), **self.kwargs)
