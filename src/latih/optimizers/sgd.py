"""Stochastic gradient descent, with momentum and Nesterov's look ahead."""

from typing import Any

import torch

from latih.arguments import number
from latih.optimizers.base import Optimizer


class SGD(Optimizer):
    """Against the gradient; with momentum, as a ball rolls.

    Plain: ``w ← w - η g``. Momentum: ``m ← μ m - η g; w ← w + m``. Nesterov:
    ``m ← μ m - η g; w ← w + μ m - η g``. As in Keras the buffer m holds the learning rate, which
    torch's does not: they differ once the rate changes.

    Args:
        learning_rate: η.
        momentum: μ, 0..1; 0.9 is usual.
        nesterov: whether to look ahead.
        weight_decay: the rate of decay; None for none.
        clipnorm: the norm allowed to each weight's gradient.
        clipvalue: the size allowed to each number of the gradient.
        global_clipnorm: the norm allowed to all gradients together.
        name: what the optimizer is called.
        kwargs: arguments of Keras that must have their neutral value.

    Raises:
        InputError: the momentum is outside 0..1.

    Example:
        >>> weight = torch.tensor([1.0])
        >>> SGD(0.1).apply([torch.tensor([2.0])], [weight])
        >>> weight
        tensor([0.8000])

    Reference:
        Sutskever et al. 2013, equations 1-4.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str = "SGD",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name, **kwargs
        )
        self.momentum = number(momentum, "momentum", "SGD", least=0, most=1)
        self.nesterov = nesterov
        self.slot_groups = (("momentum",),) if momentum else ()

    def update(self, values: torch.Tensor, gradients: torch.Tensor, rate: float) -> None:
        """Move the weights, in place."""
        if not self.momentum:
            values.add_(gradients, alpha=-rate)
            return
        momentum = self.slots["momentum"]
        momentum.mul_(self.momentum).add_(gradients, alpha=-rate)
        if self.nesterov:
            values.add_(momentum, alpha=self.momentum).add_(gradients, alpha=-rate)
        else:
            values.add_(momentum)
