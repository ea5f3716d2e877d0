"""Questions about numbers, whose answers are truths, and choices that follow from them.

Example:
    >>> where(greater([1.0, -1.0], 0), 1.0, 0.0)
    tensor([1., 0.])
"""

from typing import Any

import torch

from latih.ops.conversion import alike, convert_to_tensor


def equal(x1: Any, x2: Any) -> torch.Tensor:
    """Say where ``x1 = x2``."""
    return torch.eq(*alike(x1, x2))


def not_equal(x1: Any, x2: Any) -> torch.Tensor:
    """Say where ``x1 ≠ x2``."""
    return torch.ne(*alike(x1, x2))


def less(x1: Any, x2: Any) -> torch.Tensor:
    """Say where ``x1 < x2``."""
    return torch.lt(*alike(x1, x2))


def less_equal(x1: Any, x2: Any) -> torch.Tensor:
    """Say where ``x1 ≤ x2``."""
    return torch.le(*alike(x1, x2))


def greater(x1: Any, x2: Any) -> torch.Tensor:
    """Say where ``x1 > x2``."""
    return torch.gt(*alike(x1, x2))


def greater_equal(x1: Any, x2: Any) -> torch.Tensor:
    """Say where ``x1 ≥ x2``."""
    return torch.ge(*alike(x1, x2))


def isclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> torch.Tensor:
    """Say where ``|x1 - x2| ≤ atol + rtol |x2|``."""
    x1, x2 = alike(x1, x2)
    return torch.isclose(x1, x2, rtol=rtol, atol=atol, equal_nan=equal_nan)


def isfinite(x: Any) -> torch.Tensor:
    """Say where ``x`` is neither NaN nor infinite."""
    return torch.isfinite(convert_to_tensor(x))


def isinf(x: Any) -> torch.Tensor:
    """Say where ``x`` is infinite."""
    return torch.isinf(convert_to_tensor(x))


def isnan(x: Any) -> torch.Tensor:
    """Say where ``x`` is not a number."""
    return torch.isnan(convert_to_tensor(x))


def logical_and(x1: Any, x2: Any) -> torch.Tensor:
    """Say where both hold."""
    return torch.logical_and(convert_to_tensor(x1), convert_to_tensor(x2))


def logical_or(x1: Any, x2: Any) -> torch.Tensor:
    """Say where one holds, or both."""
    return torch.logical_or(convert_to_tensor(x1), convert_to_tensor(x2))


def logical_xor(x1: Any, x2: Any) -> torch.Tensor:
    """Say where one holds, and not both."""
    return torch.logical_xor(convert_to_tensor(x1), convert_to_tensor(x2))


def logical_not(x: Any) -> torch.Tensor:
    """Say where ``x`` does not hold."""
    return torch.logical_not(convert_to_tensor(x))


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """Return ``x1`` where a condition holds and ``x2`` elsewhere.

    Args:
        condition: truths.
        x1: what stands where they hold; left out together with ``x2``.
        x2: what stands elsewhere.

    Returns:
        The choice; without ``x1`` and ``x2`` the places where the condition holds, an axis each.
    """
    condition = convert_to_tensor(condition).to(torch.bool)
    if x1 is None or x2 is None:
        return torch.where(condition)
    return torch.where(condition, *alike(x1, x2))


def nonzero(x: Any) -> torch.Tensor:
    """Return the places of what is not 0, a row for each axis."""
    return torch.nonzero(convert_to_tensor(x)).T.to(torch.int32)


def in_top_k(targets: Any, predictions: Any, k: int) -> torch.Tensor:
    """Say for each row whether fewer than ``k`` predictions are above the target's.

    Args:
        targets: the classes, ``(n,)``.
        predictions: their scores, ``(n, classes)``.
        k: how many places count.

    Example:
        >>> in_top_k([1, 1], [[0.1, 0.2, 0.7], [0.5, 0.1, 0.4]], k=2)
        tensor([ True, False])
    """
    targets = convert_to_tensor(targets).to(torch.int64)
    scores = convert_to_tensor(predictions)
    # A class that is tied with the last place is in, as in Keras.
    last = torch.topk(scores, k, dim=-1).values.min(dim=-1).values
    return scores.gather(-1, targets[..., None])[..., 0] >= last
