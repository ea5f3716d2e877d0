"""A layer that can be trained: compile, fit, evaluate, predict."""

import contextlib
import datetime
import inspect
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal

import torch

from latih import random
from latih.arguments import one_of, whole
from latih.callbacks import Doctor, History, ProgbarLogger
from latih.callbacks.given import listed
from latih.callbacks.precision_tip import PrecisionTip
from latih.callbacks.progress import Verbose
from latih.data.batches import ArrayBatches
from latih.engine import inference
from latih.engine.events import Callback, CallbackList
from latih.engine.objective import Given, Objective
from latih.engine.plan import Plan
from latih.engine.threads import Threads
from latih.engine.training import Training
from latih.errors import (
    InputError,
    NotReadyError,
    near_matches,
)
from latih.layers.base import mode
from latih.models import ends, preparation
from latih.models.kept_run import (
    DEFAULT_INTERVAL,
    KeptRun,
    Resume,
    require_meaning,
    require_resume,
    settle_terms,
)
from latih.models.preparation import Reading
from latih.models.stepping import Stepping
from latih.models.treated import fit_treated, was_treated
from latih.optimizers import OPTIMIZERS
from latih.run_directory import RunDirectory
from latih.structures import flatten

# Arguments of Keras's compile() that choose how its backends run, and mean nothing here.
ABOUT_BACKENDS = ("steps_per_execution", "auto_scale_loss")


