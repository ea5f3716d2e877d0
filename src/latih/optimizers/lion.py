"""Lion: the sign of the momentum, found by a search over programs."""

from typing import Any

import torch

from latih.arguments import number
from latih.optimizers.base import Optimizer


class Lion(Optimizer):
    """Every weight moves by the same length; the gradients only say which way.

    ``w ← w - η sign(β₁ m + (1 - β₁) g); m ← β₂ m + (1 - β₂) g``. It remembers half of what Adam
    does. Its steps are longer than Adam's: take a rate 3 to 10 times smaller, and as much more
    decay.

    Args:
        learning_rate: η.
        beta_1: β₁, the momentum's part in the step, 0 < β₁ <= 1.
        beta_2: β₂, the weight of the old momentum, 0..1.
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
        >>> weight = torch.tensor([1.0, 1.0])
        >>> Lion(0.1).apply([torch.tensor([2.0, -0.01])], [weight])
        >>> weight
        tensor([0.9000, 1.1000])

    Reference:
        Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", algorithm 2.
    """

    slot_groups = (("momentum",),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        self.beta_1 = number(beta_1, "beta_1", owner, above=0, most=1)
        self.beta_2 = number(beta_2, "beta_2", owner, least=0, most=1)

    def update(self, values: torch.Tensor, gradients: torch.Tensor, rate: float) -> None:
        """Move the weights, in place."""
        momentum = self.slots["momentum"]
        values.sub_(torch.lerp(momentum, gradients, 1.0 - self.beta_1).sign_(), alpha=rate)
        momentum.lerp_(gradients, 1.0 - self.beta_2)
