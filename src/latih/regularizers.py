"""Penalties on weights, added to the loss: the price of a weight must be paid by the fit.

They are summed over the weights and not divided by the batch: ``L2(λ)`` adds ``λ Σ w²`` (no half),
so its gradient is ``2λw``; a weight decay of λ in torch's sense is ``L2(λ / 2)``.
"""

from typing import Any, Literal

import torch
import torch.nn.functional as F

from latih import config, registry
from latih.arguments import number, one_of
from latih.errors import InputError
from latih.registry import Configured, Table


class Regularizer(Configured):
    """The base of penalties: an object that, called with a weight, gives a number."""

    keras_module = "keras.regularizers"

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return the penalty of this weight."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(x)")


class L1(Regularizer):
    """``l1 Σ |w|``: drives weights to exactly zero.

    Args:
        l1: the price, >= 0.

    Example:
        >>> L1(0.1)(torch.tensor([-1.0, 2.0]))
        tensor(0.3000)

    Reference:
        Tibshirani 1996 (the lasso).
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _price("l1", l1)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return the penalty of this weight."""
        return self.l1 * x.abs().sum()


class L2(Regularizer):
    """``l2 Σ w²``: keeps weights small.

    Args:
        l2: the price, >= 0.

    Example:
        >>> L2(0.1)(torch.tensor([-1.0, 2.0]))
        tensor(0.5000)

    Reference:
        Krogh & Hertz 1991, "A Simple Weight Decay Can Improve Generalization".
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _price("l2", l2)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return the penalty of this weight."""
        return self.l2 * x.square().sum()


class L1L2(Regularizer):
    """``l1 Σ |w| + l2 Σ w²``, also called elastic net.

    Args:
        l1: the price of the absolute values, >= 0.
        l2: the price of the squares, >= 0.

    Example:
        >>> L1L2(l1=0.1, l2=0.1)(torch.tensor([-1.0, 2.0]))
        tensor(0.8000)

    Reference:
        Zou & Hastie 2005.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = _price("l1", 0.0 if l1 is None else l1)
        self.l2 = _price("l2", 0.0 if l2 is None else l2)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return the penalty of this weight."""
        penalty = torch.zeros((), dtype=x.dtype, device=x.device)
        if self.l1:
            penalty = penalty + self.l1 * x.abs().sum()
        if self.l2:
            penalty = penalty + self.l2 * x.square().sum()
        return penalty


class OrthogonalRegularizer(Regularizer):
    """Draw the rows, or the columns, of a matrix apart until they stand at right angles.

    ``factor · mean |cos|`` of the angles between all pairs of them, whatever their lengths. A
    matrix with one row has no pairs and no penalty.

    Args:
        factor: the price, >= 0.
        mode: ``"rows"`` or ``"columns"``; a unit of a Dense layer is a column of its kernel.

    Shapes:
        x: a matrix.

    Raises:
        InputError: the weight is no matrix.

    Example:
        >>> OrthogonalRegularizer(0.1)(torch.tensor([[1.0, 0.0], [3.0, 4.0]]))
        tensor(0.0600)

    Reference:
        Brock et al. 2017, "Neural Photo Editing with Introspective Adversarial Networks",
        section 3.3, where the lengths count too.
    """

    def __init__(self, factor: float = 0.01, mode: Literal["rows", "columns"] = "rows") -> None:
        self.factor = _price("factor", factor)
        self.mode = one_of(mode, "mode", "OrthogonalRegularizer", ("rows", "columns"))

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return the penalty of this weight."""
        if x.ndim != 2:
            raise InputError(
                "OrthogonalRegularizer can only judge a matrix",
                expected="a weight of two axes",
                got=f"shape {tuple(x.shape)}",
                fix="Put it on the kernel of a Dense layer.",
            )
        rows = F.normalize(x if self.mode == "rows" else x.T, dim=1, eps=config.epsilon())
        cosines = (rows @ rows.T).fill_diagonal_(0)
        return self.factor * cosines.abs().sum() / max(1, len(rows) * (len(rows) - 1))


def _price(name: str, value: float) -> float:
    return number(value, name, "a regularizer", least=0)


REGULARIZERS: Table[Regularizer] = Table(
    "regularizer", Regularizer, classes=[L1, L2, L1L2, OrthogonalRegularizer]
)

l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer
serialize = registry.serialize
deserialize = REGULARIZERS.deserialize


def get(identifier: Any) -> Any:
    """Return the regularizer that a name, a class, data or an object means.

    Example:
        >>> get("l2").l2
        0.01
    """
    return REGULARIZERS.get(identifier)
