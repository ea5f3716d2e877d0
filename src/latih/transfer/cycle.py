"""One cycle whose highest rate is lower in a run of few steps."""

from latih.callbacks import OneCycle
from latih.transfer.options import rate_of_steps


class CycleOfFewSteps(OneCycle):
    """Set the rate along one cycle that rises to less where there are few steps.

    What it rises to follows from the run's own steps, so that a run may be given more epochs.

    Example:
        >>> CycleOfFewSteps(0.001).highest_over(total_steps=5)
        0.0005
    """

    def highest_over(self, total_steps: int) -> float:
        """Return what the cycle rises to in a run of so many steps."""
        return rate_of_steps(super().highest_over(total_steps), total_steps)
