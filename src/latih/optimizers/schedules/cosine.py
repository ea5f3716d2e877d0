"""Rates that fall along half a cosine wave: slowly, fast, slowly."""

import math

from latih.arguments import number, whole
from latih.optimizers.schedules.base import LearningRateSchedule


class CosineDecay(LearningRateSchedule):
    """Half a cosine wave, after a straight rise if one is asked for.

    ``η₀ ((1 - α) (1 + cos(π t / T)) / 2 + α)`` for t updates, at most T. With ``warmup_target`` the
    rate first goes in a straight line from η₀ to the target, over ``warmup_steps`` updates; the
    cosine then begins at the target, and its t at 0.

    Args:
        initial_learning_rate: η₀, the rate at step 0, >= 0.
        decay_steps: T, in updates, the rise not counted, > 0.
        alpha: α, the part of the cosine's first rate that is left at its end, 0..1.
        name: taken for Keras's sake.
        warmup_target: the rate at the end of the rise, >= 0; None for no rise.
        warmup_steps: how many updates the rise takes, >= 0; without a target it means nothing.

    Raises:
        InputError: an argument is out of range.

    Example:
        >>> CosineDecay(0.5, decay_steps=10)(5)
        0.25
        >>> CosineDecay(0.0, decay_steps=10, warmup_target=0.5, warmup_steps=4)(2)
        0.25

    Reference:
        Loshchilov & Hutter 2017, "SGDR", equation 5; Goyal et al. 2017, section 2.2 (the rise).
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        owner = type(self).__name__
        self.initial_learning_rate = number(
            initial_learning_rate, "initial_learning_rate", owner, least=0
        )
        self.decay_steps = number(decay_steps, "decay_steps", owner, above=0)
        self.alpha = number(alpha, "alpha", owner, least=0, most=1)
        self.name = name
        self.warmup_target = (
            None
            if warmup_target is None
            else number(warmup_target, "warmup_target", owner, least=0)
        )
        self.warmup_steps = whole(warmup_steps, "warmup_steps", owner, least=0)

    def rate_at(self, step: float) -> float:
        """Return the learning rate after ``step`` updates."""
        peak = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return peak + (self.warmup_target - peak) * step / self.warmup_steps
            peak, step = self.warmup_target, step - self.warmup_steps
        part = min(step / self.decay_steps, 1.0)
        return peak * ((1.0 - self.alpha) * half_wave(part) + self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """Half a cosine wave, again and again, each longer and not higher than the one before.

    A jump back to a high rate lets the weights leave one valley for another. Period i takes
    ``T tⁱ`` updates: ``η₀ ((1 - α) mⁱ (1 + cos(π x)) / 2 + α)`` where x, 0..1, is how much of the
    period is over. Where rounding has Keras hold the end of a period for one update more, the new
    one has begun here.

    Args:
        initial_learning_rate: η₀, the rate at step 0, >= 0.
        first_decay_steps: T, the length of the first period in updates, > 0.
        t_mul: t, the length of a period over that of the one before, >= 1.
        m_mul: m, the height of a period over that of the one before, >= 0.
        alpha: α, the part of η₀ that is left at a period's end, 0..1.
        name: taken for Keras's sake.

    Raises:
        InputError: an argument is out of range.

    Example:
        >>> schedule = CosineDecayRestarts(0.5, first_decay_steps=10)
        >>> schedule(5), schedule(10), schedule(20)
        (0.25, 0.5, 0.25)

    Reference:
        Loshchilov & Hutter 2017, "SGDR", equation 5.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        owner = type(self).__name__
        self.initial_learning_rate = number(
            initial_learning_rate, "initial_learning_rate", owner, least=0
        )
        self.first_decay_steps = number(first_decay_steps, "first_decay_steps", owner, above=0)
        self.t_mul = number(t_mul, "t_mul", owner, least=1)
        self.m_mul = number(m_mul, "m_mul", owner, least=0)
        self.alpha = number(alpha, "alpha", owner, least=0, most=1)
        self.name = name

    def rate_at(self, step: float) -> float:
        """Return the learning rate after ``step`` updates."""
        period, part = self._period(step / self.first_decay_steps)
        wave = self.m_mul**period * half_wave(part)
        return self.initial_learning_rate * ((1.0 - self.alpha) * wave + self.alpha)

    def _period(self, time: float) -> tuple[int, float]:
        """Return which period a time lies in, in first periods, and how much of it is over."""
        if self.t_mul == 1:
            period = math.floor(time)
            return period, time - period
        period = math.floor(math.log1p(time * (self.t_mul - 1.0)) / math.log(self.t_mul))
        # The logarithm may be off by a rounding error, and with it, at a restart, the period.
        if self._start(period + 1) <= time + 1e-12 * (1.0 + time):
            period += 1
        part = (time - self._start(period)) / self.t_mul**period
        return period, min(max(part, 0.0), 1.0)

    def _start(self, period: int) -> float:
        return (self.t_mul**period - 1.0) / (self.t_mul - 1.0)


def half_wave(part: float) -> float:
    """Return how high half a cosine wave is: 1 at its start, 0 at its end.

    Example:
        >>> [round(half_wave(part), 3) for part in (0.0, 0.5, 1.0)]
        [1.0, 0.5, 0.0]
    """
    return 0.5 * (1.0 + math.cos(math.pi * part))
