"""Gradients in a shorter type than the weights', left where a step has made them."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch


class Pace(NamedTuple):
    """The numbers of one update of Adam, as PyTorch's kernel takes them.

    Args:
        rate: the learning rate.
        beta_1: the share that the mean of the gradients keeps, 0 <= beta_1 < 1.
        beta_2: the same of their squares.
        epsilon: what is added to the root of the squares, once they are corrected.
        step: the number of the update, from 1.
    """

    rate: float
    beta_1: float
    beta_2: float
    epsilon: float
    step: int


class ShortGradients(Protocol):
    """All gradients of an optimizer in a shorter type, and what can be done with them there."""

    def lengthen(self, gradients: torch.Tensor) -> None:
        """Write them into a buffer of the weights' type."""
        ...

    def adam(self, slots: Sequence[torch.Tensor], pace: Pace) -> bool:
        """Do an update of Adam, to the bit as it would be with the gradients lengthened.

        Args:
            slots: the means of the gradients and of their squares; changed in place.
            pace: the numbers of the update.

        Returns:
            Whether it was done; if not, nothing is changed.
        """
        ...
