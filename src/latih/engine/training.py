"""A training: epochs of steps, with who listens told, and its state at any step's boundary."""

import warnings
from collections.abc import Mapping
from typing import Any

from latih import random
from latih.data.batches import Batch, Batches
from latih.engine.callback_states import callback_states, load_callback_states, put_back
from latih.engine.events import CallbackList, LazyLogs
from latih.engine.inference import run_evaluation
from latih.engine.interrupt import CTRL_C_AND_SIGTERM, InterruptibleSteps
from latih.engine.own_step import OwnStep
from latih.engine.plan import Plan, Terms
from latih.engine.run_state import (
    build_as,
    load_optimizer_states,
    load_weights,
    optimizer_states,
    shapes_of,
    weights_of,
)
from latih.engine.step import TestStep, TrainStep
from latih.engine.threads import Threads
from latih.errors import LatihWarning, Terminated
from latih.layers.seeds import load_seed_state, seed_state

PARTS_IN_MAPPINGS = frozenset(
    (
        *("asked", "circumstances", "position", "shapes", "weights", "optimizers", "callbacks"),
        *("seeds", "random", "threads"),
    )
)
PARTS_OF_STATE = PARTS_IN_MAPPINGS | {"sums", "data", "validation"}
"""What :meth:`Training.state_dict` gives."""


