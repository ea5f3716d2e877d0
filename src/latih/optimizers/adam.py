"""Adam: momentum and RMSprop together, corrected for their cold start."""

import math
from typing import Any

import torch
from torch.autograd.graph import increment_version

from latih.arguments import number
from latih.optimizers.base import Optimizer
from latih.optimizers.short import Pace, ShortGradients


class Adam(Optimizer):
    """Moving means of the gradient and of its square; the one divided by the root of the other.

    ``m ← β₁ m + (1 - β₁) g; v ← β₂ v + (1 - β₂) g²;``
    ``w ← w - η √(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√v + ε)``. This ε is the paper's "epsilon hat", as in
    Keras: at the first step it weighs 31.6 times what torch's does.

    Args:
        learning_rate: η.
        beta_1: β₁, 0 <= β₁ < 1.
        beta_2: β₂, 0 <= β₂ < 1.
        epsilon: ε, >= 0.
        amsgrad: whether the largest v so far takes v's place.
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
        >>> Adam(0.1).apply([torch.tensor([2.0])], [weight])
        >>> weight
        tensor([0.9000])

    Reference:
        Kingma & Ba 2015, algorithm 1, in the order of section 2's last paragraph; Reddi et al.
        2018, algorithm 2 (AMSGrad).
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        self.amsgrad = amsgrad
        self._step = torch.zeros(())
        self.slot_groups = (
            (("momentum", "velocity"), ("velocity_hat",))
            if amsgrad
            else (("momentum", "velocity"),)
        )

    def update(self, values: torch.Tensor, gradients: torch.Tensor, rate: float) -> None:
        """Move the weights, in place."""
        step = self.updates + 1
        self._step.fill_(step)
        largest = [self.slots["velocity_hat"]] if self.amsgrad else []
        # One pass over the memory for what would be six. It is the kernel of torch.optim.Adam with
        # fused=True, called without its bookkeeping.
        torch._fused_adam_(  # pyright: ignore[reportPrivateImportUsage, reportPrivateUsage]
            [values],
            [gradients],
            [self.slots["momentum"]],
            [self.slots["velocity"]],
            largest,
            [self._step],
            lr=rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            weight_decay=0.0,
            eps=self._epsilon_of(step),
            amsgrad=self.amsgrad,
            maximize=False,
        )
        # Not even that the weights were written is counted by it; who keeps a copy must know.
        increment_version(values)

    def update_from_short(self, gradients: ShortGradients, rate: float) -> bool:
        """Move the weights by gradients in a shorter type; say whether it was done."""
        if not self._is_plain:
            return False
        step = self.updates + 1
        pace = Pace(rate, self.beta_1, self.beta_2, self._epsilon_of(step), step)
        return gradients.adam((self.slots["momentum"], self.slots["velocity"]), pace)

    @property
    def reads_short(self) -> bool:
        """Whether an update needs no other gradients than :meth:`update_from_short` takes."""
        others = (self.loss_scale_factor, self.gradient_accumulation_steps, self._division)
        return self._is_plain and not self._clips and all(other is None for other in others)

    @property
    def _is_plain(self) -> bool:
        # A class of the user's may say itself what an update is.
        return not self.amsgrad and getattr(self.update, "__func__", None) is Adam.update

    def _epsilon_of(self, step: int) -> float:
        """Return what PyTorch calls ε: it stands beside √(v / (1 - β₂ᵗ))."""
        return self.epsilon / math.sqrt(1.0 - self.beta_2**step)
