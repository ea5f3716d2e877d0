"""Nadam: Adam that looks ahead, as Nesterov does."""

from typing import Any

import torch

from latih.arguments import number
from latih.optimizers.base import Optimizer


class Nadam(Optimizer):
    """Adam whose step takes the momentum of the next update, and this update's gradient anew.

    ``m, v`` as Adam's; ``uₜ = β₁ (1 - 0.96ᵗ / 2)``, ``Uₜ = u₁ u₂ … uₜ``;
    ``m̂ = uₜ₊₁ m / (1 - Uₜ₊₁) + (1 - uₜ) g / (1 - Uₜ); v̂ = v / (1 - β₂ᵗ)``;
    ``w ← w - η m̂ / (√v̂ + ε)``. torch's momentum rises 250 times more slowly: 0.96^(0.004 t).

    Args:
        learning_rate: η.
        beta_1: β₁, 0 <= β₁ < 1.
        beta_2: β₂, 0 <= β₂ < 1.
        epsilon: ε, >= 0.
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
        >>> Nadam(0.1, beta_1=0.0).apply([torch.tensor([2.0])], [weight])
        >>> weight
        tensor([0.9000])

    Reference:
        Dozat 2016, "Incorporating Nesterov Momentum into Adam", algorithm 2.
    """

    slot_groups = (("momentum", "velocity"),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
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
        self.beta_1 = number(beta_1, "beta_1", owner, least=0, below=1)
        self.beta_2 = number(beta_2, "beta_2", owner, least=0, below=1)
        self.epsilon = number(epsilon, "epsilon", owner, least=0)
        self.scalars = {"u_product": 1.0}

    def update(self, values: torch.Tensor, gradients: torch.Tensor, rate: float) -> None:
        """Move the weights, in place."""
        step = self.updates + 1
        now, following = self._momentum_at(step), self._momentum_at(step + 1)
        product = self.scalars["u_product"] * now
        self.scalars["u_product"] = product
        momentum, velocity = self.slots["momentum"], self.slots["velocity"]
        momentum.lerp_(gradients, 1.0 - self.beta_1)
        velocity.mul_(self.beta_2).addcmul_(gradients, gradients, value=1.0 - self.beta_2)
        ahead = momentum * (following / (1.0 - product * following))
        ahead.add_(gradients, alpha=(1.0 - now) / (1.0 - product))
        root = (velocity / (1.0 - self.beta_2**step)).sqrt_().add_(self.epsilon)
        values.addcdiv_(ahead, root, value=-rate)

    def _momentum_at(self, step: int) -> float:
        return self.beta_1 * (1.0 - 0.5 * 0.96**step)
