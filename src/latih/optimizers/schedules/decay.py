"""Rates that fall along a power, an exponential or a polynomial."""

import math

from latih.arguments import number
from latih.optimizers.schedules.base import LATIH_MODULE, LearningRateSchedule


class ExponentialDecay(LearningRateSchedule):
    """A tenth, or whatever part, every so many updates: ``η₀ r^(t / T)``.

    Args:
        initial_learning_rate: η₀, the rate at step 0, >= 0.
        decay_steps: T, after how many updates the rate has been multiplied once, > 0.
        decay_rate: r, the factor, >= 0.
        staircase: whether the exponent is rounded down, so that the rate falls in steps.
        name: taken for Keras's sake.

    Raises:
        InputError: an argument is out of range.

    Example:
        >>> ExponentialDecay(0.01, decay_steps=100, decay_rate=0.1)(100)
        0.001

    Reference:
        Géron 2022, "Hands-On Machine Learning", chapter 11, "Exponential scheduling".
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        owner = type(self).__name__
        self.initial_learning_rate = number(
            initial_learning_rate, "initial_learning_rate", owner, least=0
        )
        self.decay_steps = number(decay_steps, "decay_steps", owner, above=0)
        self.decay_rate = number(decay_rate, "decay_rate", owner, least=0)
        self.staircase = staircase
        self.name = name

    def rate_at(self, step: float) -> float:
        """Return the learning rate after ``step`` updates."""
        exponent = step / self.decay_steps
        if self.staircase:
            exponent = math.floor(exponent)
        return self.initial_learning_rate * self.decay_rate**exponent


class InverseTimeDecay(LearningRateSchedule):
    """Fast at first, then ever slower: ``η₀ / (1 + r t / T)``.

    The sum of all rates has no limit, that of their squares has one: what stochastic approximation
    asks for.

    Args:
        initial_learning_rate: η₀, the rate at step 0, >= 0.
        decay_steps: T, the unit of time in updates, > 0.
        decay_rate: r, by how much of η₀ the divisor grows in each unit, >= 0.
        staircase: whether t / T is rounded down, so that the rate falls in steps.
        name: taken for Keras's sake.

    Raises:
        InputError: an argument is out of range.

    Example:
        >>> InverseTimeDecay(0.1, decay_steps=10, decay_rate=1.0)(10)
        0.05

    Reference:
        Robbins & Monro 1951, "A Stochastic Approximation Method": sequences "of type 1/n".
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        owner = type(self).__name__
        self.initial_learning_rate = number(
            initial_learning_rate, "initial_learning_rate", owner, least=0
        )
        self.decay_steps = number(decay_steps, "decay_steps", owner, above=0)
        self.decay_rate = number(decay_rate, "decay_rate", owner, least=0)
        self.staircase = staircase
        self.name = name

    def rate_at(self, step: float) -> float:
        """Return the learning rate after ``step`` updates."""
        time = step / self.decay_steps
        if self.staircase:
            time = math.floor(time)
        return self.initial_learning_rate / (1.0 + self.decay_rate * time)


class PowerDecay(LearningRateSchedule):
    """A power of time: ``η₀ / (1 + t / s)^c``. Keras does not have it.

    With c = 1 the rate is η₀ / 2 after s updates, η₀ / 3 after 2 s, η₀ / 4 after 3 s.

    Args:
        initial_learning_rate: η₀, the rate at step 0, >= 0.
        decay_steps: s, the unit of time in updates, > 0.
        power: c, >= 0; 1 is usual, 0.5 falls more slowly.
        name: what the schedule is called.

    Raises:
        InputError: an argument is out of range.

    Example:
        >>> schedule = PowerDecay(0.12, decay_steps=100)
        >>> [round(schedule(step), 9) for step in (0, 100, 200)]
        [0.12, 0.06, 0.04]

    Reference:
        Géron 2022, "Hands-On Machine Learning", chapter 11, "Power scheduling".
    """

    keras_module = LATIH_MODULE

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        power: float = 1.0,
        name: str = "PowerDecay",
    ) -> None:
        owner = type(self).__name__
        self.initial_learning_rate = number(
            initial_learning_rate, "initial_learning_rate", owner, least=0
        )
        self.decay_steps = number(decay_steps, "decay_steps", owner, above=0)
        self.power = number(power, "power", owner, least=0)
        self.name = name

    def rate_at(self, step: float) -> float:
        """Return the learning rate after ``step`` updates."""
        return self.initial_learning_rate / (1.0 + step / self.decay_steps) ** self.power


class PolynomialDecay(LearningRateSchedule):
    """From one rate to another in so many updates: ``(η₀ - η₁) (1 - t / T)^p + η₁``, then η₁.

    With ``cycle`` the rate rises again after T updates: T becomes the smallest multiple of itself
    that is not less than t.

    Args:
        initial_learning_rate: η₀, the rate at step 0, >= 0.
        decay_steps: T, in updates, > 0.
        end_learning_rate: η₁, >= 0.
        power: p, >= 0; 1 is a straight line.
        cycle: whether to begin anew after T updates.
        name: taken for Keras's sake.

    Raises:
        InputError: an argument is out of range.

    Example:
        >>> PolynomialDecay(0.5, decay_steps=10, end_learning_rate=0.0)(5)
        0.25

    Reference:
        Chen et al. 2018, "DeepLab", section 4.1, the "poly" policy.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        owner = type(self).__name__
        self.initial_learning_rate = number(
            initial_learning_rate, "initial_learning_rate", owner, least=0
        )
        self.decay_steps = number(decay_steps, "decay_steps", owner, above=0)
        self.end_learning_rate = number(end_learning_rate, "end_learning_rate", owner, least=0)
        self.power = number(power, "power", owner, least=0)
        self.cycle = cycle
        self.name = name

    def rate_at(self, step: float) -> float:
        """Return the learning rate after ``step`` updates."""
        steps = self.decay_steps
        if self.cycle:
            steps *= max(math.ceil(step / steps), 1)
        left = 1.0 - min(step / steps, 1.0)
        fall = self.initial_learning_rate - self.end_learning_rate
        return fall * left**self.power + self.end_learning_rate
