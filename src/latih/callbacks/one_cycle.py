"""One rise and one long fall of the learning rate, over the run's own number of steps."""

from collections.abc import Sequence
from typing import Any

from latih.arguments import number
from latih.callbacks.learning_rate import require_settable_rate
from latih.callbacks.memory import Remembering
from latih.data.batches import ArrayBatches
from latih.doctor.learning_rate_range import BatchesAsData, lr_find
from latih.engine.events import LogNames, Witness
from latih.errors import InputError
from latih.optimizers import schedules


class OneCycle(Remembering, Witness):
    """Set the learning rate of every batch along one cycle, and the momentum against it.

    High rates in the middle keep the weights out of narrow valleys; less momentum then keeps them
    from diverging. The formula is that of :class:`latih.optimizers.schedules.OneCycle`, whose
    ``total_steps`` the callback knows by itself: the batches of an epoch times the epochs.

    Args:
        max_learning_rate: the highest rate, > 0; None to find it by :func:`latih.lr_find` on a copy
            of the model when a run on arrays begins.
        warmup_fraction: the part of the run in which the rate rises, 0..1.
        start_divisor: how many times smaller than the highest the first rate is, >= 1.
        end_divisor: how many times smaller than the first rate the last one is, > 0.
        annealing: ``"cosine"`` or ``"linear"``.
        momentum: ``(lowest, highest)``, each 0 <= m < 1; None leaves it. It is the optimizer's
            ``momentum`` or ``beta_1``; where there is none, only the rate is set. When the run
            ends, the optimizer has its own again.

    Raises:
        InputError: an argument is out of range; or, before the first step, when the optimizer
            follows a schedule of its own or there are fewer than two steps; or when the rate is to
            be found and the loss falls at none.

    Example:
        >>> OneCycle(0.5).rates(total_steps=10)[2:4]
        [0.5, 0.475...]

    Reference:
        Smith 2018, "A disciplined approach to neural network hyper-parameters", sections 4.1, 4.3.
    """

    adds_to_logs = ("learning_rate",)
    remembers = ("first_epoch", "own_momentum", "highest_rate")

    def __init__(
        self,
        max_learning_rate: float | None = None,
        warmup_fraction: float = 0.3,
        start_divisor: float = 25.0,
        end_divisor: float = 1e4,
        annealing: str = "cosine",
        momentum: Sequence[float] | None = (0.85, 0.95),
    ) -> None:
        super().__init__()
        self.max_learning_rate = (
            None
            if max_learning_rate is None
            else number(max_learning_rate, "max_learning_rate", "OneCycle", above=0)
        )
        self._arguments = (warmup_fraction, start_divisor, end_divisor, annealing)
        self.momentum = None if momentum is None else _low_and_high(momentum)
        self.forget()
        self._schedule = self._over(2)  # refuses the other arguments now; each run has its own
        self._attribute: str | None = None

    def forget(self) -> None:
        """Begin with the next run's first epoch."""
        self.first_epoch: int | None = None
        self.own_momentum: float | None = None
        self.highest_rate = self.max_learning_rate
        """The rate that was given, or that was found for this run."""

    def rates(self, total_steps: int) -> list[float]:
        """Return the rate of each step of a run, to look at before it is trained.

        Where the highest rate is yet to be found, they are parts of it.
        """
        schedule = self._over(total_steps)
        return [schedule(step) for step in range(total_steps)]

    def highest_over(self, total_steps: int) -> float:
        """Return what the cycle rises to in a run of so many steps; 1 where it is yet to be found.

        Args:
            total_steps: of the run; here they make no difference.
        """
        del total_steps
        return self.highest_rate or 1.0

    def check(self, log_names: LogNames) -> None:
        """Refuse an optimizer whose rate cannot be set, and a run too short for a cycle."""
        require_settable_rate(self.model, "OneCycle")
        if self._total_steps(self.params.get("initial_epoch") or 0) < 2:
            raise InputError(
                "OneCycle has no room for a cycle",
                expected="a run of two steps or more",
                got=f"{self.params.get('epochs')} epochs of {self.params.get('steps')} steps",
            )

    def on_train_begin(self, logs: Any = None) -> None:
        """Lay the cycle over the run; one that goes on after a crash has its first epoch still."""
        super().on_train_begin(logs)
        known = self.first_epoch
        first: int = (self.params.get("initial_epoch") or 0) if known is None else known
        self.first_epoch = first
        self._schedule = self._over(self._total_steps(first))
        self._attribute = None if self.momentum is None else _momentum_of(self.model.optimizer)
        if self._attribute is not None and self.own_momentum is None:
            self.own_momentum = getattr(self.model.optimizer, self._attribute)
        self._steps_done = 0

    def before_training(self, training: Any) -> None:
        """Find the highest rate, if none was given."""
        if self.highest_rate is None:
            self.highest_rate = _found(self.model, training.batches)
            assert self.first_epoch is not None
            self._schedule = self._over(self._total_steps(self.first_epoch))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Count the steps done before this epoch."""
        assert self.first_epoch is not None
        self._steps_done = (epoch - self.first_epoch) * self.params["steps"]

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Set the rate of this step, and the momentum."""
        step = self._steps_done + batch
        optimizer = self.model.optimizer
        optimizer.learning_rate = self._schedule(step)
        if self._attribute is not None and self.momentum is not None:
            low, high = self.momentum
            setattr(optimizer, self._attribute, self._schedule.between(step, high, low, high))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Log the rate of the epoch's last step."""
        if logs is not None:
            logs["learning_rate"] = self.model.optimizer.current_rate()

    def on_train_end(self, logs: Any = None) -> None:
        """Give the optimizer its own momentum back."""
        if self._attribute is not None:
            setattr(self.model.optimizer, self._attribute, self.own_momentum)

    def _over(self, total_steps: int) -> schedules.OneCycle:
        return schedules.OneCycle(self.highest_over(total_steps), total_steps, *self._arguments)

    def _total_steps(self, first_epoch: int) -> int:
        return (self.params.get("steps") or 0) * ((self.params.get("epochs") or 0) - first_epoch)


def _found(model: Any, batches: Any) -> float:
    if not isinstance(batches, ArrayBatches):
        raise InputError(
            "OneCycle finds a learning rate on arrays only",
            expected="max_learning_rate=, where the data are iterated",
            got="None",
            fix="Call latih.lr_find(model, data) and give its suggestion.",
        )
    found = lr_find(model, BatchesAsData(batches))
    if found.suggestion is None:
        raise InputError(
            "OneCycle finds no learning rate",
            expected="a loss that falls at some rate",
            got=str(found.reason),
            fix="Give max_learning_rate=, or ask the doctor what is wrong.",
        )
    return found.suggestion


def _low_and_high(momentum: Sequence[float]) -> tuple[float, float]:
    if isinstance(momentum, str) or not isinstance(momentum, Sequence) or len(momentum) != 2:
        raise InputError(
            "`momentum` of OneCycle cannot be used",
            expected="a pair (lowest, highest), or None",
            got=repr(momentum),
        )
    low = number(momentum[0], "momentum", "OneCycle", least=0, below=1)
    return low, number(momentum[1], "momentum", "OneCycle", least=low, below=1)


def _momentum_of(optimizer: Any) -> str | None:
    # An optimizer that was made without momentum has no memory to keep one in.
    for attribute in ("momentum", "beta_1"):
        if getattr(optimizer, attribute, 0.0):
            return attribute
    return None
