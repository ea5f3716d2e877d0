"""One cycle whose highest rate is lower in a run of few steps."""

from latih.callbacks import OneCycle
from latih.transfer.options import rate_of_steps


class CycleOfFewSteps(OneCycle):
    """Set the rate along one cycle that rises to less where there are few steps.

    What it rises to follows from the run's own steps, so that a run may be given more epochs.

    Args:
        max_learning_rate: as in ``OneCycle``.
        warmup_fraction: the same.
        few: a run of fewer steps has a lower rate, >= 0; 0 for none.

    Example:
        >>> CycleOfFewSteps(0.001, few=10).highest_over(total_steps=5)
        0.000125
    """

    def __init__(
        self, max_learning_rate: float, warmup_fraction: float = 0.25, *, few: int
    ) -> None:
        self.few = few
        super().__init__(max_learning_rate, warmup_fraction=warmup_fraction)

    def highest_over(self, total_steps: int) -> float:
        """Return what the cycle rises to in a run of so many steps."""
        return rate_of_steps(super().highest_over(total_steps), total_steps, self.few)
