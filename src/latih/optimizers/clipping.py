"""Gradients cut to size, so that one steep place does not throw the weights away."""

from collections.abc import Iterable

import torch


def by_value(gradients: torch.Tensor, limit: float) -> None:
    """Bring every number into ``[-limit, limit]``, in place.

    Example:
        >>> gradients = torch.tensor([-3.0, 0.5])
        >>> by_value(gradients, 1.0)
        >>> gradients
        tensor([-1.0000,  0.5000])
    """
    gradients.clamp_(-limit, limit)


def by_norm(gradients: Iterable[torch.Tensor], limit: float) -> None:
    """Scale each weight's gradient whose norm exceeds the limit down to it: ``g c / max(‖g‖, c)``.

    Example:
        >>> gradient = torch.tensor([3.0, 4.0])
        >>> by_norm([gradient], 1.0)
        >>> gradient
        tensor([0.6000, 0.8000])

    Reference:
        Pascanu et al. 2013, algorithm 1, weight by weight.
    """
    for gradient in gradients:
        gradient.mul_(limit / gradient.norm().clamp(min=limit))


def by_global_norm(gradients: torch.Tensor, limit: float) -> None:
    """Scale all gradients down together if the norm of all exceeds the limit.

    The direction stays. A norm that is not finite makes every gradient NaN, as in Keras, so that
    the trouble is seen and not hidden.

    Args:
        gradients: all of them, in one buffer; changed in place.
        limit: the norm allowed, > 0.

    Example:
        >>> gradients = torch.tensor([3.0, 4.0])
        >>> by_global_norm(gradients, 1.0)
        >>> gradients
        tensor([0.6000, 0.8000])

    Reference:
        Pascanu et al. 2013, algorithm 1.
    """
    norm = gradients.norm()
    # For an infinite norm, infinity minus itself is NaN; for a finite one, nothing is added.
    gradients.mul_(limit / norm.clamp(min=limit) + (norm - norm))