class Trainable(Stepping):
    """The half of a model that learns; :class:`~latih.models.Model` adds what it shows and saves.

    Args:
        kwargs: arguments of :class:`~latih.layers.Layer`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stop_training = False
        self.stop_reason: str | None = None
        self.completed = False
        self.history: History | None = None

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        jit_compile: bool | Literal["auto"] = "auto",
        **kwargs: Any,
    ) -> None:
        """Say how the model is trained: Keras's compile, not torch's.

        Args:
            optimizer: a name or an object.
            loss: a name, an object, or a function ``(y_true, y_pred)``; for several outputs one
                for all, or a list or dict of them.
            loss_weights: how much the loss of each output counts: a list or dict of numbers.
            metrics: a list of names, objects or functions; for several outputs a list or dict of
                such lists.
            weighted_metrics: the same, reckoned with the sample weights.
            run_eagerly: whether each step calls every layer's code anew: for a debugger, or code
                that does more than calculate. The same as ``jit_compile=False``.
            jit_compile: whether a step is recorded once and replayed, which is faster and gives the
                same numbers. ``"auto"`` does so where nothing but PyTorch and Latih is called, in
                code of your own too as far as that can be read; True takes your word that your
                code only calculates; False never does. :meth:`explain_step` tells what came of it.
            kwargs: arguments of Keras about its backends, which mean nothing here:
                ``steps_per_execution``, ``auto_scale_loss``.

        Raises:
            UnknownNameError: a name is in no table; the sentence has those that look like it.
            InputError: an argument that Latih does not have.

        Example:
            >>> from latih.models import Sequential
            >>> model = Sequential()
            >>> model.compile("adam", loss="mse", metrics=["mae"])
            >>> type(model.optimizer).__name__
            'Adam'
        """
        known = (
            *("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics"),
            *("run_eagerly", "jit_compile"),
        )
        for argument in set(kwargs) - set(ABOUT_BACKENDS):
            raise InputError(
                f"compile() has no argument `{argument}`", fix=near_matches(argument, known)
            )
        one_of(jit_compile, "jit_compile", "compile()", (True, False, "auto"))
        capture = False if run_eagerly else jit_compile
        objective = Objective(Given(loss, metrics, weighted_metrics, loss_weights), capture)
        if self.is_symbolic:
            objective.compares(self.output_names)  # what does not fit them is refused now
        self.objective = objective
        self.optimizer = OPTIMIZERS.get(optimizer)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Verbose = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Collection[int] = 1,
        *,
        run_dir: str | os.PathLike[str] | RunDirectory | None = None,
        resume: Resume = "auto",
        snapshot_every: int | str | datetime.timedelta | Literal[False] = DEFAULT_INTERVAL,
        doctor: Literal["watch", "stop", "treat"] | bool | Doctor = False,
        **unknown: Any,
    ) -> History:
        """Train the model.

        Everything that can be refused is refused before the first step.

        Args:
            x: the examples: a NumPy array (a memory map too), a tensor, a list, a data frame of
                numbers; for several inputs a list or a dict of them. Or what is iterated and gives
                ``(x, y)`` or ``(x, y, sample_weight)``: a torch ``Dataset`` or ``DataLoader``, a
                generator.
            y: what they should come out as; for several outputs a list or a dict.
            batch_size: how many examples a step takes; 32 by default.
            epochs: the number of the last epoch, counted from 1.
            verbose: 0 for silence, 1 or ``"auto"`` for a bar on a terminal, 2 for plain lines.
            callbacks: listeners.
            validation_split: the fraction of the last rows that is held back.
            validation_data: ``(x, y)``, ``(x, y, sample_weight)``, or what is iterated, to evaluate
                on after an epoch.
            shuffle: whether each epoch has an order of its own; it follows the seed.
            class_weight: how much each class counts.
            sample_weight: how much each example counts.
            initial_epoch: the number of epochs done before.
            steps_per_epoch: after how many steps an epoch ends; None for all the data.
            validation_steps: after how many steps an evaluation ends.
            validation_batch_size: how many examples a step of an evaluation takes.
            validation_freq: every how many epochs to evaluate, or after which, counted from 1.
            run_dir: a directory that the run is written down in: settings, log, the best and the
                last model, a page to look at, and snapshots from which it goes on after a crash,
                Ctrl-C or SIGTERM, when the same script runs again.
            resume: ``"auto"`` goes on with the run of the directory, to the same bits, if there is
                one, and refuses if something else is asked now than when it began; more epochs may
                be. ``"force"`` goes on all the same, with what fits. True refuses if there is no
                run; False if there is one.
            snapshot_every: how much work a crash may cost at most: a number of steps, a time such
                as ``"60s"``, ``"5m"`` or a ``timedelta``, or ``"epoch"``. A snapshot is also
                written at the end of each epoch. False for no snapshots. It means nothing without
                ``run_dir``.
            doctor: ``"watch"``, or True, for a :class:`~latih.callbacks.Doctor` that looks on and
                tells what is wrong; ``"stop"`` for one that ends the training then. What it found
                is ``history.diagnosis``. ``"treat"`` for one that then, or where a fifth of the
                training has brought little and something is advised, tries on copies what helps, as
                :func:`latih.doctor.treat` does; if something does, this model becomes the best of
                them and is trained on, callbacks beginning anew, and ends with the best epoch.
                That is ``history.treatment``; what it was for is its ``diagnosis``, and
                ``history.diagnosis`` is of the training that went on. False for none.
            unknown: nothing; what is given is refused with the names that look like it.

        Returns:
            The record of the run: ``history.history["loss"]`` and so on.

        Raises:
            NotReadyError: the model is not compiled.
            InputError: the data do not fit the model, its loss, or each other; a callback watches
                what will not be logged; the run of ``run_dir`` was begun with something else, or
                another process trains there; groups of layers are to be treated.
            FileFormatError: the run's snapshots are damaged, all of them.
            UnwritableError: ``run_dir`` or a callback's file cannot be written.
        """
        _refuse(unknown, self.fit)
        self.compiled("fit()")
        require_resume(resume)
        # A run that was treated goes on as what it has become, whoever looks on now.
        if doctor == "treat" or (not isinstance(doctor, Doctor) and was_treated(run_dir, resume)):
            _doctors(doctor, callbacks)
            asked = dict(
                batch_size=batch_size,
                epochs=epochs,
                verbose=verbose,
                validation_split=validation_split,
                validation_data=validation_data,
                shuffle=shuffle,
                class_weight=class_weight,
                sample_weight=sample_weight,
                initial_epoch=initial_epoch,
                steps_per_epoch=steps_per_epoch,
                validation_steps=validation_steps,
                validation_batch_size=validation_batch_size,
                validation_freq=validation_freq,
                run_dir=run_dir,
                resume=resume,
                snapshot_every=snapshot_every,
            )
            return fit_treated(self, x, y, listed(callbacks), asked)
        plan = Plan(epochs, initial_epoch, steps_per_epoch, validation_freq, validation_steps)
        kept = None if run_dir is None else KeptRun(run_dir, resume, snapshot_every)
        reading = Reading(batch_size, shuffle, random.make_seed(), class_weight)
        split = 0.0 if validation_data is not None else validation_split
        batches, held_back = preparation.batches_to_train(self, x, y, sample_weight, reading, split)
        validation = preparation.validation_batches(
            self, validation_data, held_back, validation_batch_size, batch_size
        )
        self.history = History()
        doctors = _doctors(doctor, callbacks)
        for one in doctors:
            one.is_heard_by(self.history, None if kept is None else kept.run)
        # The doctor first, who shall see the weights before any callback puts others in their
        # place. As in Keras the user's come then, so that what they add to the logs is shown.
        listeners = [
            *dict.fromkeys([*doctors, *listed(callbacks)]),
            *_progress(verbose),
            self.history,
        ]
        if verbose and isinstance(batches, ArrayBatches) and PrecisionTip.may_help(self):
            listeners.append(PrecisionTip(batches))
        if kept is not None:
            listeners += kept.listeners("val_loss" if validation else "loss")
        params = {
            "epochs": epochs,
            "initial_epoch": initial_epoch,
            "steps": steps_per_epoch or batches.steps,
            "verbose": verbose,
            "batch_size": batches.batch_size,
            "shuffle": shuffle,
            "seed": reading.seed,
            "examples": batches.examples,
            "validation_examples": validation and validation.examples,
            "validation_freq": validation_freq,
            "steps_per_epoch": steps_per_epoch,
            "class_weight": class_weight and {str(k): float(w) for k, w in class_weight.items()},
            "callbacks": [type(callback).__name__ for callback in listed(callbacks)],
        }
        called = CallbackList(listeners, self, params)
        require_meaning(resume, snapshot_every, run_dir, called)
        step = self.make_train_step()
        names = step.names
        called.check(
            names + [f"val_{name}" for name in names] if validation else names,
            complete=step.names_are_known,
        )
        test_step = self.make_test_step()
        training = Training(step, test_step, batches, validation, called, plan)
        self.recorded.threads = training.threads
        if called.keepers:
            settle_terms(training, params, resume)
        with contextlib.nullcontext() if kept is None else kept.written_down():
            training.run()
        return self.history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Verbose = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Sequence[Callback] | None = None,
        return_dict: bool = False,
        **unknown: Any,
    ) -> Any:
        """Return the loss and the metrics on data, without training.

        Args:
            x: the examples.
            y: what they should come out as.
            batch_size: how many examples a step takes; 32 by default.
            verbose: 0 for silence.
            sample_weight: how much each example counts.
            steps: after how many steps to end; None for all the data.
            callbacks: listeners.
            return_dict: whether names come with the numbers.
            unknown: nothing; what is given is refused with the names that look like it.

        Returns:
            A list of the loss and the metrics, a mapping with ``return_dict``, or the loss alone
            where there are no metrics.

        Raises:
            NotReadyError: the model is not compiled.
            InputError: the data do not fit the model, its loss, or each other.
        """
        _refuse(unknown, self.evaluate)
        self.compiled("evaluate()")
        batches, _ = preparation.batches_to_train(self, x, y, sample_weight, Reading(batch_size))
        called = CallbackList(
            [*listed(callbacks), *_progress(verbose)],
            self,
            {"steps": inference.count(batches, steps)},
        )
        scores = inference.evaluate(
            self.make_test_step(), batches, called, steps, self.recorded.known_threads
        )
        return _as_asked(scores, return_dict)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Verbose = "auto",
        steps: int | None = None,
        callbacks: Sequence[Callback] | None = None,
        *,
        samples: int | None = None,
        **unknown: Any,
    ) -> Any:
        """Return what the model makes of each example.

        Args:
            x: the examples.
            batch_size: how many are taken at once; 32 by default.
            verbose: 0 for silence.
            steps: after how many batches to end; None for all the data.
            callbacks: listeners.
            samples: how often to predict, with layers that draw in inference too, such as
                ``MCDropout``: then the mean and the standard deviation of so many predictions are
                returned, the second telling how sure the model is.
            unknown: nothing; what is given is refused with the names that look like it.

        Shapes:
            x: ``(n, ...)``; returns: ``(n, ...)`` as the model's outputs, an array or a list or
            dict of arrays; with ``samples`` a pair of these, ``mean`` and ``deviation``.

        Raises:
            InputError: the examples do not fit the model.
        """
        _refuse(unknown, self.predict)
        batches = preparation.batches_to_predict(self, x, batch_size)
        called = CallbackList(
            [*listed(callbacks), *_progress(verbose)],
            self,
            {"steps": inference.count(batches, steps)},
        )
        drawn = None if samples is None else whole(samples, "samples", "predict()", least=1)
        known = self.recorded.known_threads
        return inference.predict(self.make_predict_step(), batches, called, steps, drawn, known)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Do one update on all the examples given, and return their loss and metrics.

        Args:
            x: the examples.
            y: what they should come out as.
            sample_weight: how much each example counts.
            class_weight: how much each class counts.
            return_dict: whether names come with the numbers.

        Raises:
            NotReadyError: the model is not compiled.
            InputError: the data do not fit the model, its loss, or each other.
        """
        self.compiled("train_on_batch()")
        examples = preparation.examples_to_train(self, x, y, sample_weight)
        examples = examples.weighted_by_class(class_weight)
        step = self.make_train_step()
        step.reset()
        threads = Threads(known=self.recorded.known_threads)
        with threads.in_force(), mode(self, True):
            step.refresh()
            for batch in examples.batches(self, Reading(_length(examples.inputs))).epoch(0):
                step(batch)
        return _as_asked(step.results(), return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Return the loss and metrics of all the examples given, as one batch."""
        examples = ends.as_model_takes(self, x, "x")
        return self.evaluate(
            examples, y, _length(examples), 0, sample_weight=sample_weight, return_dict=return_dict
        )

    def predict_on_batch(self, x: Any) -> Any:
        """Return what the model makes of all the examples given, as one batch."""
        examples = ends.as_model_takes(self, x, "x")
        return self.predict(examples, _length(examples), 0)

    # What training needs to know of it

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next((weight.device for weight in self.weights), torch.device("cpu"))

    @property
    def is_symbolic(self) -> bool:
        """Whether it is known, without data, what the inputs and outputs are."""
        return False

    @property
    def input_shape(self) -> Any:
        """The shape of the inputs, or a list or dict of shapes; None before it is built."""
        return self._build_shape

    @property
    def output_shape(self) -> Any:
        """The shape of the outputs, or a list or dict of shapes."""
        if self._build_shape is None:
            raise NotReadyError(
                f"the model {self.name!r} has no output shape yet",
                expected="a built model",
                got="one whose input shape is not known",
                fix="Put an Input(shape) first, or call build((None, ...)).",
            )
        return self.compute_output_shape(self._build_shape)

    @property
    def output_names(self) -> list[str]:
        """What the outputs are called in ``loss=``, ``metrics=`` and the logs."""
        return ends.output_names(self)

    @property
    def metrics_names(self) -> list[str]:
        """What the logs call them."""
        return [] if self.objective is None else self.objective.names

    @property
    def loss(self) -> Any:
        """The loss as it was given to compile()."""
        return None if self.objective is None else self.objective.given.loss


def _refuse(unknown: Mapping[str, Any], method: Callable[..., Any]) -> None:
    for argument in unknown:
        known = [name for name in inspect.signature(method).parameters if name != "unknown"]
        raise InputError(
            f"{method.__name__}() has no argument `{argument}`", fix=near_matches(argument, known)
        )


def _doctors(asked: Any, callbacks: Any) -> list[Doctor]:
    """Return the doctor that is asked for, or that is among the callbacks: there is one at most."""
    if asked == "off":
        raise InputError(
            "`doctor` of fit() cannot be used",
            expected="False, True, 'watch', 'stop' or 'treat'",
            got="'off'",
            fix="Write doctor=False; --doctor off is for a command.",
        )
    if not isinstance(asked, Doctor):
        one_of(asked, "doctor", "fit()", (False, True, "watch", "stop", "treat"))
    given = [one for one in listed(callbacks) if isinstance(one, Doctor)]
    if len(given) + bool(asked) > 1:
        raise InputError(
            "two doctors are asked for",
            expected="one, by `doctor` or among the callbacks",
            got=f"doctor={asked!r} and {len(given)} among the callbacks",
        )
    if isinstance(asked, Doctor):
        return [asked]
    return [Doctor("stop" if asked == "stop" else "watch")] if asked else given


def _progress(verbose: Verbose) -> list[Callback]:
    if verbose not in ("auto", 0, 1, 2):
        raise InputError(
            "`verbose` cannot be used", expected="0, 1, 2 or 'auto'", got=repr(verbose)
        )
    return [ProgbarLogger(verbose)] if verbose else []


def _as_asked(scores: dict[str, Any], return_dict: bool) -> Any:
    if return_dict:
        return scores
    values = list(scores.values())
    return values[0] if len(values) == 1 else values


def _length(inputs: Any) -> int:
    return len(flatten(inputs)[0])
