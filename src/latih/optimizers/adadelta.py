"""Adadelta: steps measured in the steps before."""

from typing import Any

import torch

from latih.arguments import number
from latih.optimizers.base import Optimizer


class Adadelta(Optimizer):
    """Each weight's step has the size of its steps so far, turned by the gradient.

    ``a ← ρ a + (1 - ρ) g²; Δ = g √(d + ε) / √(a + ε); d ← ρ d + (1 - ρ) Δ²; w ← w - η Δ``. With
    η = 1, as in the paper, no rate is to be chosen; it starts slowly, since d starts at 0.

    Args:
        learning_rate: η; the paper has 1.
        rho: ρ, the weight of the old means, 0..1.
        epsilon: ε, inside the roots, >= 0.
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
        >>> Adadelta(1.0, rho=0.0, epsilon=1.0).apply([torch.tensor([1.0])], [weight])
        >>> weight
        tensor([0.2929])

    Reference:
        Zeiler 2012, algorithm 1.
    """

    slot_groups = (("accumulated_grad", "accumulated_delta_var"),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
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
        self.rho = number(rho, "rho", owner, least=0, most=1)
        self.epsilon = number(epsilon, "epsilon", owner, least=0)

    def update(self, values: torch.Tensor, gradients: torch.Tensor, rate: float) -> None:
        """Move the weights, in place."""
        squares, steps = self.slots["accumulated_grad"], self.slots["accumulated_delta_var"]
        squares.mul_(self.rho).addcmul_(gradients, gradients, value=1.0 - self.rho)
        root = (steps + self.epsilon).div_(squares + self.epsilon).sqrt_()
        step = root.mul_(gradients)
        steps.mul_(self.rho).addcmul_(step, step, value=1.0 - self.rho)
        values.sub_(step, alpha=rate)
