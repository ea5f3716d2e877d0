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
        epsilon: ε, inside the root.
        weight_decay: the rate of decay; None for none.
        clipnorm: the norm allowed to each weight's gradient.
        clipvalue: the size allowed to each number of the gradient.
        global_clipnorm: the norm allowed to all gradients together.
        name: what the optimizer is called.
        kwargs: arguments of Keras that must have their neutral value.

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
        name: str = "adagrad",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, name, **kwargs
        )
        self.initial_accumulator_value = number(
            initial_accumulator_value, "initial_accumulator_value", "Adagrad", least=0
        )
        self.epsilon = number(epsilon, "epsilon", "Adagrad", least=0)

    def slot_start(self, name: str) -> float:
        """Return the number with which a slot starts."""
        return self.initial_accumulator_value

    def update(self, values: torch.Tensor, gradients: torch.Tensor, rate: float) -> None:
        """Move the weights, in place."""
        accumulator = self.slots["accumulator"]
        accumulator.addcmul_(gradients, gradients)
        values.addcdiv_(gradients, (accumulator + self.epsilon).sqrt_(), value=-rate)
