"""Activations that draw small values to zero, and their smooth and their straight neighbours."""

from typing import Any

import torch

from latih import ops
from latih.tensors import as_tensor


def soft_shrink(x: Any, threshold: float = 0.5) -> torch.Tensor:
    """Draw towards zero by a threshold, and no further: ``sign(x) max(|x| - θ, 0)``.

    Args:
        x: a tensor.
        threshold: θ, >= 0.

    Example:
        >>> soft_shrink(torch.tensor([-2.0, 0.25, 1.0]))
        tensor([-1.5000,  0.0000,  0.5000])
    """
    return ops.soft_shrink(as_tensor(x), threshold)


def hard_shrink(x: Any, threshold: float = 0.5) -> torch.Tensor:
    """Zero where ``|x| <= θ``, ``x`` elsewhere.

    Args:
        x: a tensor.
        threshold: θ, >= 0.

    Example:
        >>> hard_shrink(torch.tensor([-2.0, 0.25, 1.0]))
        tensor([-2.,  0.,  1.])
    """
    return ops.hard_shrink(as_tensor(x), threshold)


def tanh_shrink(x: Any) -> torch.Tensor:
    """What tanh cuts away: ``x - tanh(x)``.

    Example:
        >>> tanh_shrink(torch.tensor([0.0, 1.0]))
        tensor([0.0000, 0.2384])
    """
    return ops.tanh_shrink(as_tensor(x))


def threshold(x: Any, threshold: float, default_value: float) -> torch.Tensor:
    """``x`` above a threshold, another value elsewhere.

    Args:
        x: a tensor.
        threshold: above it, strictly, ``x`` stays.
        default_value: what stands elsewhere.

    Example:
        >>> threshold(torch.tensor([-1.0, 2.0]), 1.0, 0.0)
        tensor([0., 2.])
    """
    return ops.threshold(as_tensor(x), threshold, default_value)


def hard_tanh(x: Any) -> torch.Tensor:
    """``x``, kept between -1 and 1.

    Example:
        >>> hard_tanh(torch.tensor([-2.0, 0.5]))
        tensor([-1.0000,  0.5000])
    """
    return ops.hard_tanh(as_tensor(x))


def log_sigmoid(x: Any) -> torch.Tensor:
    """Logarithm of the sigmoid, exact where that is tiny: ``-log(1 + e⁻ˣ)``.

    Example:
        >>> log_sigmoid(torch.tensor([0.0]))
        tensor([-0.6931])
    """
    return ops.log_sigmoid(as_tensor(x))


def squareplus(x: Any, b: float = 4) -> torch.Tensor:
    """A smooth ReLU without an exponential: ``(x + √(x² + b)) / 2``.

    Args:
        x: a tensor.
        b: how smooth, >= 0; with 0 it is ReLU.

    Example:
        >>> squareplus(torch.tensor([0.0]))
        tensor([1.])

    Reference:
        Barron 2021, "Squareplus: A Softplus-Like Algebraic Rectifier", equation 1.
    """
    return ops.squareplus(as_tensor(x), b)


def sparse_plus(x: Any) -> torch.Tensor:
    """A smooth ReLU that is zero below -1: ``(x + 1)² / 4`` up to 1, ``x`` above.

    Example:
        >>> sparse_plus(torch.tensor([-2.0, 0.0, 2.0]))
        tensor([0.0000, 0.2500, 2.0000])
    """
    return ops.sparse_plus(as_tensor(x))


def sparse_sigmoid(x: Any) -> torch.Tensor:
    """A sigmoid of straight lines: ``(x + 1) / 2``, kept between 0 and 1.

    Example:
        >>> sparse_sigmoid(torch.tensor([-2.0, 0.0, 2.0]))
        tensor([0.0000, 0.5000, 1.0000])
    """
    return ops.sparse_sigmoid(as_tensor(x))
