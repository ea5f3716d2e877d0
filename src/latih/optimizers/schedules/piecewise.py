"""Rates that stay, and fall at given updates."""

from bisect import bisect_left
from collections.abc import Sequence

from latih.arguments import number
from latih.errors import InputError
from latih.optimizers.schedules.base import LearningRateSchedule


class PiecewiseConstantDecay(LearningRateSchedule):
    """One rate up to a boundary, the next up to the next: ``vᵢ for bᵢ₋₁ < t ≤ bᵢ``.

    The step that equals a boundary still has the rate before it.

    Args:
        boundaries: the last step of every value but the last, rising.
        values: the rates, one more than boundaries, each >= 0.
        name: taken for Keras's sake.

    Raises:
        InputError: the boundaries do not rise, or there is not one value more than boundaries.

    Example:
        >>> schedule = PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])
        >>> [schedule(step) for step in (0, 10, 11, 20, 21)]
        [1.0, 1.0, 0.5, 0.5, 0.1]

    Reference:
        Krizhevsky et al. 2012, section 5: the rate divided by 10 when nothing gets better.
    """

    def __init__(
        self,
        boundaries: Sequence[float],
        values: Sequence[float],
        name: str = "PiecewiseConstant",
    ) -> None:
        owner = type(self).__name__
        self.boundaries = [number(one, "boundaries", owner) for one in boundaries]
        self.values = [number(one, "values", owner, least=0) for one in values]
        self.name = name
        if len(self.boundaries) != len(self.values) - 1:
            raise InputError(
                "`boundaries` of PiecewiseConstantDecay do not fit its `values`",
                expected="one value more than boundaries",
                got=f"{len(self.values)} values for {len(self.boundaries)} boundaries",
            )
        if any(a >= b for a, b in zip(self.boundaries, self.boundaries[1:], strict=False)):
            raise InputError(
                "`boundaries` of PiecewiseConstantDecay cannot be used",
                expected="each larger than the one before",
                got=repr(self.boundaries),
            )

    def rate_at(self, step: float) -> float:
        """Return the learning rate after ``step`` updates."""
        return self.values[bisect_left(self.boundaries, step)]
