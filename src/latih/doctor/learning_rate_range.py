"""The learning-rate range test: which rate, found by trying them all on a copy of the model."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from latih import random
from latih.arguments import number, whole
from latih.data.batches import ArrayBatches
from latih.doctor.borrowed import Borrowed, copy_of
from latih.doctor.fact_records import Facts
from latih.doctor.facts import facts_of_batch
from latih.doctor.probe import Moment, Probe
from latih.doctor.range_curve import read_curve
from latih.doctor.rows import probe_batch
from latih.doctor.words import Words
from latih.engine.events import Witness
from latih.errors import MissingExtraError
from latih.optimizers.schedules import LearningRateSchedule
from latih.structures import only_one_or_all

DIVERGED = 4.0
"""A loss that has grown to so many times its best will not come back."""

EMA_DECAY = 0.8
"""Of the mean that this is judged by, so that one bad batch does not end the test."""


@dataclass(frozen=True)
class LearningRateRange:
    """The curve of a range test, and what it says.

    Args:
        rates: the learning rates that were tried, growing by the same factor each step.
        losses: the loss at each of them: the median of the runs.
        smoothed: the losses without their noise.
        suggestion: the rate to train with; None if the curve does not say.
        reason: why, in a sentence.
        broke_off: whether the loss grew so much that higher rates were not tried.
    """

    rates: Sequence[float]
    losses: Sequence[float]
    smoothed: Sequence[float] = field(repr=False)
    suggestion: float | None
    reason: Words
    broke_off: bool

    def __str__(self) -> str:
        """Return the suggestion and its reason."""
        told = "-" if self.suggestion is None else f"{self.suggestion:.2g}"
        return f"{told}: {self.reason}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as data that JSON can hold."""
        return {
            "rates": list(self.rates),
            "losses": list(self.losses),
            "smoothed": list(self.smoothed),
            "suggestion": self.suggestion,
            "reason": self.reason.en,
            "broke_off": self.broke_off,
        }

    def plot(self, file: Any = None) -> Any:
        """Draw the curve, with the suggestion marked on it.

        Args:
            file: where to write the drawing, as ``"range.png"``; None for nowhere.

        Returns:
            matplotlib's ``Figure``.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        try:
            # Deferred because it costs half a second and is an extra.
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingExtraError.of("the curve", "matplotlib", "report", error) from error
        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(self.rates, self.losses, color="0.75", label="loss")
        axes.plot(self.rates, self.smoothed, color="C0", label="smoothed")
        if self.suggestion is not None:
            axes.axvline(self.suggestion, color="C1", ls="--", label=f"{self.suggestion:.2g}")
        axes.set(xscale="log", xlabel="learning rate", ylabel="loss")
        axes.legend()
        if file is not None:
            figure.savefig(file)
        return figure


def lr_find(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    batch_size: int | None = None,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None,
    shuffle: bool = True,
    lowest: float = 1e-7,
    highest: float = 10.0,
    steps: int = 100,
    runs: int = 3,
    seed: int = 0,
) -> LearningRateRange:
    """Find a learning rate, by a short training in which it grows from step to step.

    The loss stays as it is while the rate is too small to matter, falls, and grows where the rate
    is too high. The rate of step ``i`` is ``lowest · (highest / lowest)^(i / (steps - 1))``. A run
    ends early when the loss is no finite number or has grown to four times its best, and what is
    judged is the median of several runs in different orders of the data: one bad batch, early or
    late, decides nothing. The suggestion is a tenth of the rate at which the smoothed loss is
    least; or, if that is more, the rate at which it falls fastest, but at most a third of the
    other. Where it falls nowhere since the net has learnt already, it is a tenth of the highest
    rate that does no harm.

    All happens on copies: the model, its optimizer, the metrics and all random generators are as
    they were. Only a Python generator has given away up to ``steps`` batches.

    Args:
        model: a compiled model.
        x: the examples, as ``fit()`` takes them: arrays, a ``DataLoader``, ...
        y: what they should come out as.
        batch_size: how many examples a step takes; 32 by default. The best rate depends on it.
        sample_weight: how much each example counts.
        class_weight: how much each class counts.
        shuffle: whether the order of the examples is drawn.
        lowest: the first rate, > 0.
        highest: the last rate, > lowest.
        steps: of one run, >= 20.
        runs: how many, >= 1; ``runs * steps`` steps are the most that this costs.
        seed: what orders and masks follow from; the same gives the same answer.

    Returns:
        The curve and the suggestion, which is None if the loss falls nowhere though the net knows
        nothing.

    Raises:
        NotReadyError: the model is not compiled.
        InputError: an argument is out of range, the data do not fit, or the model cannot be copied.

    Example:
        >>> from latih.layers import Dense, Input
        >>> from latih.models import Sequential
        >>> model = Sequential([Input([1]), Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> found = lr_find(model, [[-1.0], [1.0]], [-3.0, 3.0])
        >>> found.suggestion < 1.0
        True

    Reference:
        Smith 2017, "Cyclical Learning Rates for Training Neural Networks", section 3.3.
    """
    owner = "lr_find()"
    lowest = number(lowest, "lowest", owner, above=0)
    highest = number(highest, "highest", owner, above=lowest)
    steps = whole(steps, "steps", owner, least=20)
    runs = whole(runs, "runs", owner, least=1)
    model.compiled(owner)
    rates = np.geomspace(lowest, highest, steps)
    data = Borrowed(x, steps, owner)
    arguments = {
        "batch_size": batch_size,
        "sample_weight": sample_weight,
        "class_weight": class_weight,
        "shuffle": shuffle,
    }
    before = random.state_dict()
    curves: list[list[float]] = []
    skill = math.nan
    for run in range(runs):
        with random.drawing_from(before), data.drawing():
            random.set_random_seed((seed + run) % 2**32)
            test = _RangeTest(rates.tolist(), asks_skill=not run)
            copy_of(model).fit(
                data.read(), y, epochs=1, steps_per_epoch=steps, verbose=0, callbacks=[test],
                **{name: value for name, value in arguments.items() if value is not None},
            )  # fmt: skip
            curves.append(test.losses)
            skill = test.skill if not run else skill
    return _judged(rates.tolist(), curves, skill)


def _judged(
    rates: Sequence[float], curves: Sequence[Sequence[float]], skill: float
) -> LearningRateRange:
    """Return what several runs say together: their median, as far as most of them came."""
    longest = sorted(map(len, curves))[(len(curves) - 1) // 2]
    losses = [
        float(np.median([curve[step] for curve in curves if step < len(curve)]))
        for step in range(longest)
    ]
    broke_off = longest < len(rates)
    tried = list(rates[:longest])
    read = read_curve(tried, losses, broke_off=broke_off, skill=skill)
    return LearningRateRange(
        tried, losses, read.smoothed.tolist(), read.suggestion, read.reason, broke_off
    )


class _RangeTest(Witness):
    """Raises the rate before each step, and notes the loss of each batch by itself."""

    def __init__(self, rates: Sequence[float], *, asks_skill: bool) -> None:
        super().__init__()
        self.rates, self._asks_skill = rates, asks_skill
        self.skill = math.nan
        """What the net can do before the test."""
        self.losses: list[float] = []
        self._mean = self._weight = 0.0
        self._best = math.inf
        self._largest_fall = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        """Take the rate over: a number can be set in each step, and a schedule cannot."""
        optimizer = self.model.optimizer
        if optimizer.schedule is not None:
            optimizer.learning_rate = _SetByHand()

    def before_training(self, training: Any) -> None:
        """Ask what the net can do; nobody knows where there are no rows to see."""
        rows = probe_batch(training) if self._asks_skill and self.model.has_call else None
        if rows is not None:
            facts = Facts(**facts_of_batch(self.model, rows))
            probe = Probe(self.model, facts, rows, self.model.objective)
            self.skill = probe.check(Moment(0, 0)).skill

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Set the rate, and begin the running sums anew, so that they hold one batch."""
        optimizer = self.model.optimizer
        if isinstance(optimizer.schedule, _SetByHand):
            optimizer.schedule.rate = self.rates[batch]
        else:
            optimizer.learning_rate = self.rates[batch]
        self.model.reset_metrics()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Note the loss; end the run if it will not come back."""
        loss = float((logs or {}).get("loss", math.nan))
        if not math.isfinite(loss) or self._has_diverged(loss, batch):
            self.model.stop_training = True
            return
        self.losses.append(loss)

    def _has_diverged(self, loss: float, batch: int) -> bool:
        self._mean = EMA_DECAY * self._mean + (1 - EMA_DECAY) * loss
        self._weight = EMA_DECAY * self._weight + (1 - EMA_DECAY)
        mean = self._mean / self._weight  # or the zero that it began with would count
        if batch < len(self.rates) // 10:
            return False
        self._best = min(self._best, mean)
        first = float(np.median(self.losses[: len(self.rates) // 5]))
        # A loss may be below 0, or so near it that its noise is many times its size.
        size = max(abs(self._best), (first - self._best) / DIVERGED)
        return mean > self._best + (DIVERGED - 1) * size


class _SetByHand(LearningRateSchedule):
    """A schedule in the place of another, for a rate that is set from outside."""

    def __init__(self) -> None:
        self.rate = 0.0

    def rate_at(self, step: float) -> float:
        """Return the rate that was set."""
        return self.rate


class BatchesAsData:
    """The batches of a run under way as data that another run can be given.

    Args:
        batches: of arrays, any pass of which can be made at any time.
    """

    def __init__(self, batches: ArrayBatches) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[Any]:
        """Yield ``(x, y, sample_weight)`` of each batch of the first pass."""
        for reused in self.batches.epoch(0):
            batch = reused.copy()
            weights = None if all(one is None for one in batch.weights) else batch.weights
            yield batch.inputs, only_one_or_all(batch.targets), only_one_or_all(weights or [None])
