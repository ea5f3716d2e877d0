"""The moving average of the weights: where a noisy path has been, on the whole."""

import torch


def follow(average: torch.Tensor, weights: torch.Tensor, momentum: float, updates: int) -> None:
    """Move the average towards the weights, in place: ``ā ← m ā + (1 - m) w``.

    Before the first update is done, m counts as 0: the average starts at the weights and needs no
    correction for a cold start.

    Args:
        average: ā, of the weights' size.
        weights: w.
        momentum: m, 0..1; 0.99 looks back over about a hundred updates.
        updates: how many updates were done before this one.

    Example:
        >>> average = torch.zeros(1)
        >>> for updates, weight in enumerate([1.0, 3.0]):
        ...     follow(average, torch.tensor([weight]), 0.5, updates)
        >>> average
        tensor([2.])

    Reference:
        Polyak & Juditsky 1992, section 2, with a mean that forgets.
    """
    average.lerp_(weights, 1.0 - momentum if updates else 1.0)


def overwrites(updates: int, frequency: int | None) -> bool:
    """Say whether the average takes the weights' place at this update.

    Example:
        >>> [overwrites(updates, 2) for updates in range(4)]
        [False, True, False, True]
    """
    return frequency is not None and (updates + 1) % frequency == 0
