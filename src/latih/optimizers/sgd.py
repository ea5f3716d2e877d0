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
        weight_decay: the rate of decay, >= 0; None for none.
        clipnorm: the norm allowed to each weight's gradient, > 0; None for no limit.
        clipvalue: the size allowed to each number of the gradient, > 0; None for no limit.
        global_clipnorm: the norm allowed to all gradients together, > 0; None for no limit.
        use_ema: whether the weights' moving average takes their place when training ends.
        ema_momentum: the weight of the old average, 0..1.
        ema_overwrite_frequency: after how many updates each it does so before, too; None for never.
        loss_scale_factor: by what the loss is multiplied and gradients are divided; None for 1.
        gradient_accumulation_steps: how many batches make one update, >= 2; None for one.
        name: what the optimizer is called.
        kwargs: none; an unknown argument is refused, and the nearest known one named.

    Raises:
        InputError: an argument is out of range or unknown.

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
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
            **kwargs,
        )
        self.momentum = number(momentum, "momentum", type(self).__name__, least=0, most=1)
        self.nesterov = nesterov
        self.slot_groups = (("momentum",),) if self.momentum else ()

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
