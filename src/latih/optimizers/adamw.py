"""AdamW: Adam with weights that decay, apart from the gradient."""

from typing import Any

from latih.errors import InputError
from latih.optimizers.adam import Adam


class AdamW(Adam):
    """Adam after ``w ← w - λ η w``.

    Decay that goes through the gradient, as L2 penalties do, is divided by √v like everything else,
    and so hardly acts on weights with large gradients; this one acts on all alike. Every optimizer
    of Latih decays like this if told to: AdamW is Adam with λ = 0.004.

    Args:
        learning_rate: η.
        weight_decay: λ, >= 0; torch has 0.01.
        beta_1: β₁, 0 <= β₁ < 1.
        beta_2: β₂, 0 <= β₂ < 1.
        epsilon: ε, >= 0.
        amsgrad: whether the largest v so far takes v's place.
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
        InputError: an argument is out of range or unknown; the decay is None.

    Example:
        >>> import torch
        >>> weight = torch.tensor([1.0])
        >>> AdamW(0.1, weight_decay=0.5).apply([torch.tensor([2.0])], [weight])
        >>> weight
        tensor([0.8500])

    Reference:
        Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float | None = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        if weight_decay is None:
            raise InputError(
                "`weight_decay` of AdamW is missing",
                expected="a number >= 0",
                got="None",
                fix="Take Adam to go without it.",
            )
        super().__init__(
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
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
