"""A metric is a running sum: it takes batches, and says a number when asked."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from latih import registry
from latih.initializers import Initializer
from latih.losses import squeeze_or_expand_to_same_rank
from latih.registry import Configured, to_snake_case
from latih.tensors import as_tensor


class Metric(Configured):
    """The base of metrics.

    The sums stay on the device of the predictions, and nothing waits for them until somebody asks
    for :meth:`result`.

    Args:
        dtype: taken for Keras's sake; only ``"float32"``.
        name: what the metric is called in logs.

    Example:
        >>> class Count(Metric):
        ...     def __init__(self, name="count", **kwargs):
        ...         super().__init__(name=name, **kwargs)
        ...         self.seen = self.add_variable((), name="seen")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.seen += len(y_true)
        ...     def result(self):
        ...         return self.seen
        >>> count = Count()
        >>> count([1, 2, 3], [1, 2, 3])
        tensor(3.)
    """

    keras_module = "keras.metrics"

    def __init__(self, dtype: str | None = None, name: str | None = None) -> None:
        registry.require_float32(dtype, type(self).__name__)
        self.name = name or to_snake_case(type(self).__name__)
        self.dtype = "float32"
        self._variables: list[torch.Tensor] = []
        self._starts: list[torch.Tensor] = []

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Initializer | None = None,
        dtype: str | None = None,
        name: str | None = None,
    ) -> torch.Tensor:
        """Make one of the sums; it is zero, or as ``initializer`` gives, at each reset.

        Args:
            shape: the sum's shape.
            initializer: how it starts; None for zeros.
            dtype: taken for Keras's sake; only ``"float32"``.
            name: taken for Keras's sake.

        Returns:
            The tensor; change it in place.
        """
        del name
        registry.require_float32(dtype, type(self).__name__)
        start = torch.zeros(tuple(shape)) if initializer is None else initializer(shape)
        variable = start.clone()
        self._variables.append(variable)
        self._starts.append(start)
        return variable

    @property
    def variables(self) -> list[torch.Tensor]:
        """The sums, in the order in which they were made."""
        return list(self._variables)

    def reset_state(self) -> None:
        """Begin anew, as at the start of an epoch."""
        for variable, start in zip(self._variables, self._starts, strict=True):
            variable.copy_(start)

    def move_to(self, device: torch.device) -> None:
        """Move the sums to the device where the predictions are."""
        for variable in self._variables:
            if variable.device != device:
                variable.data = variable.data.to(device)

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take a batch in: ``(y_true, y_pred, sample_weight=None)``."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state(...)")

    def result(self) -> torch.Tensor:
        """Return the metric of all that was taken in since the last reset."""
        raise NotImplementedError(f"{type(self).__name__} must define result()")

    def __call__(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Take a batch in and return the result so far."""
        self.update_state(*args, **kwargs)
        return self.result()


class Mean(Metric):
    """The mean of what it is given, ``Σwv / Σw``; 0 when it was given nothing.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Example:
        >>> mean = Mean()
        >>> mean([1.0, 3.0, 5.0, 7.0], sample_weight=[1, 1, 0, 0])
        tensor(2.)
    """

    def __init__(self, name: str | None = "mean", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), name="total")
        self.count = self.add_variable((), name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Take values in, one an example, with a weight each."""
        values = as_tensor(values).detach().to(torch.float32)
        if self.total.device != values.device:
            self.move_to(values.device)
        if sample_weight is None:
            # A mean over the further axes of each example, and the sum of those.
            count = values.shape[0] if values.ndim else 1
            self.total += values.sum() / (values.numel() / max(count, 1) or 1)
            self.count += count
            return
        weights = as_tensor(sample_weight).to(values)
        values, weights = squeeze_or_expand_to_same_rank(values, weights)
        if values.ndim > weights.ndim:
            values = values.mean(dim=tuple(range(weights.ndim, values.ndim)))
        weights = weights.broadcast_to(values.shape)
        values = values * weights
        if values.ndim > 1:
            further = tuple(range(1, values.ndim))
            values, weights = values.mean(dim=further), weights.mean(dim=further)
        self.total += values.sum()
        self.count += weights.sum()

    def result(self) -> torch.Tensor:
        """Return the metric of all that was taken in since the last reset."""
        return torch.where(self.count == 0, torch.zeros_like(self.total), self.total / self.count)


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
        values = self._fn(as_tensor(y_true), as_tensor(y_pred), **self._fn_kwargs)
        self._mean.update_state(values, sample_weight)

    @property
    def variables(self) -> list[torch.Tensor]:
        """The sums, in the order in which they were made."""
        return self._mean.variables

    def move_to(self, device: torch.device) -> None:
        """Move the sums to the device where the predictions are."""
        self._mean.move_to(device)

    def reset_state(self) -> None:
        """Begin anew, as at the start of an epoch."""
        self._mean.reset_state()

    def result(self) -> torch.Tensor:
        """Return the metric of all that was taken in since the last reset."""
        return self._mean.result()
