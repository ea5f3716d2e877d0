"""Activations that weigh the units of a layer against each other.

One axis, or several taken as one.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from latih import ops
from latih.tensors import as_tensor


def softmax(x: Any, axis: int | Sequence[int] = -1) -> torch.Tensor:
    """Turn sums into probabilities: ``exp(xᵢ) / Σ exp(xⱼ)``.

    Args:
        x: a tensor.
        axis: the axis of the classes, or several that hold them.

    Example:
        >>> softmax(torch.tensor([0.0, 0.0]))
        tensor([0.5000, 0.5000])
    """
    x = as_tensor(x)
    return F.softmax(x, dim=axis) if isinstance(axis, int) else ops.softmax(x, axis)


def log_softmax(x: Any, axis: int | Sequence[int] = -1) -> torch.Tensor:
    """Logarithm of :func:`softmax`, exact where the probability is tiny.

    Args:
        x: a tensor.
        axis: the axis of the classes, or several that hold them.

    Example:
        >>> log_softmax(torch.tensor([0.0, 0.0]))
        tensor([-0.6931, -0.6931])
    """
    x = as_tensor(x)
    return F.log_softmax(x, dim=axis) if isinstance(axis, int) else ops.log_softmax(x, axis)


def glu(x: Any, axis: int = -1) -> torch.Tensor:
    """Gated linear unit: one half of the units, times the sigmoid of the other half.

    Args:
        x: a tensor whose axis is of even length.
        axis: the axis that is halved.

    Example:
        >>> glu(torch.tensor([2.0, 0.0]))
        tensor([1.])

    Reference:
        Dauphin et al. 2017, "Language Modeling with Gated Convolutional Networks", equation 1.
    """
    return ops.glu(as_tensor(x), axis)
