"""The mean of any function of targets and predictions, as a metric."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import torch

from latih import registry
from latih.losses import squeeze_or_expand_to_same_rank
from latih.metrics.base import Mean, Metric
from latih.metrics.functions import FUNCTIONS
from latih.tensors import as_tensor, get_keras_mask, unhalved


class MeanMetricWrapper(Metric):
    """The mean of a function ``fn(y_true, y_pred, **kwargs)``.

    Args:
        fn: the function, one value an example.
        name: what the metric is called; by default as the function.
        dtype: taken for Keras's sake; only ``"float32"``.
        kwargs: further arguments of the function.

    Example:
        >>> wrapped = MeanMetricWrapper(lambda y_true, y_pred: (y_true - y_pred).abs(), name="off")
        >>> wrapped(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 3.0]))
        tensor(2.)
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str | None = None,
        dtype: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name or getattr(fn, "__name__", None), dtype=dtype)
        self._mean = Mean()
        self._fn = fn
        self._fn_kwargs = kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in."""
        mask = get_keras_mask(y_pred)
        predictions = unhalved(as_tensor(y_pred).detach())
        values = self._fn(as_tensor(y_true), predictions, **self._fn_kwargs)
        if mask is not None:
            sample_weight = _masked(sample_weight, mask.to(values.dtype))
        self._mean.update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as data that JSON can hold, the function by name."""
        if "fn" not in registry.constructor_arguments(type(self)):
            return super().get_config()
        config = {"name": self.name, "dtype": self.dtype, "fn": self._fn, **self._fn_kwargs}
        return registry.serialize(config)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make the object again from :meth:`get_config`'s data."""
        if "fn" not in config:
            return super().from_config(config)
        return cls(**{**config, "fn": FUNCTIONS.get(config["fn"])})

    def move_to(self, device: torch.device) -> None:
        """Move the sums to the device where the predictions are."""
        self._mean.move_to(device)

    def result(self) -> torch.Tensor:
        """Return the metric of all that was taken in since the last reset."""
        return self._mean.result()


def _masked(sample_weight: Any, mask: torch.Tensor) -> torch.Tensor:
    if sample_weight is None:
        return mask
    mask, weights = squeeze_or_expand_to_same_rank(mask, as_tensor(sample_weight).to(mask))
    return mask * weights
