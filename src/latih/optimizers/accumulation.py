"""Gradients of several small batches, added up to that of a large one."""

import torch


def take(gradients: torch.Tensor, sums: torch.Tensor, micro_steps: int, steps: int) -> bool:
    """Take the gradients of one micro-step; say whether they make up an update.

    If they do, ``gradients`` holds the mean of the last ``steps`` ones and ``sums`` is zero again.

    Args:
        gradients: of the batch that was just seen; changed in place.
        sums: what the batches before it left; changed in place.
        micro_steps: how many batches were seen before this one.
        steps: how many batches make one update.

    Example:
        >>> gradients, sums = torch.tensor([1.0]), torch.tensor([0.0])
        >>> take(gradients, sums, 0, 2)
        False
        >>> take(torch.tensor([3.0]), sums, 1, 2), sums
        (True, tensor([0.]))
    """
    if (micro_steps + 1) % steps:
        sums.add_(gradients)
        return False
    gradients.add_(sums).div_(steps)
    sums.zero_()
    return True
