"""One rise and one long fall, over the whole training."""

from latih.arguments import number, whole
from latih.errors import InputError
from latih.optimizers.schedules.base import LATIH_MODULE, LearningRateSchedule
from latih.optimizers.schedules.cosine import half_wave


class OneCycle(LearningRateSchedule):
    """Up to a rate that could not be held, then down to almost nothing. Keras does not have it.

    The high rates in the middle keep the weights out of narrow valleys and shorten the training;
    the low ones at the end let them settle. The rate goes from ``peak / start_divisor`` to ``peak``
    at update ``f N - 1``, and from there to ``peak / (start_divisor · end_divisor)`` at the last
    one, ``N - 1``, where it stays. Between two rates a and b, x being how much of the way is done:
    ``b + (a - b) (1 + cos(π x)) / 2``, or ``a + (b - a) x`` for ``"linear"``.

    The shape is that of torch's ``OneCycleLR``. The momentum, which Smith moves the other way,
    stays; the callback :class:`latih.callbacks.OneCycle` moves it too.

    Args:
        peak: the highest rate, > 0.
        total_steps: N, the updates of the whole training (batches of an epoch times epochs), >= 2.
        warmup_fraction: f, the part of the updates in which the rate rises, 0 <= f < 1.
        start_divisor: how many times smaller than the peak the first rate is, >= 1.
        end_divisor: how many times smaller than the first rate the last one is, > 0.
        annealing: ``"cosine"`` or ``"linear"``.
        name: what the schedule is called.

    Raises:
        InputError: an argument is out of range.

    Example:
        >>> schedule = OneCycle(1.0, total_steps=11, warmup_fraction=5 / 11, annealing="linear")
        >>> [round(schedule(step), 4) for step in (0, 2, 4, 7, 10)]
        [0.04, 0.52, 1.0, 0.5, 0.0]

    Reference:
        Smith 2018, "A disciplined approach to neural network hyper-parameters", section 4.1; Smith
        & Topin 2019, "Super-Convergence", section 3.
    """

    keras_module = LATIH_MODULE

    def __init__(
        self,
        peak: float,
        total_steps: int,
        warmup_fraction: float = 0.3,
        start_divisor: float = 25.0,
        end_divisor: float = 1e4,
        annealing: str = "cosine",
        name: str = "OneCycle",
    ) -> None:
        owner = type(self).__name__
        self.peak = number(peak, "peak", owner, above=0)
        self.total_steps = whole(total_steps, "total_steps", owner, least=2)
        self.warmup_fraction = number(warmup_fraction, "warmup_fraction", owner, least=0, below=1)
        self.start_divisor = number(start_divisor, "start_divisor", owner, least=1)
        self.end_divisor = number(end_divisor, "end_divisor", owner, above=0)
        if annealing not in ("cosine", "linear"):
            raise InputError(
                "`annealing` of OneCycle is not known",
                expected="'cosine' or 'linear'",
                got=repr(annealing),
            )
        self.annealing = annealing
        self.name = name

    def rate_at(self, step: float) -> float:
        """Return the learning rate after ``step`` updates."""
        start = self.peak / self.start_divisor
        return self.between(step, start, self.peak, start / self.end_divisor)

    def between(self, step: float, start: float, top: float, end: float) -> float:
        """Return what goes with the rate, from one number to another and to a third.

        Args:
            step: the updates done.
            start: the number at the first update.
            top: the number when the rate is highest.
            end: the number at the last update.

        Example:
            >>> schedule = OneCycle(1.0, total_steps=11, warmup_fraction=5 / 11)
            >>> [round(schedule.between(step, 0.95, 0.85, 0.95), 3) for step in (0, 2, 4, 10)]
            [0.95, 0.9, 0.85, 0.95]
        """
        last = self.total_steps - 1
        turn = max(self.warmup_fraction * self.total_steps - 1.0, 0.0)
        if step < turn:
            return self._on_the_way(start, top, step / turn)
        return self._on_the_way(top, end, min((step - turn) / (last - turn), 1.0))

    def _on_the_way(self, begin: float, end: float, part: float) -> float:
        left = half_wave(part) if self.annealing == "cosine" else 1.0 - part
        return end + (begin - end) * left
