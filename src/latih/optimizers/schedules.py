"""Learning rates that change with the number of updates done."""

import math
from typing import Any

from latih import registry
from latih.arguments import number
from latih.registry import Configured, Table


class LearningRateSchedule(Configured):
    """The base of schedules: an object that, called with the updates done, gives a rate."""

    keras_module = "keras.optimizers.schedules"

    def __call__(self, step: Any) -> Any:
        """Return the learning rate after ``step`` updates; 0 before the first."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step)")


class ExponentialDecay(LearningRateSchedule):
    """``initial · decay_rate ^ (step / decay_steps)``.

    Args:
        initial_learning_rate: the rate at step 0, > 0.
        decay_steps: after how many updates the rate has been multiplied once, > 0.
        decay_rate: the factor.
        staircase: whether the exponent is rounded down, so that the rate falls in steps.
        name: taken for Keras's sake.

    Raises:
        InputError: ``decay_steps`` is not positive.

    Example:
        >>> ExponentialDecay(0.01, decay_steps=100, decay_rate=0.1)(100)
        0.001

    Reference:
        Géron 2022, "Hands-On Machine Learning", chapter 11, "Exponential scheduling".
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        owner = "ExponentialDecay"
        number(decay_steps, "decay_steps", owner, above=0)
        self.initial_learning_rate = number(
            initial_learning_rate, "initial_learning_rate", owner, least=0
        )
        self.decay_steps = decay_steps
        self.decay_rate = number(decay_rate, "decay_rate", owner, least=0)
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Any) -> Any:
        """Return the learning rate after ``step`` updates."""
        exponent = step / self.decay_steps
        if self.staircase:
            exponent = exponent.floor() if hasattr(exponent, "floor") else math.floor(exponent)
        return self.initial_learning_rate * self.decay_rate**exponent


SCHEDULES: Table[LearningRateSchedule] = Table(
    "learning-rate schedule", LearningRateSchedule, classes=[ExponentialDecay]
)

serialize = registry.serialize
deserialize = SCHEDULES.deserialize
