"""What units and losses of nets calculate.

Here ``gelu`` is the approximate one by default, as Keras has it; the activation of that name is
exact.

Example:
    >>> softmax([0.0, 0.0])
    tensor([0.5000, 0.5000])
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from latih.config import epsilon as fuzz
from latih.errors import InputError
from latih.ops.conversion import convert_to_tensor, floats
from latih.ops.log_loss import log_loss

# Units


def relu(x: Any) -> torch.Tensor:
    """Return ``max(0, x)``."""
    return F.relu(convert_to_tensor(x))


def relu6(x: Any) -> torch.Tensor:
    """Return ``min(max(0, x), 6)``."""
    return F.relu6(convert_to_tensor(x))


def leaky_relu(x: Any, negative_slope: float = 0.2) -> torch.Tensor:
    """Return ``x``, times a slope below 0."""
    return F.leaky_relu(floats(x), negative_slope)


def elu(x: Any, alpha: float = 1.0) -> torch.Tensor:
    """Return ``x``, and ``α (eˣ - 1)`` below 0."""
    return F.elu(floats(x), alpha)


def selu(x: Any) -> torch.Tensor:
    """Return :func:`elu` scaled so that units keep mean 0 and variance 1."""
    return F.selu(floats(x))


def celu(x: Any, alpha: float = 1.0) -> torch.Tensor:
    """Return ``max(0, x) + min(0, α (exp(x/α) - 1))``."""
    return F.celu(floats(x), alpha)


def gelu(x: Any, approximate: bool = True) -> torch.Tensor:
    """Return ``x Φ(x)``, with Φ by a tanh or, if not approximate, exact."""
    return F.gelu(floats(x), approximate="tanh" if approximate else "none")


def silu(x: Any) -> torch.Tensor:
    """Return ``x`` times its sigmoid."""
    return F.silu(floats(x))


swish = silu


def mish(x: Any) -> torch.Tensor:
    """Return ``x tanh(softplus(x))``."""
    return F.mish(floats(x))


def glu(x: Any, axis: int = -1) -> torch.Tensor:
    """Return one half of ``x`` along an axis, times the sigmoid of the other."""
    return F.glu(floats(x), dim=axis)


def sigmoid(x: Any) -> torch.Tensor:
    """Return ``1 / (1 + e⁻ˣ)``."""
    return torch.sigmoid(floats(x))


def log_sigmoid(x: Any) -> torch.Tensor:
    """Return the logarithm of the sigmoid, exact far below 0."""
    return F.logsigmoid(floats(x))


def hard_sigmoid(x: Any) -> torch.Tensor:
    """Return ``relu6(x + 3) / 6``."""
    return F.hardsigmoid(floats(x))


def hard_silu(x: Any) -> torch.Tensor:
    """Return ``x`` times its hard sigmoid."""
    return F.hardswish(floats(x))


hard_swish = hard_silu


def hard_tanh(x: Any) -> torch.Tensor:
    """Return ``x`` between -1 and 1."""
    return F.hardtanh(floats(x))


def hard_shrink(x: Any, threshold: float = 0.5) -> torch.Tensor:
    """Return ``x``, and 0 where it is no larger than a threshold on either side."""
    return F.hardshrink(floats(x), threshold)


def soft_shrink(x: Any, threshold: float = 0.5) -> torch.Tensor:
    """Return ``x`` drawn towards 0 by a threshold, and no further."""
    return F.softshrink(floats(x), threshold)


def tanh_shrink(x: Any) -> torch.Tensor:
    """Return ``x - tanh(x)``."""
    return F.tanhshrink(floats(x))


def threshold(x: Any, threshold: float, default_value: float) -> torch.Tensor:
    """Return ``x`` above a threshold, and another value elsewhere."""
    return F.threshold(convert_to_tensor(x), threshold, default_value)


def softplus(x: Any) -> torch.Tensor:
    """Return ``log(1 + eˣ)``."""
    return F.softplus(floats(x))


def softsign(x: Any) -> torch.Tensor:
    """Return ``x / (1 + |x|)``."""
    return F.softsign(floats(x))


def squareplus(x: Any, b: float = 4) -> torch.Tensor:
    """Return ``(x + √(x² + b)) / 2``."""
    x = floats(x)
    return (x + torch.sqrt(x * x + b)) / 2


def sparse_plus(x: Any) -> torch.Tensor:
    """Return 0 below -1, ``x`` above 1, and ``(x + 1)² / 4`` between."""
    x = floats(x)
    return torch.where(x <= -1, 0.0, torch.where(x < 1, (x + 1) ** 2 / 4, x))


def sparse_sigmoid(x: Any) -> torch.Tensor:
    """Return 0 below -1, 1 above 1, and ``(x + 1) / 2`` between."""
    return torch.clamp((floats(x) + 1) / 2, 0.0, 1.0)


def softmax(x: Any, axis: int | Sequence[int] | None = -1) -> torch.Tensor:
    """Return ``exp xᵢ / Σ exp xⱼ`` over an axis, over several, or over all for None."""
    return _over(F.softmax, floats(x), axis)


def log_softmax(x: Any, axis: int | Sequence[int] | None = -1) -> torch.Tensor:
    """Return the logarithm of :func:`softmax`, exact where that is small."""
    return _over(F.log_softmax, floats(x), axis)


def _over(function: Any, x: torch.Tensor, axis: int | Sequence[int] | None) -> torch.Tensor:
    if isinstance(axis, int):
        return function(x, dim=axis)
    last = range(x.ndim) if axis is None else [place % x.ndim for place in axis]
    order = [place for place in range(x.ndim) if place not in last] + list(last)
    moved = x.permute(order)
    found = function(moved.reshape((*moved.shape[: x.ndim - len(last)], -1)), dim=-1)
    back = [order.index(place) for place in range(x.ndim)]
    return found.reshape(moved.shape).permute(back)


# Losses of probabilities


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> torch.Tensor:
    """Return ``-t log p - (1 - t) log(1 - p)``, with p kept away from 0 and 1.

    Args:
        target: t, 0..1.
        output: p, or its logit.
        from_logits: which of the two.
    """
    target, output = _same_shape(convert_to_tensor(target), floats(output))
    target = target.to(output.dtype)
    if from_logits:
        return F.binary_cross_entropy_with_logits(output, target, reduction="none")
    output = torch.clip(output, fuzz(), 1.0 - fuzz())
    return log_loss(output, target)


def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> torch.Tensor:
    """Return ``-Σ t log p``, with p made to sum to 1 and kept away from 0 and 1.

    Args:
        target: t, a probability for each class.
        output: p, or its logits.
        from_logits: which of the two.
        axis: the axis of the classes.
    """
    target, output = _same_shape(convert_to_tensor(target), floats(output))
    return -torch.sum(target * _log_probabilities(output, from_logits, axis), dim=axis)


def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> torch.Tensor:
    """Return ``-log p`` of the class that is right.

    Args:
        target: the class of each example.
        output: p, or its logits.
        from_logits: which of the two.
        axis: the axis of the classes.
    """
    target, output = convert_to_tensor(target).to(torch.int64), floats(output)
    if target.ndim == output.ndim and target.shape[axis] == 1:
        target = target.squeeze(axis)
    rest = [size for place, size in enumerate(output.shape) if place != axis % output.ndim]
    if list(target.shape) != rest:
        raise InputError(
            "targets and outputs do not fit", expected=f"targets {rest}", got=str([*target.shape])
        )
    logs = _log_probabilities(output, from_logits, axis)
    return -torch.gather(logs, axis, target.unsqueeze(axis)).squeeze(axis)


def _same_shape(target: torch.Tensor, output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    if target.shape != output.shape:
        raise InputError(
            "targets and outputs do not fit",
            expected="the same shape",
            got=f"{tuple(target.shape)} and {tuple(output.shape)}",
        )
    return target, output


def _log_probabilities(output: torch.Tensor, from_logits: bool, axis: int) -> torch.Tensor:
    if from_logits:
        return F.log_softmax(output, dim=axis)
    output = output / torch.sum(output, dim=axis, keepdim=True)
    return torch.log(torch.clip(output, fuzz(), 1.0 - fuzz()))


def psnr(x1: Any, x2: Any, max_val: float) -> torch.Tensor:
    """Return ``20 log₁₀ max - 10 log₁₀ mean (x1 - x2)²``: how little of a picture is noise.

    Args:
        x1: a picture.
        x2: another one.
        max_val: the largest value that a pixel can have.
    """
    x1, x2 = _same_shape(floats(x1), floats(x2))
    error = torch.mean((x1 - x2) ** 2)
    return 20 * torch.log10(convert_to_tensor(max_val).to(x1.dtype)) - 10 * torch.log10(error)
