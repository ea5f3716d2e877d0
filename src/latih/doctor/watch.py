"""The doctor at a training: it looks on, says what is wrong as it is seen, and may end it."""

import math
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import isfinite
from typing import Any, Literal

from latih.arguments import number, one_of
from latih.doctor.anatomy import layers_of
from latih.doctor.casebook import Casebook, When
from latih.doctor.diagnosis import Diagnosis
from latih.doctor.evidence import Evidence
from latih.doctor.facts import facts_of
from latih.doctor.finding import Finding
from latih.doctor.look_records import NotFinite
from latih.doctor.movement import Movement
from latih.doctor.origin import first_not_finite, not_finite_after, not_finite_in_facts
from latih.doctor.pace import Budget, is_owed, next_look, postponed
from latih.doctor.probe import Moment, Probe
from latih.doctor.rows import most_rows, probe_batch
from latih.doctor.rule import Rule
from latih.doctor.rules import RULES
from latih.doctor.sensors import named
from latih.engine.events import Witness
from latih.engine.own_step import OwnStep
from latih.engine.run_state import optimizers_of
from latih.errors import InputError, LatihWarning
from latih.optimizers import Optimizer
from latih.run_directory import RunDirectory

Action = Literal["watch", "stop"]

BETWEEN_TRAINING_LOSSES = 3
"""Every how many looks the loss is taken in training mode, too."""

FINITE = 0.0
"""What is read where nothing is to be found any more."""

BETWEEN_READINGS = 16
"""After so many steps the loss is read from a device that would have to be waited for."""


