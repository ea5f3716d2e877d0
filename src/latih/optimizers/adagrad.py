"""AdaGrad: small steps where the gradient has been large."""

from typing import Any

import torch

from latih.arguments import number
from latih.optimizers.base import Optimizer


class Adagrad(Optimizer):
    """Divide each weight's step by the root of all its squared gradients so far.

    ``a ← a + g²; w ← w - η g / √(a + ε)``. The sum only grows, so that training of a deep net may
    stop too early; RMSprop forgets.

    Args:
        learning_rate: η.
        initial_accumulator_value: how a starts, >= 0.
        epsilon: ε, inside the root, >= 0.
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
        >>> Adagrad(0.1, initial_accumulator_value=0.0).apply([torch.tensor([2.0])], [weight])
        >>> weight
        tensor([0.9000])

    Reference:
        Duchi et al. 2011, "Adaptive Subgradient Methods", section 1.1.
    """

    slot_groups = (("accumulator",),)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
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
        self.initial_accumulator_value = number(
            initial_accumulator_value, "initial_accumulator_value", owner, least=0
        )
        self.epsilon = number(epsilon, "epsilon", owner, least=0)

    def slot_start(self, name: str) -> float:
        """Return the number with which a slot starts."""
        return self.initial_accumulator_value

    def update(self, values: torch.Tensor, gradients: torch.Tensor, rate: float) -> None:
        """Move the weights, in place."""
        accumulator = self.slots["accumulator"]
        accumulator.addcmul_(gradients, gradients)
        values.addcdiv_(gradients, (accumulator + self.epsilon).sqrt_(), value=-rate)
