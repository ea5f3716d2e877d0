"""Trying a setup: a model made of it, trained for a while, and judged on what was held back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from latih import random
from latih.data.batches import Batch
from latih.doctor.diagnosis import Diagnosis
from latih.doctor.fact_records import Facts
from latih.doctor.probe import Moment, Probe
from latih.doctor.rows import seen, spread, take
from latih.doctor.setup import Setup
from latih.doctor.trial_data import Data, Length
from latih.doctor.watch import Doctor
from latih.engine.events import Witness
from latih.engine.run_state import load_weights, weights_of
from latih.layers import Layer
from latih.registry import serialize

MOST_ROWS = 4096
"""So many of the rows held back are judged by."""

WORST = -1.0
"""A skill below is no worse: the mean of squares has no bound, and one row can spoil it."""


class Judge(Witness):
    """Judges a model on the rows held back, and keeps the weights of its best epoch.

    Args:
        patience: after how many epochs without a better validation loss to end, and go back to the
            best; None for never.
    """

    def __init__(self, patience: int | None = None) -> None:
        super().__init__()
        self.patience = patience
        self.rows: Batch | None = None
        self.steps, self.per_epoch, self.epochs = 0, None, 0
        self.best_skill, self.best_weights = -math.inf, dict[str, torch.Tensor]()
        self._best_loss, self._waited = math.inf, 0
        self._least_weights: dict[str, torch.Tensor] | None = None

    def before_training(self, training: Any) -> None:
        """Take the rows to judge by."""
        self.rows = held_back_rows(training)
        self.per_epoch = training.plan.steps_per_epoch or training.batches.steps

    def after_step(self, training: Any) -> None:
        """Count the steps."""
        self.steps += 1

    def stop_early(self, logs: Mapping[str, Any]) -> None:
        """Keep the weights of the least validation loss; end when none less has come for long."""
        loss = float(logs.get("val_loss", math.nan))
        if loss < self._best_loss:
            self._best_loss, self._waited = loss, 0
            self._least_weights = copied(self.model)
        else:
            self._waited += 1
            if self.patience is not None and self._waited >= self.patience:
                self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop early, if that is asked for; and in any case where numbers are none any more."""
        self.epochs += 1
        if not math.isfinite(float((logs or {}).get("loss", 0.0))):
            self.model.stop_training = True
        if self.patience is not None:
            self.stop_early(logs or {})

    def on_train_end(self, logs: Any = None) -> None:
        """Go back to the least validation loss, if that is asked for."""
        if self._least_weights is not None and self.model.completed:
            load_weights(self.model, self._least_weights)