class Doctor(Witness):
    """Watches a training, and names what is wrong with it while there is time.

    Before the first step it looks at the model and the data; then after steps 1, 2, 5, 10, 20, 50,
    100, 150, 200 and fifty times more at a few rows that stay the same, at the gradients and at how
    far the weights move. What it sees becomes :attr:`evidence`, of which the rules make a
    :attr:`diagnosis`. No number of the training depends on it.

    A contradiction that no training can mend is told before the first step, any other fault when
    two looks in a row have found it. ``fit(..., doctor="watch")`` adds one, and its diagnosis is
    ``history.diagnosis``.

    Args:
        action: ``"watch"`` to tell; ``"stop"`` to end the training too, with
            ``model.stop_reason`` naming the fault. If that is before the first step and nothing is
            shown (``verbose=0``), a warning says so.
        share: how much of the training's time the looks may take, 0..1; where it is used up, looks
            are left out, but for those after a twentieth, a fifth and half of a training of known
            length. With 1 none is, so that what is seen does not depend on the machine.
        clock: tells the time in seconds.

    Raises:
        InputError: an argument cannot be used.

    Example:
        >>> from latih.layers import Dense
        >>> from latih.models import Sequential
        >>> model = Sequential([Dense(1, input_shape=[1])])
        >>> model.compile("sgd", "mse")
        >>> doctor = Doctor()
        >>> _ = model.fit([[0.0], [1.0]], [1.0, 3.0], epochs=3, verbose=0, callbacks=[doctor])
        >>> doctor.evidence.steps
        3
    """

    rules: Sequence[Rule] = RULES
    """The illnesses that it knows."""

    def __init__(
        self,
        action: Action = "watch",
        *,
        share: float = 0.02,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__()
        one_of(action, "action", "Doctor", ("watch", "stop"))
        self.action = action
        self.share = number(share, "share", "Doctor", least=0, most=1)
        self.earlier: Sequence[Mapping[str, Any]] = ()
        """What was told of a training before this one, which it follows: it stays written down."""
        self._history: Any = None
        self._run: RunDirectory | None = None
        self._budget = Budget(self.share, clock)
        self._goes_on = False
        self._training: Any = None
        self._probe: Probe | None = None
        self._ears: list[_Ear] = []
        self._forget()

    def _forget(self) -> None:
        self._book = Casebook(self.rules)
        self.step, self.due = 0, 1
        """How many steps were done, and after how many the next look is due."""
        self.loss: Any = None
        """The sum of the epoch's losses, as a view of memory; None where it cannot be had."""
        self._wakes = 1
        self._movement: Movement | None = None
        self._is_off = False
        self._unsaid: list[str] = []

    @property
    def evidence(self) -> Evidence:
        """What was seen so far, in plain numbers."""
        return self._book.evidence

    @property
    def diagnosis(self) -> Diagnosis:
        """What that means."""
        return self._book.diagnosis

    @property
    def told(self) -> Sequence[Mapping[str, Any]]:
        """What was told so far, as it is written down."""
        return self._book.told

    def is_heard_by(self, history: Any, run: RunDirectory | None = None) -> None:
        """Say where the diagnosis goes.

        Args:
            history: the record of the training, which gets it as ``diagnosis``.
            run: where all that is seen is written down; None for nowhere.
        """
        self._history, self._run = history, run

    # Before the first step

    def on_train_begin(self, logs: Any = None) -> None:
        """Forget what was seen, unless a state was loaded."""
        if not self._goes_on:
            self._forget()
        self._goes_on = False

    def before_training(self, training: Any) -> None:
        """Look for what can be seen before the first step."""
        self._training = training
        self.attempt(self._begin)

    def _begin(self) -> None:
        book, training, model = self._book, self._training, self._training.model
        book.rules, book.run, book.earlier = self.rules, self._run, self.earlier
        rows = probe_batch(training, most_rows(training))
        is_fresh = not self.evidence.checks
        if is_fresh:
            self.evidence.facts = facts_of(training, rows)
            self._come_late(training)
        else:
            self._call_layers_as(model, rows)
        probe = self._probe = Probe(model, self.evidence.facts, rows, model.objective)
        book.begin()
        # Of one that goes on, too: by it the probe finds how many rows are enough.
        check = probe.check(self._moment(), in_training=True)
        if is_fresh:
            book.note(check)
            found = not_finite_in_facts(self.evidence.facts)
            if found is None and not probe.is_finite(check):
                found = self._origin(rows, 0)
            self._note_not_finite(found)
            self._judge("before", at_once=True)
        self.loss = self._running_loss()
        self._wakes = self._next_waking()
        self._ears = [_Ear(self, optimizer) for optimizer in optimizers_of(model).values()]
        for ear in self._ears:
            ear.optimizer.watcher = ear
        self._budget.begin()

    def _come_late(self, training: Any) -> None:
        """Count the steps that a run had done already that goes on and had no doctor before."""
        of_one = training.plan.steps_per_epoch or training.batches.steps or 0
        epochs = training.epoch - training.plan.initial_epoch
        self.step = max(0, epochs) * of_one + training.steps_done
        self.due = next_look(self.step, self.evidence.facts.planned_steps)

    def _call_layers_as(self, model: Any, rows: Any) -> None:
        """Let what was seen bear the names of a model that was made anew, and counted on."""
        known = named(model)
        before = [one.name for one in self.evidence.facts.layers]
        if rows is None or all(name in known for name in before):
            return
        now = [one.name for one in layers_of(model, rows.inputs)]
        if len(now) == len(before):
            self.evidence.rename(dict(zip(before, now, strict=True)))

    # Between the steps

    def about_to_move(self, optimizer: Optimizer) -> None:
        """Note where the weights are and which way they are sent, if this step is looked at."""
        if self._probe is None:
            return
        if self._movement is None:
            if not self._may_look(self.step + 1):
                return
            with self._budget.spending():
                self._movement = self._probe.weights.begin()
        with self._budget.spending():
            self._probe.weights.note(self._movement, optimizer)

    def after_step(self, training: Any) -> None:
        """Look, if it is time."""
        self.step += 1
        if self.step >= self._wakes:
            self.attempt(self._wake)

    def _wake(self) -> None:
        if self._is_read_after_steps:
            loss = self._training.step.results().get("loss")
            if isinstance(loss, float) and not isfinite(loss):
                self.see_not_finite(is_moved=True)
        if self.step >= self.due and not self._is_amid_update:
            if self._movement is None and not self._may_look(self.step):
                self.due = postponed(self.step, self.evidence.facts.planned_steps)
            else:
                with self._budget.spending():
                    self._look()
                self._budget.close()
                self.due = next_look(self.step, self.evidence.facts.planned_steps)
        self._wakes = self._next_waking()

    def _may_look(self, step: int) -> bool:
        planned = self.evidence.facts.planned_steps
        return self._budget.allows() or is_owed(self.evidence.steps, step, planned)

    def _look(self) -> None:
        probe, movement = self._probe, self._movement
        self._movement = None
        if probe is None:
            return
        is_turn = len(self.evidence.checks) % BETWEEN_TRAINING_LOSSES == 0
        check = probe.check(self._moment(), movement, in_training=is_turn)
        self._book.note(check)
        if not probe.is_finite(check):
            found = not_finite_after(check)
            self._note_not_finite(found or self._origin(probe.rows, self.step + 1))
        self._judge("run")

    @property
    def _is_amid_update(self) -> bool:
        """Whether micro-steps are to come before the weights move, which is what is looked at."""
        steps = [ear.optimizer.gradient_accumulation_steps or 1 for ear in self._ears]
        return self._movement is None and self.step - self.due + 1 < max(steps, default=1)

    def _next_waking(self) -> int:
        if self._is_read_after_steps:
            is_near = self._training.model.device.type == "cpu"
            return min(self.due, self.step + (1 if is_near else BETWEEN_READINGS))
        return self.due

    def _moment(self) -> Moment:
        training = self._training
        optimizer = training.model.optimizer
        rate = math.nan if optimizer is None else optimizer.current_rate()
        return Moment(self.step, training.epoch, rate)

    # Numbers that are none

    @property
    def _is_read_after_steps(self) -> bool:
        """Whether the loss is not to be had before the weights move, without waiting for it."""
        return self.loss is None

    def _running_loss(self) -> Any:
        """Return a view of the sum of the losses, which is read in no time; None if there is none.

        It holds the loss of a step before the weights move.
        """
        if self.evidence.not_finite is not None:
            return FINITE
        training = self._training
        if isinstance(training.step, OwnStep) or training.model.device.type != "cpu":
            return None
        return training.model.objective.loss_mean.total.detach().numpy()

    def see_not_finite(self, *, is_moved: bool = False) -> None:
        """Find where the first number was none, in the step under way.

        Args:
            is_moved: whether the step has moved the weights, and may have spoilt all of them.
        """
        step = self.step if is_moved else self.step + 1
        found = self._origin(self._training.batch, step, is_moved=is_moved)
        self._note_not_finite(found or NotFinite(step, "loss"))
        self._judge("run", at_once=True)

    def _origin(self, rows: Any, step: int, *, is_moved: bool = False) -> NotFinite | None:
        model, probe = self._training.model, self._probe
        names = {} if probe is None else probe.sensors.modules
        return first_not_finite(model, model.objective, rows, names, step, is_moved=is_moved)

    def _note_not_finite(self, found: NotFinite | None) -> None:
        if found is not None:
            self._book.note_not_finite(found)
            self.loss = FINITE

    # The end of an epoch, and of all

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep what the epoch logged."""
        self._book.note_epoch(logs or {})

    def on_train_end(self, logs: Any = None) -> None:
        """Look once more, and say what it was."""
        self._let_go()
        self.attempt(self._end)
        self._training = self._probe = self._movement = None
        self._tell_warnings()

    def _end(self) -> None:
        is_over = self.model is not None and (self.model.completed or self.model.stop_training)
        if is_over and self._probe is not None and self.evidence.steps < self.step:
            self._book.note(self._probe.check(self._moment(), in_training=True))
        self._book.end(is_over=is_over)
        self._judge("end", at_once=True)
        if self.diagnosis.faults and self._speaks:
            self.conclude()

    def conclude(self) -> None:
        """Show what it was."""
        self.diagnosis.print()

    def _let_go(self) -> None:
        for ear in self._ears:
            ear.optimizer.watcher = None
        self._ears = []

    # What it says and does

    def _judge(self, when: When, *, at_once: bool = False) -> None:
        found = self._book.judge(when, self.step, at_once=at_once)
        if self._history is not None:
            self._history.diagnosis = self.diagnosis
        for finding in found:
            self.say(f"\n{Diagnosis([finding])}")
        if found and when != "end":
            self.act(found[0])
        elif when == "run":
            self.consider()

    def consider(self) -> None:
        """Think of what is no fault, after a look that found none that is new."""

    def act(self, found: Finding) -> None:
        """Do what is to be done where a fault is found before the training has ended.

        Args:
            found: the most probable fault.
        """
        if self.action == "stop" and not self.model.stop_training:
            self.model.stop_training = True
            self.model.stop_reason = f"the doctor found {found.code}: {found.text}"
            if not self.step and not self._speaks:  # it has no history that would tell
                told = f"the doctor ended the training before its first step. {Diagnosis([found])}"
                self.warn(told)

    def say(self, line: str) -> None:
        """Print a line, where lines are asked for."""
        if self._speaks:
            print(line)

    def warn(self, told: str) -> None:
        """Warn of something; in a training when it is over, and not in the midst of a look."""
        self._unsaid.append(told)
        if self._training is None:
            self._tell_warnings()

    def _tell_warnings(self) -> None:
        """Say what there was to warn of."""
        unsaid, self._unsaid = self._unsaid, []
        for told in unsaid:
            warnings.warn(told, LatihWarning, stacklevel=2)

    @property
    def _speaks(self) -> bool:
        return bool(self.params.get("verbose"))

    def attempt(self, what: Callable[[], None]) -> None:
        """Do something; what goes wrong in it ends the doctor's looks and not the training."""
        if self._is_off:
            return
        try:
            what()
        except Exception as error:  # a training is worth more than what the doctor has to say
            self._is_off, self._wakes = True, sys.maxsize
            self._let_go()
            told = f"{type(error).__name__}: {error}"
            warnings.warn(
                f"the doctor can see no more of this training, which goes on: {told}",
                LatihWarning,
                stacklevel=2,
            )

    # Its state

    def state_dict(self) -> dict[str, Any]:
        """Return what was seen and told so far."""
        return {"book": self._book.state_dict(), "step": self.step, "due": self.due}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`state_dict` gave; the next run goes on from it.

        Raises:
            InputError: it is another callback's.
        """
        if set(state) != {"book", "step", "due"}:
            raise InputError(
                "the state is not one of Doctor",
                expected="book, step, due",
                got=", ".join(map(str, state)) or "nothing",
            )
        self._book.load_state_dict(state["book"])
        self.step, self.due = state["step"], state["due"]
        self._goes_on = True

    def put_back(self, state: Mapping[str, Any]) -> None:
        """Take a state within a run: the run after it forgets."""
        self.load_state_dict(state)
        self._goes_on = False


class _Ear:
    """What an optimizer tells when gradients are there and no weight has moved.

    It is asked at every step. A copy of the optimizer, as for a trial, has nobody listening.
    """

    def __init__(self, doctor: Doctor, optimizer: Optimizer) -> None:
        self._doctor, self.optimizer = doctor, optimizer

    def __call__(self, optimizer: Optimizer, moves: bool) -> None:
        doctor = self._doctor
        if doctor.loss is not None and not isfinite(doctor.loss):
            doctor.attempt(doctor.see_not_finite)
        if moves and doctor.step + 1 >= doctor.due:
            doctor.attempt(partial(doctor.about_to_move, optimizer))

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        return None
