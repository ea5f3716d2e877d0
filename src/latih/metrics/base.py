"""A metric is a running sum: it takes batches, and says a number when asked."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch

from latih import registry
from latih.errors import InputError
from latih.losses import squeeze_or_expand_to_same_rank
from latih.registry import Configured, to_snake_case
from latih.structures import inside
from latih.tensors import as_tensor
from latih.variables import Variable

T = TypeVar("T")

WHOLE = ("int", "int32", "int64")
"""Types of Keras for whole numbers; all are counted in 64 bits, as 32 overflow with images."""


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
        ...         return self.seen.clone()
        >>> count = Count()
        >>> count([1, 2, 3], [1, 2, 3])
        tensor(3.)
    """

    keras_module = "keras.metrics"

    def __init__(self, dtype: str | None = None, name: str | None = None) -> None:
        registry.require_float32(dtype, type(self).__name__)
        self.name = name or to_snake_case(type(self).__name__)
        self._dtype = "float32"
        self._variables: list[Variable] = []
        self._starts: list[torch.Tensor] = []
        self._awaiting: list[torch.Tensor] = []

    @property
    def dtype(self) -> str:
        """The type that the metric counts in."""
        return self._dtype

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = None,
        dtype: str | None = None,
        name: str | None = None,
    ) -> Variable:
        """Make one of the sums; it is zero, or as ``initializer`` gives, at each reset.

        Args:
            shape: the sum's shape.
            initializer: how it starts, an initializer or the numbers; None for zeros.
            dtype: ``"float32"``, as by default, or one of :data:`WHOLE` for counts without end.
            name: what it is called.

        Returns:
            The variable; change it in place, by ``+=`` or ``assign``.
        """
        if dtype not in WHOLE:
            registry.require_float32(dtype, type(self).__name__)
        kind = "int64" if dtype in WHOLE else "float32"
        start = "zeros" if initializer is None else initializer
        variable = Variable(start, tuple(shape), kind, trainable=False, name=name)
        self._variables.append(variable)
        self._starts.append(variable.detach().clone())
        if self._awaiting:
            variable.assign(self._awaiting.pop(0))
        return variable

    add_weight = add_variable

    @property
    def variables(self) -> list[Variable]:
        """The sums, in the order in which they were made; then those of metrics inside this one."""
        known = {id(variable) for variable in self._variables}
        further = [one for one in self._kept(Variable) if id(one) not in known]
        inner = [one for metric in self._kept(Metric) for one in metric.variables]
        return [*self._variables, *further, *inner]

    def _kept(self, kind: type[T]) -> list[T]:
        """Return the attributes of a kind, those in lists and mappings too."""
        return list(inside([v for name, v in vars(self).items() if name != "_variables"], kind))

    def make_sums(self, outputs: tuple[int, ...]) -> None:
        """Make the sums, where their shapes follow from the predictions; else it has them already.

        Args:
            outputs: the predictions' shape without the examples' axis.
        """

    def get_ready(self, outputs: tuple[int, ...]) -> None:
        """Make the sums unless they are there: a step in which they came would not be recorded.

        Args:
            outputs: the predictions' shape without the examples' axis.
        """
        if not self.variables:
            self.make_sums(outputs)

    def go_on_from(self, sums: Sequence[torch.Tensor]) -> None:
        """Go on from the sums of a metric like this one.

        Args:
            sums: numbers for :attr:`variables`, in their order. Where this one has made none yet,
                it makes them; none are those of one that has seen no batch.

        Raises:
            InputError: there are more or fewer than the metric has.
        """
        if not sums:
            self.reset_state()
            return
        # A sum for each output has these for its last axis, or there is one for all of them.
        self.get_ready(tuple(sums[-1].shape[-1:]))
        if not self.variables:  # of a metric of the user's, which makes them as it is updated
            self._awaiting = list(sums)
            return
        self._require_as_many(sums)
        for variable, value in zip(self.variables, sums, strict=True):
            variable.assign(value)

    def reset_state(self) -> None:
        """Begin anew, as at the start of an epoch."""
        self._awaiting = []
        starts = zip(self._variables, self._starts, strict=True)
        known = {id(variable): start for variable, start in starts}
        for variable in self.variables:
            start = known.get(id(variable))
            variable.assign(torch.zeros_like(variable) if start is None else start)

    def move_to(self, device: torch.device) -> None:
        """Move the sums to the device where the predictions are."""
        for variable in self._variables:
            if variable.device != device:
                variable.data = variable.data.to(device)

    # Keras's face for code that carries the sums itself

    def stateless_update_state(
        self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any
    ) -> list[torch.Tensor]:
        """Return what sums become with a batch, and leave the metric's own as they are.

        Args:
            metric_variables: numbers for :attr:`variables`, in their order.
            args: what :meth:`update_state` takes.
            kwargs: the same by name.
        """
        with self._holding(metric_variables):
            self.update_state(*args, **kwargs)
            return [variable.detach().clone() for variable in self.variables]

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """Return the metric of other sums than its own."""
        with self._holding(metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list[torch.Tensor]:
        """Return the sums of a metric that has seen nothing."""
        with self._holding([variable.detach().clone() for variable in self.variables]):
            self.reset_state()
            return [variable.detach().clone() for variable in self.variables]

    def _require_as_many(self, sums: Sequence[Any]) -> None:
        if len(sums) != len(self.variables):
            raise InputError(
                f"the sums do not fit the metric {self.name!r}",
                expected=f"{len(self.variables)}, as many as it has variables",
                got=str(len(sums)),
            )

    @contextmanager
    def _holding(self, values: Sequence[Any]) -> Generator[None]:
        self._require_as_many(values)
        own = [variable.detach().clone() for variable in self.variables]
        try:
            for variable, value in zip(self.variables, values, strict=True):
                variable.assign(value)
            yield
        finally:
            for variable, value in zip(self.variables, own, strict=True):
                variable.assign(value)

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
        self.move_to(values.device)
        if sample_weight is None:
            # A mean over the further axes of each example, and the sum of those.
            count = values.shape[0] if values.ndim else 1
            further = values.numel() // max(count, 1) or 1
            self.total += values.sum() if further == 1 else values.sum() / further
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
        return safe_divide(self.total, self.count)


class Sum(Metric):
    """The sum of what it is given, ``Σwv``.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Example:
        >>> total = Sum()
        >>> total([1.0, 3.0, 5.0, 7.0], sample_weight=[1, 1, 0, 0])
        tensor(4.)
    """

    def __init__(self, name: str | None = "sum", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Take values in, one an example, with a weight each."""
        values = as_tensor(values).detach().to(torch.float32)
        self.move_to(values.device)
        if sample_weight is not None:
            weights = as_tensor(sample_weight).to(values)
            values, weights = squeeze_or_expand_to_same_rank(values, weights)
            if values.ndim > weights.ndim:
                values = values.sum(dim=tuple(range(weights.ndim, values.ndim)))
            values = values * weights
        self.total += values.sum()

    def result(self) -> torch.Tensor:
        """Return the metric of all that was taken in since the last reset."""
        return self.total.clone()


def safe_divide(numerator: torch.Tensor, denominator: torch.Tensor) -> torch.Tensor:
    """Divide; what is divided by zero is zero.

    Example:
        >>> safe_divide(torch.tensor([1.0, 1.0]), torch.tensor([2.0, 0.0]))
        tensor([0.5000, 0.0000])
    """
    nothing = denominator == 0
    return (numerator / denominator.masked_fill(nothing, 1)).masked_fill(nothing, 0)
