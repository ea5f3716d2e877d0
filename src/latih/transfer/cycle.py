"""One cycle whose highest rate is lower in a run of few steps."""

from latih.callbacks import OneCycle
from latih.optimizers import schedules
from latih.transfer.options import rate_of_steps


class CycleOfFewSteps(OneCycle):
    """Set the rate along one cycle that rises to less where there are few steps.

    What it rises to follows from the run's own steps, so that a run may be given more epochs.

    Example:
        >>> max(CycleOfFewSteps(0.001).rates(total_steps=20))
        0.0005
    """

    def _over(self, total_steps: int) -> schedules.OneCycle:
        highest = rate_of_steps(self.highest_rate or 1.0, total_steps)
        return schedules.OneCycle(highest, total_steps, *self._arguments)
