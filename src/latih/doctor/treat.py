"""Treatment: remedies tried one after the other, each kept only if it helps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from latih import random
from latih.arguments import whole
from latih.data import is_stream, targets_as_list
from latih.data.batches import Batch
from latih.data.own_generators import OwnGenerators
from latih.doctor.code import as_code
from latih.doctor.diagnosis import Diagnosis, diagnose
from latih.doctor.evidence import Evidence, Facts
from latih.doctor.facts import facts_of_batch
from latih.doctor.finding import Finding
from latih.doctor.learning_rate_range import lr_find
from latih.doctor.remedies import REMEDIES
from latih.doctor.rules import RULES
from latih.doctor.setup import Case, Setup
from latih.doctor.treatment import Treatment, Trial, changes
from latih.doctor.trial_data import (
    Data,
    Length,
    data_to_try,
    some_rows,
    steps_of,
    trial_length,
)
from latih.doctor.trying import (
    WORST,
    BestEpoch,
    Run,
    Start,
    copied,
    fit,
    run,
    skill_of,
)
from latih.engine.run_state import (
    build_as,
    load_optimizer_states,
    load_weights,
    optimizer_states,
    shapes_of,
)
from latih.errors import InputError, LatihError
from latih.structures import flatten

NOISES = 2.0
"""A remedy must be better by so many standard deviations of what seeds make."""

CHANCE = 0.5
"""Divided by the root of the rows judged by, the least that a remedy must gain: two seeds may be
equal by chance."""

NEXT = 0.6
"""What the next remedy of a finding is worth against the one before it."""

WELL = 0.9
"""Above this skill, what is advice and no fault is not treated."""

ONLY_AT_THE_END = ("under-training",)
"""What cannot be told of a trial, which is short."""


def treat(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    validation_data: Any = None,
    epochs: int = 10,
    batch_size: int | None = None,
    shuffle: bool = True,
    class_weight: Any = None,
    sample_weight: Any = None,
    diagnosis: Diagnosis | None = None,
    trials: int = 4,
    seed: int = 0,
) -> Treatment:
    """Find out what ails a model, try what helps, and train the best.

    First the model is trained as it is, for a tenth of the epochs from two seeds: that says how it
    does and how much seeds matter. Then remedies are tried, those of the likeliest fault first:
    each on a new model from its first weights, for the same time. One that beats the best so far by
    more than twice the standard deviation between seeds (and not less than chance makes, nor more
    than half of what is missing to a perfect score) is kept, and what follows builds on it; any
    other is rolled back. At last the best is trained for the rest of the epochs.

    What decides is the skill on the rows held back, which does not depend on the loss. The model
    that comes out is the best that was measured, the given one among them. Until then all happens
    on copies: whoever interrupts finds the model and all random generators as they were.

    Of a ``Sequential`` or a functional model the layers may be changed too; of a subclassed model
    or a module of torch's only how it is compiled and fitted.

    Args:
        model: a compiled model, trained or not.
        x: the examples, as ``fit()`` takes them.
        y: what they should come out as.
        validation_data: what to judge by; by default a fifth of the rows of arrays.
        epochs: how long the whole training is.
        batch_size: how many examples a step takes; 32 by default.
        shuffle: whether each epoch has an order of its own.
        class_weight: how much each class counts.
        sample_weight: how much each example counts.
        diagnosis: what ails it; by default the doctor looks.
        trials: how many remedies are tried at most, >= 0.
        seed: what all that is drawn follows from.

    Returns:
        What was tried and measured, what was changed, and the model.

    Raises:
        NotReadyError: the model is not compiled.
        InputError: the data do not fit the model; or they are iterated, and nothing is given to
            judge by.

    Example:
        >>> import torch
        >>> from latih.layers import Dense, Input
        >>> from latih.models import Sequential
        >>> model = Sequential([Input([1]), Dense(1)])
        >>> model.compile("adam", "mse")
        >>> x = torch.linspace(-1, 1, 64)[:, None]
        >>> treatment = treat(model, x, 3 * x, epochs=2)
        >>> treatment.skill >= treatment.given_skill
        True
    """
    model.compiled("treat()")
    epochs = whole(epochs, "epochs", "treat()", least=1)
    trials = whole(trials, "trials", "treat()", least=0)
    data = data_to_try(x, y, validation_data, sample_weight, seed)
    asked = Setup.of(
        model, epochs=epochs, batch_size=batch_size, shuffle=shuffle, class_weight=class_weight
    )
    own = OwnGenerators({"x": x, "held_back": data.held_back} if is_stream(x) else {})
    with random.drawing_from(random.state_dict()), own.drawing_from(own.state_dict()):
        course = _Course(model, asked, data, seed, trials)
        course.look(diagnosis)
        course.try_remedies()
        course.train_best()
        return course.ended()


@dataclass(frozen=True)
class _Candidate:
    """A remedy that a finding proposes, and how much is expected of it."""

    remedy: str
    finding: str
    promise: float


class _Course:
    """A treatment under way."""

    def __init__(self, model: Any, asked: Setup, data: Data, seed: int, trials: int) -> None:
        self.model, self.asked, self.data, self.seed = model, asked, data, seed
        self.most_trials = trials
        self.start = Start(model)
        self.trials: list[Trial] = []
        self.steps = 0
        self.history: dict[str, list[float]] = {}

    # Looking

    def look(self, diagnosis: Diagnosis | None) -> None:
        """Train the model as it is from two seeds, and hear what the doctor says."""
        self.is_told = diagnosis is not None
        try:
            first = self._run(self.asked, self._first_length(), self.seed)
        except InputError:
            self._look_at_what_is_refused(diagnosis)
            return
        length = self._length(self.asked, first)
        second = self._run(self.asked, length, self.seed + 1, first.facts)
        self.untreated = (first.skill + second.skill) / 2
        self.noise = abs(first.skill - second.skill) / math.sqrt(2)
        self.best, self.reached = first, self.untreated
        self.diagnosis = _without_what_is_early(first) if diagnosis is None else diagnosis
        self.given_skill = (
            skill_of(self.model, first.facts, first.rows) if self.model.built else math.nan
        )
        self.planned = (first.per_epoch or first.steps) * self.asked.epochs
        self.trial_epochs = max(1, first.trained)

    def _look_at_what_is_refused(self, diagnosis: Diagnosis | None) -> None:
        """Begin with a model that cannot be trained as it is, such as one of too few units.

        Raises:
            InputError: the data are iterated, and only training them would tell what they are.
        """
        if is_stream(self.data.x):
            fit(self.asked, self.start.model(self.asked), self.data, Length(1), [])
        model = self.start.model(self.asked)
        targets = targets_as_list(self.data.y, "y")
        examples = len(flatten(self.data.x)[0])
        batch = Batch(self.data.x, targets, [None] * len(targets), examples)
        per_epoch = steps_of(self.data.x, self.asked.batch_size)
        facts = Facts(
            **facts_of_batch(model, batch),
            epochs=self.asked.epochs,
            steps=per_epoch,
            examples=batch.size,
        )
        found = diagnose(Evidence(facts=facts), RULES)
        self.best = Run(self.asked, model, WORST, facts, found, (), 0, per_epoch, None, 0)
        self.diagnosis = found if diagnosis is None else diagnosis
        self.untreated = self.reached = WORST
        self.noise, self.given_skill = 0.0, math.nan
        self.planned = (per_epoch or 0) * self.asked.epochs
        self.trial_epochs = self._first_length().epochs

    def _run(self, setup: Setup, length: Length, seed: int, known: Facts | None = None) -> Run:
        done = run(setup, self.start, self.data, length, seed, known)
        self.steps += done.steps
        return done

    def _first_length(self) -> Length:
        """Return how long the first look is: nobody knows yet how long an epoch is."""
        steps = steps_of(self.data.x, self.asked.batch_size)
        return trial_length(self.asked.epochs, steps)

    def _length(self, setup: Setup, like: Run) -> Length:
        steps = steps_of(self.data.x, setup.batch_size) or like.per_epoch
        return trial_length(setup.epochs, steps)

    # Trying

    def try_remedies(self) -> None:
        """Try what the findings propose, the most promising first."""
        waiting = self._candidates(self.diagnosis)
        while waiting and len(self.trials) < self.most_trials:
            candidate = waiting.pop(0)
            setup = REMEDIES[candidate.remedy](self.best.setup, self._case())
            if setup is None:
                continue
            if self._try(candidate, setup):
                waiting = self._left(candidate, waiting)

    def _left(self, kept: _Candidate, waiting: list[_Candidate]) -> list[_Candidate]:
        """Return what is still to be tried: the doctor looks again; who was told looks no more."""
        if self.is_told:
            return [one for one in waiting if one.finding != kept.finding]
        return self._candidates(_without_what_is_early(self.best))

    def _try(self, candidate: _Candidate, setup: Setup) -> bool:
        needed = self.reached + self._margin()
        try:
            tried = self._run(setup, self._length(setup, self.best), self.seed)
        except (LatihError, RuntimeError) as error:  # layers that do not fit each other
            reason = str(error).partition("\n")[0]
            self._note(candidate, WORST, needed, False, 0, reason)
            return False
        kept = tried.skill > needed
        self._note(candidate, tried.skill, needed, kept, tried.steps)
        if kept:
            self.best, self.reached = tried, tried.skill
        return kept

    def _note(
        self,
        candidate: _Candidate,
        skill: float,
        needed: float,
        kept: bool,
        steps: int,
        reason: str = "",
    ) -> None:
        self.trials.append(
            Trial(candidate.remedy, candidate.finding, skill, needed, kept, steps, reason)
        )

    def _margin(self) -> float:
        rows = 1 if self.best.rows is None else self.best.rows.size
        least = max(NOISES * self.noise, CHANCE / math.sqrt(rows))
        return min(least, (1 - self.reached) / 2)

    def _candidates(self, diagnosis: Diagnosis) -> list[_Candidate]:
        findings: Sequence[Finding] = diagnosis.faults
        if not findings and self.reached < WELL:
            findings = [one for one in diagnosis.findings if one.severity == "advice"]
        tried = {trial.remedy for trial in self.trials}
        found = [
            _Candidate(remedy, finding.code, finding.probability * NEXT**place)
            for finding in findings
            for place, remedy in enumerate(finding.remedies)
            if remedy not in tried
        ]
        found.sort(key=lambda one: -one.promise)
        first: dict[str, _Candidate] = {}
        for one in found:
            first.setdefault(one.remedy, one)
        return list(first.values())

    def _case(self) -> Case:
        rows = some_rows(self.model, self.data)
        return Case(
            facts=self.best.facts,
            inputs=rows,
            gradient_norms=self.best.gradient_norms,
            steps=self.best.per_epoch,
            reads_arrays=not is_stream(self.data.x),
            find_rate=self._find_rate,
        )

    def _find_rate(self, setup: Setup) -> float | None:
        data = self.data
        random.set_random_seed(self.seed)
        found = lr_find(
            self.start.model(setup),
            data.x,
            data.y,
            batch_size=setup.batch_size,
            sample_weight=data.sample_weight,
            class_weight=setup.class_weight,
            runs=1,
            seed=self.seed,
        )
        self.steps += len(found.rates)
        return found.suggestion

    # Training the best

    def train_best(self) -> None:
        """Train the best to the end, and go back to its best epoch."""
        best = self.best
        judge = BestEpoch(best.facts, best.setup.patience)
        judge.best_skill, judge.best_weights = best.skill, copied(best.model)
        if best.trained < best.setup.epochs:
            random.set_random_seed(self.seed)  # whatever was tried between
            length = Length(best.setup.epochs)
            record = fit(best.setup, best.model, self.data, length, [judge], best.trained)
            self.history = dict(record.history)
        self.steps += judge.steps
        load_weights(best.model, judge.best_weights)
        self.skill = judge.best_skill

    def ended(self) -> Treatment:
        """Put the best in place, and return what it was."""
        asked, best = self.asked, self.best
        is_better = math.isnan(self.given_skill) or self.skill > self.given_skill
        if not is_better:
            best, self.skill = replace(best, setup=asked), self.given_skill
        model = self._put_in_place(best) if is_better else self.model
        return Treatment(
            model=model,
            diagnosis=self.diagnosis,
            trials=tuple(self.trials),
            changes=tuple(changes(asked, best.setup)),
            code=as_code(best.setup, is_stack="input_layers" not in (best.setup.layers or {})),
            given_skill=self.given_skill,
            untreated_skill=self.untreated,
            noise=self.noise,
            skill=self.skill,
            trial_epochs=self.trial_epochs,
            steps=self.steps,
            planned_steps=self.planned,
            history=self.history,
        )

    def _put_in_place(self, best: Run) -> Any:
        """Return the given model with the best weights; the best itself if its layers differ."""
        given = self.model
        if best.setup.layers != self.asked.layers:
            return best.model
        if not given.built:
            given.build(best.model.input_shape)
        build_as(given, shapes_of(best.model))
        load_weights(given, copied(best.model))
        objective = best.model.objective
        told = objective.given
        given.compile(
            optimizer=type(best.model.optimizer).from_config(dict(best.setup.optimizer["config"])),
            loss=told.loss,
            loss_weights=told.loss_weights,
            metrics=told.metrics,
            weighted_metrics=told.weighted_metrics,
            jit_compile=objective.capture,
        )
        load_optimizer_states(given, optimizer_states(best.model))
        return given


def _without_what_is_early(done: Run) -> Diagnosis:
    """Return what the doctor found, less what cannot be told of so short a training."""
    if done.trained >= done.setup.epochs:
        return done.diagnosis
    return Diagnosis([one for one in done.diagnosis.findings if one.code not in ONLY_AT_THE_END])