class BestEpoch(Judge):
    """A judge that looks after every epoch, so that the best one can be gone back to.

    Args:
        facts: what is known of the model.
        patience: as of a judge.
    """

    def __init__(self, facts: Facts, patience: int | None = None) -> None:
        super().__init__(patience)
        self.facts = facts

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Judge, and keep the weights if they are the best."""
        super().on_epoch_end(epoch, logs)
        self.keep_if_best()

    def keep_if_best(self) -> None:
        """Judge the model as it is now, and keep its weights if they are the best so far."""
        reached = skill_of(self.model, self.facts, self.rows)
        if reached > self.best_skill:
            self.best_skill, self.best_weights = reached, copied(self.model)


@dataclass
class Run:
    """A model that was trained for a while.

    Args:
        setup: what it was made of.
        model: it.
        skill: on the rows held back, from -1 to 1.
        facts: what is known of it.
        diagnosis: what the doctor found.
        gradient_norms: as the doctor saw them.
        steps: how many were trained.
        per_epoch: how many an epoch has; None if nobody knows.
        rows: those held back that it was judged by.
        trained: how many epochs.
        doctor: who looked on; None for nobody.
    """

    setup: Setup
    model: Any
    skill: float
    facts: Facts
    diagnosis: Diagnosis
    gradient_norms: tuple[float, ...]
    steps: int
    per_epoch: int | None
    rows: Batch | None
    trained: int
    doctor: Doctor | None = None


def run(
    setup: Setup,
    start: "Start",
    data: Data,
    length: Length,
    seed: int,
    known: Facts | None = None,
) -> Run:
    """Make a model, train it for a while, and judge it.

    Args:
        setup: what it is made of.
        start: which weights it begins with.
        data: what it is trained on.
        length: how long.
        seed: what its weights, the order of the data and its masks follow from.
        known: what is known of it, if no doctor need look on; None for one who does.
    """
    random.set_random_seed(seed)
    model = start.model(setup)
    # What is seen shall not depend on how fast the machine is: the doctor takes its time.
    doctor, judge = Doctor(share=1.0), Judge(setup.patience)
    fit(setup, model, data, length, [judge] if known is not None else [doctor, judge])
    facts = doctor.evidence.facts if known is None else known
    norms = [check.gradient_norm for check in doctor.evidence.checks]
    return Run(
        setup=setup,
        model=model,
        skill=skill_of(model, facts, judge.rows),
        facts=facts,
        diagnosis=doctor.diagnosis,
        gradient_norms=tuple(norm for norm in norms if norm is not None),
        steps=judge.steps,
        per_epoch=data.steps(setup.batch_size) or judge.per_epoch,
        rows=judge.rows,
        trained=length.epochs if length.steps_per_epoch is None else 0,
        doctor=doctor if known is None else None,
    )


def going_on(doctor: Doctor | None, epochs: int, *, stops: bool = False) -> Doctor:
    """Return a doctor who knows what another has seen of a trial, for the epochs after it.

    Args:
        doctor: who looked on; None for nobody.
        epochs: how many there will have been in the end.
        stops: whether a fault ends the training.
    """
    after = Doctor("stop" if stops else "watch", share=1.0)
    if doctor is not None and doctor.evidence.checks:
        after.load_state_dict(doctor.state_dict())
        after.evidence.facts = replace(after.evidence.facts, epochs=epochs)
        after.evidence.ended = False
    return after


def fit(
    setup: Setup, model: Any, data: Data, length: Length, listeners: list[Any], first: int = 0
) -> Any:
    """Train a model as a setup says; return the record."""
    return model.fit(
        data.x,
        data.y,
        batch_size=setup.batch_size,
        epochs=length.epochs,
        initial_epoch=first,
        steps_per_epoch=length.steps_per_epoch or data.steps_per_epoch,
        validation_steps=data.validation_steps,
        verbose=0,
        callbacks=listeners,
        validation_data=data.held_back,
        shuffle=setup.shuffle,
        class_weight=setup.class_weight,
        sample_weight=data.sample_weight,
    )


def held_back_rows(training: Any) -> Batch | None:
    """Return some of the rows that a training holds back; None if it holds none."""
    found = None if training.validation is None else seen(training.validation)
    if found is None:
        return None
    return take(found, spread(found.size, MOST_ROWS), training.batches.device)


def skill_of(model: Any, facts: Facts, rows: Batch | None) -> float:
    """Return how much better a model is than the best constant prediction, from -1 to 1."""
    if rows is None or not all(bool(torch.isfinite(one).all()) for one in model.weights):
        return WORST
    skill = Probe(model, facts, rows, model.objective).check(Moment(0, 0)).skill
    return max(WORST, skill) if math.isfinite(skill) else WORST


def copied(model: Any) -> dict[str, torch.Tensor]:
    """Return the weights and statistics of a model, in memory of their own."""
    return {name: weight.clone() for name, weight in weights_of(model).items()}


class Start:
    """Which weights a trial begins with.

    They are drawn anew, as when the model was made; only what is frozen, and what was read from a
    file, is kept. A model that was never trained here and yet has other weights than drawn ones
    brings them from elsewhere: these are kept, but for the layers that are changed.

    Args:
        model: the model as it was given.
    """

    def __init__(self, model: Any) -> None:
        self.given = model
        self.setup = Setup.of(model)
        self.keeps_all = self.setup.layers is None or self._is_pretrained()

    def model(self, setup: Setup) -> Any:
        """Return a compiled model of a setup, with the weights to begin with."""
        made = setup.make(self.given)
        if setup.layers is not None and self.given.built:
            if not made.built:
                made.build(self.given.input_shape)
            old = {layer.name: layer for layer in self.given.layers}
            for layer in made.layers:
                before = old.get(layer.name)
                if before is not None and self._is_kept(before, layer):
                    layer.set_weights(before.get_weights())
        self._spare_alike(made)
        return made

    def _spare_alike(self, made: Any) -> None:
        """Spare the weights the decay that are spared it in the given model."""
        decay = self.given.optimizer.decay
        spared = {id(weight) for weight in decay.var_list}
        names = {
            (layer.name, weight.attribute)
            for layer in self.given.every_layer()
            for weight in layer.own_weights()
            if id(layer.kept_weight(weight.attribute)) in spared
        }
        alike = [
            layer.kept_weight(weight.attribute)
            for layer in made.every_layer()
            for weight in layer.own_weights()
            if (layer.name, weight.attribute) in names
        ]
        made.optimizer.exclude_from_weight_decay(alike, decay.var_names)

    def _is_kept(self, before: Layer, after: Layer) -> bool:
        is_drawn = bool(before.trainable_weights) and not _is_read(before)
        if not before.weights or (is_drawn and not self.keeps_all):
            return False
        shapes = [[tuple(one.shape) for one in layer.weights] for layer in (before, after)]
        finite = all(bool(torch.isfinite(one).all()) for one in before.weights)
        return shapes[0] == shapes[1] and finite and _starts(before) == _starts(after)

    def _is_pretrained(self) -> bool:
        given = self.given
        if not given.built or given.optimizer.updates:
            return False
        with random.drawing_from(random.state_dict()):
            drawn = self.setup.make(given)
            if not drawn.built:
                drawn.build(given.input_shape)
        pairs = zip(given.weights, drawn.weights, strict=True)
        # What starts as zeros or ones does so with every seed.
        return any(_is_constant(new) and not torch.equal(old, new) for old, new in pairs)


def _is_read(layer: Layer) -> bool:
    """Say whether weights of a layer, or of one in it, came from a file."""
    return any(isinstance(one, Layer) and one.is_read for one in layer.modules())


def _is_constant(weight: torch.Tensor) -> bool:
    return bool(weight.numel()) and bool((weight == weight.reshape(-1)[0]).all())


def _starts(layer: Layer) -> Any:
    """Return what says how a layer's weights start: another start asks for other weights."""
    config = serialize(layer)["config"]
    return {name: value for name, value in config.items() if name.endswith("_initializer")}
