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
        for one in axis if isinstance(axis, Sequence) else [axis or 0]:
            whole(one, "axis", "MaxNorm")
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: torch.Tensor) -> torch.Tensor:
        """Return the nearest weight that is allowed."""
        given = range(w.ndim) if self.axis is None else self.axis
        axis = given if isinstance(given, int) else tuple(given)
        norms = w.square().sum(dim=axis, keepdim=True).sqrt()
        return w * (norms.clamp(0, self.max_value) / (config.epsilon() + norms))


CONSTRAINTS: Table[Constraint] = Table("constraint", Constraint, classes=[MaxNorm])

max_norm = MaxNorm
serialize = registry.serialize
deserialize = CONSTRAINTS.deserialize


def get(identifier: Any) -> Any:
    """Return the constraint that a name, a class, data or an object means.

    Example:
        >>> get("max_norm").max_value
        2
    """
    return CONSTRAINTS.get(identifier)
