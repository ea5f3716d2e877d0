"""RMSprop: AdaGrad that forgets."""

from typing import Any

import torch

from latih.arguments import number
from latih.optimizers.base import Optimizer


class RMSprop(Optimizer):
    """Divide each weight's step by the root of a moving mean of its squared gradients.

    ``v ← ρ v + (1 - ρ) g²``; ``Δ = η g / √(v + ε)``, centred ``Δ = η g / √(v - ḡ² + ε)`` with the
    moving mean ḡ; ``w ← w - Δ``, with momentum ``m ← μ m + Δ; w ← w - m``.

    Args:
        learning_rate: η.
        rho: ρ, the weight of the old mean, 0..1.
        momentum: μ, 0..1.
        epsilon: ε, inside the root (torch has it outside), >= 0.
        centered: whether the mean gradient's square is taken off.
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
        >>> RMSprop(0.1, rho=0.0).apply([torch.tensor([2.0])], [weight])
        >>> weight
        tensor([0.9000])

    Reference:
        Tieleman & Hinton 2012, lecture 6.5; Graves 2013, equations 38-45 (centred).
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        owner = type(self).__name__
        self.rho = number(rho, "rho", owner, least=0, most=1)
        self.momentum = number(momentum, "momentum", owner, least=0, most=1)
        self.epsilon = number(epsilon, "epsilon", owner, least=0)
        self.centered = centered
        kept = {"velocity": True, "momentum": self.momentum > 0, "average_gradient": centered}
        self.slot_groups = tuple((slot,) for slot, needed in kept.items() if needed)

    def update(self, values: torch.Tensor, gradients: torch.Tensor, rate: float) -> None:
        """Move the weights, in place."""
        velocity = self.slots["velocity"]
        velocity.mul_(self.rho).addcmul_(gradients, gradients, value=1.0 - self.rho)
        if self.centered:
            average = self.slots["average_gradient"].lerp_(gradients, 1.0 - self.rho)
            root = torch.addcmul(velocity, average, average, value=-1.0).add_(self.epsilon).sqrt_()
        else:
            root = (velocity + self.epsilon).sqrt_()
        if self.momentum > 0:
            momentum = self.slots["momentum"].mul_(self.momentum)
            values.sub_(momentum.addcdiv_(gradients, root, value=rate))
        else:
            values.addcdiv_(gradients, root, value=-rate)
