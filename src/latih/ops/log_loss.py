"""The logarithm of a probability, read off a target of yes or no, where a NaN stays a NaN."""

import torch
import torch.nn.functional as F

_INTO = torch.ops.aten.binary_cross_entropy.out
NO_REDUCTION = 0
"""PyTorch's number for a value for each example."""


def log_loss(probability: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return ``-t log p - (1 - t) log(1 - p)`` of each probability.

    PyTorch refuses a NaN by an error that names neither layer nor step. Here it goes on as NaN, as
    in every other loss, so that whoever watches the loss can see it and say where it came from.

    Args:
        probability: p, between 0 and 1.
        target: t, 0..1.

    Raises:
        RuntimeError: one of them lies outside 0..1.

    Example:
        >>> log_loss(torch.tensor([0.5, float("nan")]), torch.tensor([1.0, 1.0]))
        tensor([0.6931,    nan])
    """
    try:
        return F.binary_cross_entropy(probability, target, reduction="none")
    except RuntimeError:
        if not has_nan(probability, target):
            raise
        return (target - 1.0) * (-probability).log1p() - target * probability.log()


def log_loss_into(probability: torch.Tensor, target: torch.Tensor, out: torch.Tensor) -> None:
    """Write :func:`log_loss` into memory that is there.

    Args:
        probability: p, between 0 and 1.
        target: t, 0..1.
        out: where it is written.
    """
    try:
        _INTO(probability, target, None, NO_REDUCTION, out=out)
    except RuntimeError:
        if not has_nan(probability, target):
            raise
        torch.addcmul(
            (target - 1.0) * (-probability).log1p(), target, probability.log(), value=-1, out=out
        )


def has_nan(*tensors: torch.Tensor) -> bool:
    """Say whether there is a NaN in one of them."""
    return any(bool(one.isnan().any()) for one in tensors)
