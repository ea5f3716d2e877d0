"""A gentle beginning before any schedule, and the table of all of them, which it may hold."""

from collections.abc import Mapping
from typing import Any

from latih.arguments import number, whole
from latih.optimizers.schedules.base import LATIH_MODULE, LearningRateSchedule
from latih.optimizers.schedules.cosine import CosineDecay, CosineDecayRestarts
from latih.optimizers.schedules.decay import (
    ExponentialDecay,
    InverseTimeDecay,
    PolynomialDecay,
    PowerDecay,
)
from latih.optimizers.schedules.one_cycle import OneCycle
from latih.optimizers.schedules.piecewise import PiecewiseConstantDecay
from latih.registry import Table


class Warmup(LearningRateSchedule):
    """A straight rise before another schedule or a fixed rate. Keras does not have it.

    The first gradients are large and point anywhere, and the running means of Adam know little yet:
    small steps keep the weights from being thrown far. ``s + (η(0) - s) t / n`` for t < n, then
    ``η(t - n)``: what comes after starts from its beginning.

    Args:
        schedule: η, what comes after: a schedule, data of one, or a number >= 0.
        warmup_steps: n, how many updates the rise takes, >= 1.
        initial_learning_rate: s, the rate at step 0, >= 0. With 0 the first update does nothing.
        name: what the schedule is called.

    Raises:
        InputError: an argument is out of range, or ``schedule`` is neither schedule nor number.

    Example:
        >>> schedule = Warmup(ExponentialDecay(0.5, decay_steps=10, decay_rate=0.5), 4)
        >>> [schedule(step) for step in (0, 2, 4, 14)]
        [0.0, 0.25, 0.5, 0.25]

    Reference:
        Goyal et al. 2017, "Accurate, Large Minibatch SGD", section 2.2, "Gradual warmup".
    """

    keras_module = LATIH_MODULE

    def __init__(
        self,
        schedule: Any,
        warmup_steps: int,
        initial_learning_rate: float = 0.0,
        name: str = "Warmup",
    ) -> None:
        if isinstance(schedule, Mapping):
            schedule = SCHEDULES.deserialize(schedule)
        owner = type(self).__name__
        if not isinstance(schedule, LearningRateSchedule):
            schedule = number(schedule, "schedule", owner, least=0)
        self.schedule: LearningRateSchedule | float = schedule
        self.warmup_steps = whole(warmup_steps, "warmup_steps", owner, least=1)
        self.initial_learning_rate = number(
            initial_learning_rate, "initial_learning_rate", owner, least=0
        )
        self.name = name

    def rate_at(self, step: float) -> float:
        """Return the learning rate after ``step`` updates."""
        if step >= self.warmup_steps:
            return self._afterwards(step - self.warmup_steps)
        rise = self._afterwards(0.0) - self.initial_learning_rate
        return self.initial_learning_rate + rise * step / self.warmup_steps

    def _afterwards(self, step: float) -> float:
        schedule = self.schedule
        return float(schedule(step)) if isinstance(schedule, LearningRateSchedule) else schedule


SCHEDULES: Table[LearningRateSchedule] = Table(
    "learning-rate schedule",
    LearningRateSchedule,
    classes=[
        ExponentialDecay,
        InverseTimeDecay,
        PolynomialDecay,
        PowerDecay,
        PiecewiseConstantDecay,
        CosineDecay,
        CosineDecayRestarts,
        OneCycle,
        Warmup,
    ],
)
