"""Numbers brought to mean 0 and variance 1, or to length 1.

Example:
    >>> mean, variance = moments([1.0, 3.0], axes=0)
    >>> mean, variance
    (tensor(2.), tensor(1.))
"""

from collections.abc import Sequence
from typing import Any

import torch

from latih.config import epsilon as fuzz
from latih.errors import InputError
from latih.ops.conversion import axes, convert_to_tensor, floats


def moments(
    x: Any, axes: int | Sequence[int], keepdims: bool = False, synchronized: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean and the variance, divided by n.

    Args:
        x: the numbers.
        axes: over which they are taken.
        keepdims: whether these axes stay.
        synchronized: taken for Keras's sake; not over several processes.

    Raises:
        InputError: over several processes is what is asked for.
    """
    if synchronized:
        raise InputError("`synchronized` of moments is not to be had", expected="False", got="True")
    x = floats(x)
    dims = (axes,) if isinstance(axes, int) else tuple(axes)
    # Not E x² - (E x)²: that loses every digit where the mean is large.
    variance, mean = torch.var_mean(x, dim=dims, correction=0, keepdim=keepdims)
    return mean, variance


def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> torch.Tensor:
    """Return ``scale (x - mean) / √(variance + ε) + offset``, a number of each for each channel.

    Args:
        x: the numbers.
        mean: what is taken away.
        variance: by whose root is divided.
        axis: the axis of the channels.
        offset: what is added; None for 0.
        scale: what is multiplied by; None for 1.
        epsilon: ε.
    """
    x = floats(x)
    shape = [1] * x.ndim
    shape[axis] = -1
    factor = torch.rsqrt(convert_to_tensor(variance) + epsilon)
    if scale is not None:
        factor = factor * convert_to_tensor(scale)
    found = (x - convert_to_tensor(mean).reshape(shape)) * factor.reshape(shape)
    return found if offset is None else found + convert_to_tensor(offset).reshape(shape)


def layer_normalization(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: int | Sequence[int] = -1,
    epsilon: float | None = None,
) -> torch.Tensor:
    """Return ``γ (x - x̄) / √(σ² + ε) + β`` over axes of each example.

    Args:
        x: the numbers.
        gamma: γ; None for 1.
        beta: β; None for 0.
        axis: the axes.
        epsilon: ε; the fuzz factor by default.
    """
    mean, variance = moments(x, axis, keepdims=True)
    found = (floats(x) - mean) * torch.rsqrt(variance + (fuzz() if epsilon is None else epsilon))
    found = found if gamma is None else found * convert_to_tensor(gamma)
    return found if beta is None else found + convert_to_tensor(beta)


def rms_normalization(
    x: Any, scale: Any = None, axis: int | Sequence[int] = -1, epsilon: float | None = None
) -> torch.Tensor:
    """Return ``scale x / √(mean x² + ε)``.

    Args:
        x: the numbers.
        scale: what is multiplied by; None for 1.
        axis: the axes.
        epsilon: ε; the fuzz factor by default.
    """
    x = floats(x)
    power = torch.mean(x * x, dim=axes(axis), keepdim=True)
    found = x * torch.rsqrt(power + (fuzz() if epsilon is None else epsilon))
    return found if scale is None else found * convert_to_tensor(scale)


def normalize(x: Any, axis: int = -1, order: int = 2, epsilon: float | None = None) -> torch.Tensor:
    """Return ``x / max(‖x‖, ε)``.

    Args:
        x: the numbers.
        axis: over which the norm is taken.
        order: the norm's order, >= 1.
        epsilon: ε; the fuzz factor by default.

    Example:
        >>> normalize([3.0, 4.0])
        tensor([0.6000, 0.8000])
    """
    x = torch.atleast_1d(floats(x))
    least = fuzz() if epsilon is None else epsilon
    if order != 2:
        size = torch.linalg.vector_norm(x, ord=order, dim=axis, keepdim=True)
        return x / torch.clamp(size, min=least)
    squares = torch.sum(x * x, dim=axis, keepdim=True)
    return x * torch.clamp(torch.rsqrt(squares), max=1.0 / least)
