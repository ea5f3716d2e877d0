"""Bounds that a weight is put back into after each update."""

from collections.abc import Sequence
from typing import Any

import torch

from latih import config, registry
from latih.arguments import number, whole
from latih.registry import Configured, Table


class Constraint(Configured):
    """The base of constraints: an object that, called with a weight, gives the weight allowed."""

    keras_module = "keras.constraints"

    def __call__(self, w: torch.Tensor) -> torch.Tensor:
        """Return the nearest weight that is allowed."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(w)")


class MaxNorm(Constraint):
    """Keep the norm of each unit's incoming weights at most ``max_value``.

    ``w · clip(‖w‖, 0, m) / (ε + ‖w‖)``: as in Keras, weights inside the ball shrink by the factor
    ``‖w‖ / (ε + ‖w‖)`` too, a ten-millionth at norm one.

    Args:
        max_value: m, the radius, > 0.
        axis: the axes over which the norm is taken; 0 is a unit's inputs in a Dense kernel, None
            the whole weight.

    Shapes:
        w: any with these axes; returns: the same.

    Example:
        >>> MaxNorm(1.0)(torch.tensor([[3.0], [4.0]])).round(decimals=4)
        tensor([[0.6000],
                [0.8000]])

    Reference:
        Srivastava et al. 2014, "Dropout", section 5.1.
    """

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] | None = 0) -> None:
        number(max_value, "max_value", "MaxNorm", above=0)
        self.max_value, self.axis = max_value, _axis(axis, "MaxNorm")

    def __call__(self, w: torch.Tensor) -> torch.Tensor:
        """Return the nearest weight that is allowed."""
        norms = _norms(w, self.axis)
        return w * (norms.clamp(0, self.max_value) / (config.epsilon() + norms))


class NonNeg(Constraint):
    """Keep every weight at zero or above: ``max(w, 0)``.

    A net of such weights can only add evidence, which makes what it learned readable as parts.

    Shapes:
        w: any; returns: the same.

    Example:
        >>> NonNeg()(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])

    Reference:
        Lee & Seung 1999, "Learning the Parts of Objects by Non-negative Matrix Factorization".
    """

    def __call__(self, w: torch.Tensor) -> torch.Tensor:
        """Return the nearest weight that is allowed."""
        return w.clamp(min=0)


class UnitNorm(Constraint):
    """Keep the norm of each unit's incoming weights at one: ``w / (ε + ‖w‖)``.

    Args:
        axis: the axes over which the norm is taken; 0 is a unit's inputs in a Dense kernel, None
            the whole weight.

    Shapes:
        w: any with these axes; returns: the same.

    Example:
        >>> UnitNorm()(torch.tensor([[3.0], [4.0]])).round(decimals=4)
        tensor([[0.6000],
                [0.8000]])
    """

    def __init__(self, axis: int | Sequence[int] | None = 0) -> None:
        self.axis = _axis(axis, "UnitNorm")

    def __call__(self, w: torch.Tensor) -> torch.Tensor:
        """Return the nearest weight that is allowed."""
        return w / (config.epsilon() + _norms(w, self.axis))


class MinMaxNorm(Constraint):
    """Keep the norm of each unit's incoming weights between two bounds.

    ``w · (r clip(‖w‖, a, b) + (1 - r) ‖w‖) / (ε + ‖w‖)``: with a rate r below one, weights outside
    are led back over several updates.

    Args:
        min_value: a, the lower bound, >= 0.
        max_value: b, the upper bound, >= a.
        rate: r, how much of the way back one update goes, 0..1.
        axis: the axes over which the norm is taken; 0 is a unit's inputs in a Dense kernel, None
            the whole weight.

    Shapes:
        w: any with these axes; returns: the same.

    Raises:
        InputError: a bound is outside these.

    Example:
        >>> MinMaxNorm(0.5, 1.0, rate=0.5)(torch.tensor([[3.0], [4.0]])).round(decimals=4)
        tensor([[1.8000],
                [2.4000]])
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: int | Sequence[int] | None = 0,
    ) -> None:
        self.min_value = number(min_value, "min_value", "MinMaxNorm", least=0)
        self.max_value = number(max_value, "max_value", "MinMaxNorm", least=self.min_value)
        self.rate = number(rate, "rate", "MinMaxNorm", least=0, most=1)
        self.axis = _axis(axis, "MinMaxNorm")

    def __call__(self, w: torch.Tensor) -> torch.Tensor:
        """Return the nearest weight that is allowed."""
        norms = _norms(w, self.axis)
        desired = self.rate * norms.clamp(self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (desired / (config.epsilon() + norms))


def _axis(axis: Any, owner: str) -> int | Sequence[int] | None:
    for one in axis if isinstance(axis, Sequence) else [0 if axis is None else axis]:
        whole(one, "axis", owner)
    return axis


def _norms(w: torch.Tensor, axis: int | Sequence[int] | None) -> torch.Tensor:
    given = range(w.ndim) if axis is None else axis
    return (
        w.square().sum(dim=given if isinstance(given, int) else tuple(given), keepdim=True).sqrt()
    )


CONSTRAINTS: Table[Constraint] = Table(
    "constraint", Constraint, classes=[MaxNorm, NonNeg, UnitNorm, MinMaxNorm]
)

max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm
serialize = registry.serialize
deserialize = CONSTRAINTS.deserialize


def get(identifier: Any) -> Any:
    """Return the constraint that a name, a class, data or an object means.

    Example:
        >>> get("max_norm").max_value
        2
    """
    return CONSTRAINTS.get(identifier)
