"""An examination: what ails a model, found on a copy of it by a short training."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from latih import random
from latih.arguments import whole
from latih.data import as_arrays, is_stream
from latih.data.arrays import convert
from latih.doctor.borrowed import Borrowed, copy_of
from latih.doctor.diagnosis import Diagnosis, diagnose
from latih.doctor.evidence import Evidence
from latih.doctor.refused import facts_of_refused
from latih.doctor.rules import RULES
from latih.doctor.trial_data import steps_of
from latih.doctor.watch import Doctor
from latih.engine.events import Witness
from latih.errors import InputError

LIKELY_STEPS = 1000
"""So many a training has at least, where nobody says how many are planned."""


def examine(
    model: Any,
    x: Any,
    y: Any = None,
    validation_data: Any = None,
    *,
    epochs: int | None = None,
    steps: int = 300,
    batch_size: int | None = None,
    shuffle: bool = True,
    class_weight: Mapping[int, float] | None = None,
    sample_weight: Any = None,
    seed: int = 0,
) -> Diagnosis:
    """Say what ails a model, before hours are spent on it.

    First what model, data and compilation say by themselves; then a copy is trained for a few
    hundred steps, as ``fit()`` would train it from where it stands, with a
    :class:`~latih.callbacks.Doctor` that leaves no look out. What only shows later, such as
    overfitting, ``fit(doctor="watch")`` tells.

    The model, its optimizer, the metrics and all random generators are left as they were. Only a
    Python generator has given away up to ``steps`` batches.

    Args:
        model: a compiled model, trained or not; captured or eager, of layers or of code.
        x: the examples, as ``fit()`` takes them: arrays, a ``DataLoader``, ...
        y: what they should come out as.
        validation_data: as in ``fit()``.
        epochs: how many are planned; what the doctor expects after so many steps depends on it.
            None if nobody knows: then it is never said that they are too few.
        steps: of the trial, at most; 0 looks only at what is known before the first step.
        batch_size: how many examples a step takes; 32 by default.
        shuffle: whether each epoch has an order of its own.
        class_weight: how much each class counts.
        sample_weight: how much each example counts.
        seed: what order and masks follow from; the same gives the same diagnosis.

    Returns:
        The findings, the most probable first.

    Raises:
        NotReadyError: the model is not compiled.
        InputError: an argument is out of range; the model cannot be copied; or the data do not fit
            it, and the doctor has no more to say of that than ``fit()``.

    Example:
        >>> from latih.layers import Dense, Input
        >>> from latih.models import Sequential
        >>> model = Sequential([Input([1]), Dense(1, "sigmoid")])
        >>> model.compile("sgd", "mse")
        >>> x = [[number / 50] for number in range(100)]
        >>> found = examine(model, x, [10 * row[0] for row in x])
        >>> found.cause.code  # targets up to 20, outputs up to 1
        'wrong-output-activation'
    """
    owner = "examine()"
    model.compiled(owner)
    steps = whole(steps, "steps", owner, least=0)
    if epochs is not None:
        epochs = whole(epochs, "epochs", owner, least=1)
    if isinstance(validation_data, Iterator):
        raise InputError(
            "examine() cannot hold its trial against `validation_data`",
            expected="arrays, a Dataset or a DataLoader",
            got="a generator, which can be read once",
            fix="Leave it out, or give what begins anew.",
        )
    data = Borrowed(x, max(steps, 1), owner, {"validation": validation_data})
    plan = epochs or _likely_epochs(x, batch_size, steps)
    doctor = Doctor(share=1.0)  # what is seen shall not depend on how fast the machine is
    with random.drawing_from(random.state_dict()), data.drawing():
        random.set_random_seed(seed)
        trial = copy_of(model)
        try:
            trial.fit(
                data.read(),
                y,
                batch_size=batch_size,
                epochs=plan,
                verbose=0,
                callbacks=[doctor, Enough(steps)],
                validation_data=validation_data,
                shuffle=shuffle,
                class_weight=class_weight,
                sample_weight=sample_weight,
            )
        except InputError as refusal:
            return _diagnosed(trial, x, y, plan, batch_size, refusal)
    evidence = doctor.evidence
    planned = evidence.facts.planned_steps
    evidence.ended = epochs is not None and planned is not None and doctor.step >= planned
    return diagnose(evidence, RULES)


class Enough(Witness):
    """Ends a training after some steps.

    Args:
        steps: how many.
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._left = steps

    def before_training(self, training: Any) -> None:
        """End it, if none is asked for."""
        self._end_if_enough(training)

    def after_step(self, training: Any) -> None:
        """End it, if that was the last one."""
        self._left -= 1
        self._end_if_enough(training)

    def _end_if_enough(self, training: Any) -> None:
        if self._left <= 0:
            training.model.stop_training = True


def _likely_epochs(x: Any, batch_size: int | None, steps: int) -> int:
    """Return epochs for many more steps than are tried."""
    of_one = steps_of(x if is_stream(x) else as_arrays(x, "x", convert), batch_size)
    if of_one is None:
        return max(steps, 1)
    return math.ceil(max(LIKELY_STEPS, 2 * steps) / max(of_one, 1))


def _diagnosed(
    model: Any, x: Any, y: Any, epochs: int, batch_size: int | None, refusal: InputError
) -> Diagnosis:
    """Return what is wrong with a training that is refused.

    Raises:
        InputError: the refusal, if the doctor knows no more.
    """
    if is_stream(x) or y is None:
        raise refusal
    try:
        arrays = as_arrays(x, "x", convert), as_arrays(y, "y", convert)
        facts = facts_of_refused(model, *arrays, epochs, batch_size)
    except Exception:  # what cannot even be described, the refusal tells best
        raise refusal from None
    found = diagnose(Evidence(facts=facts), RULES)
    if not found.faults:
        raise refusal
    return found
