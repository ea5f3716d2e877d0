"""Labels of two examples as one: how much of either is in the image."""

import torch

from latih.errors import InputError


def mixed_labels(
    labels: torch.Tensor, order: torch.Tensor, weights: torch.Tensor, owner: str
) -> torch.Tensor:
    """Return ``w · y + (1 - w) · y[order]``.

    Args:
        labels: probabilities of the classes.
        order: with which other example each is mixed.
        weights: how much of itself each keeps, 0 to 1.
        owner: the layer's name, for the error's sentence.

    Shapes:
        labels: ``(n, classes)``; order and weights: ``(n,)``; returns: ``(n, classes)``.

    Raises:
        InputError: the labels are class numbers, half of one and half of another of which is a
            third.

    Example:
        >>> swap, weights = torch.tensor([1, 0]), torch.tensor([0.75, 0.75])
        >>> mixed_labels(torch.eye(2), swap, weights, "mix_up")
        tensor([[0.7500, 0.2500],
                [0.2500, 0.7500]])
    """
    numbers = labels.ndim == 2 and labels.shape[1] == 1 and not labels.is_floating_point()
    if labels.ndim != 2 or numbers:
        raise InputError(
            f"{owner!r} cannot mix the labels",
            expected="one-hot labels, shape (n, classes)",
            got=f"{labels.dtype} labels of shape {tuple(labels.shape)}",
            fix="Class numbers cannot be mixed: make them one-hot with utils.to_categorical().",
        )
    kept = weights.unsqueeze(1)
    return kept * labels + (1 - kept) * labels.index_select(0, order)