class Training:
    """The training of a model, from where it stands until the plan or a callback ends it.

    All that its next step depends on is in :meth:`state_dict`, which may be taken after any step:
    another process that loads it goes on to the same bits.

    Args:
        step: what is done to each batch.
        test_step: what an evaluation does to each batch.
        batches: the examples.
        validation: those to evaluate on after an epoch; None for none.
        callbacks: who listens; the keepers among them are handed the training itself.
        plan: how long to train.
    """

    def __init__(
        self,
        step: TrainStep | OwnStep,
        test_step: TestStep | OwnStep,
        batches: Batches,
        validation: Batches | None,
        callbacks: CallbackList,
        plan: Plan,
    ) -> None:
        self.model: Any = step.model
        self.step, self.test_step = step, test_step
        self.batches, self.validation = batches, validation
        self.callbacks, self.plan = callbacks, plan
        batches.reuse(step.memory)
        self.threads = Threads(plan.steps_per_epoch or batches.steps)
        """How many the steps take."""
        self.epoch = plan.initial_epoch
        """The epoch under way, or the next one; the first is 0."""
        self.steps_done = 0
        """How many steps of it were done."""
        self.logs: dict[str, Any] | None = None
        """What its steps logged, once all of them were done and the evaluation is to come."""
        self.terms = Terms()
        self.batch: Batch | None = None
        """What the step under way is done to; None between epochs."""
        self._had_ended = False
        self._last_logs: dict[str, Any] = {}
        self._before_evaluation: dict[str, Any] | None = None

    @property
    def is_within_epoch(self) -> bool:
        """Whether an epoch was begun and not ended."""
        return self.steps_done > 0 or self.logs is not None

    @property
    def position(self) -> dict[str, Any]:
        """How far it is, and whether it shall go farther."""
        return {
            "epoch": self.epoch,
            "steps_done": self.steps_done,
            "logs": self.logs,
            "epochs_asked": self.plan.epochs,
            "stopped": bool(self.model.stop_training),
            "stop_reason": self.model.stop_reason,
        }

    def run(self) -> None:
        """Train.

        However it ends, by Ctrl-C or an exception too, the callbacks hear ``on_train_end``: what
        they hold (the best weights, open files) is put in its place before the error goes on.
        """
        model = self.model
        model.stop_training, model.stop_reason, model.completed = False, None, False
        with InterruptibleSteps(CTRL_C_AND_SIGTERM) as steps, self.threads.in_force():
            restored = self._restored()
            try:
                self._begin(restored)
                if not self._had_ended:
                    self._train(steps)
                # Before the averages of weights take their place: this is what trains on.
                for keeper in self.callbacks.keepers:
                    keeper.keep(self)
                if self.plan.epochs > 0:
                    self.step.finish()
                model.stop_reason = model.stop_reason or "all epochs done"
                model.completed = True
            except (KeyboardInterrupt, Terminated) as interruption:
                terminated = isinstance(interruption, Terminated)
                model.stop_reason = "ended by SIGTERM" if terminated else "interrupted by Ctrl-C"
                if steps.at_boundary:
                    for keeper in self.callbacks.keepers:
                        keeper.keep(self)
                raise
            except BaseException as error:
                model.stop_reason = f"{type(error).__name__}: {error}"
                raise
            finally:
                self._end(steps)

    def _restored(self) -> Mapping[str, Any] | None:
        try:
            found = [keeper.restore(self) for keeper in self.callbacks.keepers]
        except BaseException:
            self._let_go()
            raise
        # Of several, such as a backup beside a run directory, the one that lost the least.
        states = (one for one in found if one is not None)
        return max(states, key=lambda state: place_of(state["position"]), default=None)

    def _begin(self, state: Mapping[str, Any] | None) -> None:
        if state is not None:
            self.load_state_dict(state)
        self.callbacks.call("on_train_begin", None)
        if state is not None:
            # Once more: what a hook read was true, and what it changed (a rate, a draw) had been
            # changed when the state was taken.
            if self.is_within_epoch:
                # What it sets up (a bar, a clock) is needed again.
                self.callbacks.call("on_epoch_begin", self.epoch, None)
            put_back(self.callbacks.callbacks, state["callbacks"])
            self._load_parts(state)
        asked_before = self.model.stop_training
        for witness in self.callbacks.witnesses:
            witness.before_training(self)
        self._had_ended |= self.model.stop_training and not asked_before
        for keeper in self.callbacks.keepers:
            keeper.begin_keeping(self)

    def _train(self, steps: InterruptibleSteps) -> None:
        model = self.model
        while self.epoch < self.plan.epochs:
            if self.batches.exhausted and not self.is_within_epoch:
                _warn_of_missing_epochs(self.epoch, self.plan.epochs)
                model.stop_reason = "the data have ended"
                break
            self._train_epoch(steps)
            if model.stop_training:
                model.stop_reason = model.stop_reason or "a callback asked for it"
            for keeper in self.callbacks.keepers:
                keeper.after_epoch(self)
            steps.raise_if_interrupted()
            if model.stop_training:
                break

    def _train_epoch(self, steps: InterruptibleSteps) -> None:
        epoch = self.epoch
        if not self.is_within_epoch:
            self.callbacks.call("on_epoch_begin", epoch, None)
            self.step.reset()
        if self.logs is None:
            self._train_steps(steps)
            self.batch = None
            self.logs = self.step.results()
        if self.validation is not None and self.plan.validates(epoch):
            scores = self._evaluate(self.validation, steps)
            self.logs.update({f"val_{name}": value for name, value in scores.items()})
        logs = self._last_logs = self.logs
        self.callbacks.call("on_epoch_end", epoch, logs)
        self.epoch, self.steps_done, self.logs = epoch + 1, 0, None

    def _train_steps(self, steps: InterruptibleSteps) -> None:
        model, step, callbacks, threads = self.model, self.step, self.callbacks, self.threads
        heard = callbacks.hears("on_train_batch_begin", "on_train_batch_end")
        watched = self.batches.runs_user_code or callbacks.strangers_hear(
            "on_train_batch_begin", "on_train_batch_end"
        )
        step.refresh()
        model.train()
        done = self.steps_done
        # With steps_per_epoch an epoch is no whole pass, and the next goes on where it ended.
        steps_each = self.plan.steps_per_epoch or self.batches.steps
        stream = (
            self.batches.epoch(self.epoch, done)
            if steps_each is None
            else self.batches.stream(self.epoch * steps_each + done, steps_each - done)
        )
        for number, batch in enumerate(steps.reading(stream), done):
            if heard:
                callbacks.call("on_train_batch_begin", number, None)
            if watched:
                step.refresh()
            self.batch = batch
            threads.do(step, batch)
            if heard:
                callbacks.call("on_train_batch_end", number, LazyLogs(step.results))
            self.steps_done = number + 1
            for witness in callbacks.witnesses:
                witness.after_step(self)
            if model.stop_training:
                break
            for keeper in callbacks.keepers:
                keeper.after_step(self)
            steps.raise_if_interrupted()

    def _evaluate(self, validation: Batches, steps: InterruptibleSteps) -> dict[str, Any]:
        # One that is broken off is done again from its beginning, with the same draws.
        if self.callbacks.keepers:
            self._before_evaluation = self._drawn()
            for keeper in self.callbacks.keepers:
                keeper.before_evaluation(self)
        scores = run_evaluation(
            self.test_step, validation, self.callbacks, self.plan.validation_steps, steps
        )
        self._before_evaluation = None
        return scores

    def _end(self, steps: InterruptibleSteps) -> None:
        try:
            for keeper in self.callbacks.keepers:
                keeper.finish_keeping(self)
        finally:
            # From here on Ctrl-C waits once more: half of the best weights are no weights.
            steps.ending = True
            self.model.eval()
            try:
                self.callbacks.call_all("on_train_end", self._last_logs)
            finally:
                self._let_go()

    def _let_go(self) -> None:
        self.step.let_go()
        self.test_step.let_go()
        for keeper in self.callbacks.keepers:
            keeper.let_go(self)

    # Its state

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next step depends on, and what the run has noted so far.

        Returns:
            JSON values and tensors. The tensors are the model's and the optimizer's own, which
            change with the next step: copy what shall stay.
        """
        return {
            "asked": self.terms.asked,
            "circumstances": self.terms.circumstances,
            "position": self.position,
            "shapes": shapes_of(self.model),
            "weights": weights_of(self.model),
            "optimizers": optimizer_states(self.model),
            "sums": self.step.state_dict() if self.steps_done and self.logs is None else None,
            "data": self.batches.state_dict(),
            "callbacks": callback_states(self.callbacks.callbacks),
            "threads": self.threads.state_dict(),
            **(self._before_evaluation or self._drawn()),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave, here or in another process.

        Raises:
            InputError: it does not fit.
        """
        position = state["position"]
        self.epoch, self.steps_done = position["epoch"], position["steps_done"]
        self.logs = None if position["logs"] is None else dict(position["logs"])
        # Who asks for more epochs than before asks for more than what had ended.
        asks_for_more = self.plan.epochs > position["epochs_asked"]
        if position["stopped"] and (self.is_within_epoch or not asks_for_more):
            self.model.stop_training, self.model.stop_reason = True, position["stop_reason"]
            self._had_ended = not self.is_within_epoch
        # First what may not fit: a callback that took its state would put it in place at the end.
        self._load_parts(state)
        load_callback_states(self.callbacks.callbacks, state["callbacks"])
        self.threads.load_state_dict(state["threads"])

    def _load_parts(self, state: Mapping[str, Any]) -> None:
        build_as(self.model, state["shapes"])
        load_weights(self.model, state["weights"])
        # What is None or missing was left out, because it does not fit and going on is forced.
        load_optimizer_states(self.model, state["optimizers"])
        if state["sums"] is not None:
            self.step.load_state_dict(state["sums"])
        if state["data"] is not None:
            self.batches.load_state_dict(state["data"])
        if self.validation is not None and state["validation"] is not None:
            self.validation.load_state_dict(state["validation"])
        load_seed_state(self.model, state["seeds"])
        random.load_state_dict(state["random"])

    def _drawn(self) -> dict[str, Any]:
        return {
            "validation": None if self.validation is None else self.validation.state_dict(),
            "seeds": seed_state(self.model),
            "random": random.state_dict(),
        }


def place_of(position: Mapping[str, Any]) -> tuple[int, bool, int]:
    """Return how far a training is: of two, the larger is the one that is farther."""
    return position["epoch"], position["logs"] is not None, position["steps_done"]


def _warn_of_missing_epochs(done: int, asked: int) -> None:
    warnings.warn(
        f"the data have ended after {done} of {asked} epochs. Give a generator that goes on, with "
        "steps_per_epoch, or data that begin anew: arrays, a Dataset, a DataLoader.",
        LatihWarning,
        stacklevel=4,
    )
