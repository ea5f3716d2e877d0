"""Activations that look at each unit alone: the rectifiers and the squashing ones."""

from typing import Any

import torch
import torch.nn.functional as F

from latih.tensors import as_tensor


def linear(x: Any) -> torch.Tensor:
    """Return ``x`` as it is: the output of a regression.

    Example:
        >>> linear(torch.tensor([-1.0]))
        tensor([-1.])
    """
    return as_tensor(x)


def relu(
    x: Any,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> torch.Tensor:
    """Rectified linear unit: ``max(0, x)`` with the defaults.

    Cheap, and its gradient is one wherever it is active; but a unit that is negative on every
    example gets none at all and is dead.

    ``max_value`` where ``x >= max_value``; ``x`` where ``threshold <= x < max_value``;
    ``negative_slope * (x - threshold)`` elsewhere.

    Args:
        x: a tensor.
        negative_slope: the slope below the threshold.
        max_value: where it saturates; None for nowhere.
        threshold: below it the unit is off.

    Example:
        >>> relu(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([0., 0., 2.])

    Reference:
        Nair & Hinton 2010; as Keras parametrises it.
    """
    x = as_tensor(x)
    if negative_slope == 0.0 and threshold == 0.0:
        if max_value == 6.0:
            return F.relu6(x)  # whose gradient is one kernel, where that of clamp() is four
        return F.relu(x) if max_value is None else torch.clamp(x, 0.0, max_value)
    below = negative_slope * (x - threshold) if negative_slope else torch.zeros_like(x)
    inside = x if max_value is None else torch.clamp(x, max=max_value)
    return torch.where(x > threshold, inside, below)


def relu6(x: Any) -> torch.Tensor:
    """ReLU that saturates at six: ``min(max(0, x), 6)``.

    Example:
        >>> relu6(torch.tensor([-1.0, 9.0]))
        tensor([0., 6.])
    """
    return F.relu6(as_tensor(x))


def leaky_relu(x: Any, negative_slope: float = 0.2) -> torch.Tensor:
    """ReLU with a slope on the negative side, so that no unit dies: ``max(αx, x)``.

    Args:
        x: a tensor.
        negative_slope: α. Keras's function has 0.2, its layer 0.3.

    Example:
        >>> leaky_relu(torch.tensor([-1.0, 2.0]))
        tensor([-0.2000,  2.0000])

    Reference:
        Maas et al. 2013, "Rectifier Nonlinearities Improve Neural Network Acoustic Models".
    """
    return F.leaky_relu(as_tensor(x), negative_slope)


def elu(x: Any, alpha: float = 1.0) -> torch.Tensor:
    """Exponential linear unit: ``x`` above zero, ``α(exp(x) - 1)`` below.

    Its mean output is nearer zero than ReLU's, which keeps the next layer's gradient healthy.

    Args:
        x: a tensor.
        alpha: the value it approaches on the negative side, with its sign changed.

    Example:
        >>> elu(torch.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])

    Reference:
        Clevert et al. 2016, equation 15.
    """
    return F.elu(as_tensor(x), alpha)


def selu(x: Any) -> torch.Tensor:
    """Scaled ELU: keeps mean 0 and variance 1 through a plain stack of LeCun-normal layers.

    Example:
        >>> selu(torch.tensor([0.0, 1.0]))
        tensor([0.0000, 1.0507])

    Reference:
        Klambauer et al. 2017, equation 2: λ = 1.0507, α = 1.6733.
    """
    return F.selu(as_tensor(x))


def celu(x: Any, alpha: float = 1.0) -> torch.Tensor:
    """ELU with a continuous slope for every α: ``max(0, x) + min(0, α(exp(x/α) - 1))``.

    Args:
        x: a tensor.
        alpha: α, which the outputs approach on the negative side, with its sign changed.

    Example:
        >>> celu(torch.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])

    Reference:
        Barron 2017, "Continuously Differentiable Exponential Linear Units".
    """
    return F.celu(as_tensor(x), alpha)


def gelu(x: Any, approximate: bool = False) -> torch.Tensor:
    """Gaussian error linear unit: ``x Φ(x)``.

    Args:
        x: a tensor.
        approximate: the tanh form instead of the exact one.

    Example:
        >>> gelu(torch.tensor([1.0]))
        tensor([0.8413])

    Reference:
        Hendrycks & Gimpel 2016.
    """
    return F.gelu(as_tensor(x), approximate="tanh" if approximate else "none")


def silu(x: Any) -> torch.Tensor:
    """Sigmoid linear unit, also called swish: ``x σ(x)``.

    Example:
        >>> silu(torch.tensor([1.0]))
        tensor([0.7311])

    Reference:
        Ramachandran et al. 2017.
    """
    return F.silu(as_tensor(x))


def mish(x: Any) -> torch.Tensor:
    """Mish: ``x tanh(softplus(x))``.

    Example:
        >>> mish(torch.tensor([1.0]))
        tensor([0.8651])

    Reference:
        Misra 2019.
    """
    return F.mish(as_tensor(x))


def sigmoid(x: Any) -> torch.Tensor:
    """Logistic function ``1 / (1 + exp(-x))``: the output of a binary classifier.

    Inside a deep net it saturates: its slope is at most a quarter.

    Example:
        >>> sigmoid(torch.tensor([0.0]))
        tensor([0.5000])
    """
    return torch.sigmoid(as_tensor(x))


def hard_sigmoid(x: Any) -> torch.Tensor:
    """Piecewise linear sigmoid: ``relu6(x + 3) / 6``.

    Example:
        >>> hard_sigmoid(torch.tensor([-4.0, 0.0, 4.0]))
        tensor([0.0000, 0.5000, 1.0000])
    """
    return F.hardsigmoid(as_tensor(x))


def tanh(x: Any) -> torch.Tensor:
    """Hyperbolic tangent: a sigmoid from -1 to 1, centred on zero.

    Example:
        >>> tanh(torch.tensor([0.0]))
        tensor([0.])
    """
    return torch.tanh(as_tensor(x))


def softplus(x: Any) -> torch.Tensor:
    """Smooth ReLU: ``log(1 + exp(x))``; an output that must be positive.

    Example:
        >>> softplus(torch.tensor([0.0]))
        tensor([0.6931])
    """
    return F.softplus(as_tensor(x))


def softsign(x: Any) -> torch.Tensor:
    """``x / (1 + |x|)``: saturates more slowly than tanh.

    Example:
        >>> softsign(torch.tensor([1.0]))
        tensor([0.5000])
    """
    return F.softsign(as_tensor(x))


def exponential(x: Any) -> torch.Tensor:
    """``exp(x)``.

    Example:
        >>> exponential(torch.tensor([0.0]))
        tensor([1.])
    """
    return torch.exp(as_tensor(x))


def hard_silu(x: Any) -> torch.Tensor:
    """Piecewise form of :func:`silu`, also called hard swish: ``x relu6(x + 3) / 6``.

    Example:
        >>> hard_silu(torch.tensor([1.0]))
        tensor([0.6667])

    Reference:
        Howard et al. 2019, "Searching for MobileNetV3", section 5.2.
    """
    return F.hardswish(as_tensor(x))


swish = silu
hard_swish = hard_silu
