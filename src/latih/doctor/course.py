"""A treatment under way: look, try remedies one after the other, train the best to the end."""

import math
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from latih import random
from latih.data import is_stream
from latih.data.own_generators import OwnGenerators
from latih.doctor.borrowed import copy_of
from latih.doctor.code import as_code
from latih.doctor.diagnosis import Diagnosis, diagnose
from latih.doctor.evidence import Evidence, Facts
from latih.doctor.finding import Finding
from latih.doctor.learning_rate_range import lr_find
from latih.doctor.refused import facts_of_refused
from latih.doctor.remedies import REMEDIES
from latih.doctor.rules import RULES
from latih.doctor.setup import Case, Setup
from latih.doctor.treatment import Treatment, Trial, began, changes, found
from latih.doctor.trial_data import Data, Length, some_rows, trial_length
from latih.doctor.trying import WORST, BestEpoch, Run, Start, copied, fit, run, skill_of
from latih.engine.run_state import load_weights
from latih.errors import InputError, LatihError

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


@dataclass(frozen=True)
class _Candidate:
    """A remedy that a finding proposes, and how much is expected of it."""

    remedy: str
    finding: str
    promise: float


class Course:
    """A treatment under way.

    Args:
        model: a compiled model, which is left as it is.
        asked: how it is made and was to be fitted.
        data: what is trained on, and what was held back.
        seed: what all that is drawn follows from.
        trials: how many remedies are tried at most.
        looks_again: whether the doctor looks again, once a remedy is kept, for what else ails it;
            otherwise what was told in the beginning is all.
        tell: hears each line of the story as it happens.
    """

    def __init__(
        self,
        model: Any,
        asked: Setup,
        data: Data,
        seed: int,
        trials: int,
        *,
        looks_again: bool = True,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.model, self.asked, self.data, self.seed = model, asked, data, seed
        self.most_trials, self.looks_again, self.tell = trials, looks_again, tell
        self.start = Start(model)
        self.trials: list[Trial] = []
        self.steps = 0
        self.history: dict[str, list[float]] = {}

    @property
    def kept(self) -> bool:
        """Whether anything helped."""
        return any(trial.kept for trial in self.trials)

    @contextmanager
    def leaving_no_trace(self) -> Generator[None]:
        """Let the block draw from all random generators as if it had not."""
        x, held_back = self.data.x, self.data.held_back
        own = OwnGenerators({"x": x, "held_back": held_back} if is_stream(x) else {})
        with random.drawing_from(random.state_dict()), own.drawing_from(own.state_dict()):
            yield

    # Looking

    def look(self, diagnosis: Diagnosis | None) -> None:
        """Train the model as it is from two seeds, and hear what the doctor says."""
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
        self.tell(found(self.diagnosis))
        self.tell(began(self.trial_epochs, self.untreated, self.noise))

    def _look_at_what_is_refused(self, diagnosis: Diagnosis | None) -> None:
        """Begin with a model that cannot be trained as it is, such as one of too few units.

        Raises:
            InputError: the data are iterated, and only training them would tell what they are.
        """
        if is_stream(self.data.x):
            fit(self.asked, self.start.model(self.asked), self.data, Length(1), [])
        model = self.start.model(self.asked)
        asked = self.asked
        facts = facts_of_refused(model, self.data.x, self.data.y, asked.epochs, asked.batch_size)
        seen = diagnose(Evidence(facts=facts), RULES)
        self.best = Run(self.asked, model, WORST, facts, seen, (), 0, facts.steps, None, 0)
        self.diagnosis = seen if diagnosis is None else diagnosis
        self.untreated = self.reached = WORST
        self.noise, self.given_skill = 0.0, math.nan
        self.planned = (facts.steps or 0) * self.asked.epochs
        self.trial_epochs = self._first_length().epochs
        self.tell(found(self.diagnosis))

    def _run(self, setup: Setup, length: Length, seed: int, known: Facts | None = None) -> Run:
        done = run(setup, self.start, self.data, length, seed, known)
        self.steps += done.steps
        return done

    def _first_length(self) -> Length:
        """Return how long the first look is: nobody knows yet how long an epoch is."""
        steps = self.data.steps(self.asked.batch_size)
        return trial_length(self.asked.epochs, steps)

    def _length(self, setup: Setup, like: Run) -> Length:
        steps = self.data.steps(setup.batch_size) or like.per_epoch
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
        """Return what is still to be tried, once a remedy is kept."""
        if not self.looks_again:
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
        self.tell(str(self.trials[-1].told(len(self.trials))))

    def _margin(self) -> float:
        rows = 1 if self.best.rows is None else self.best.rows.size
        least = max(NOISES * self.noise, CHANCE / math.sqrt(rows))
        return min(least, (1 - self.reached) / 2)

    def _candidates(self, diagnosis: Diagnosis) -> list[_Candidate]:
        findings: Sequence[Finding] = diagnosis.faults
        if not findings and self.reached < WELL:
            findings = [one for one in diagnosis.findings if one.severity == "advice"]
        tried = {trial.remedy for trial in self.trials}
        proposed = [
            _Candidate(remedy, finding.code, finding.probability * NEXT**place)
            for finding in findings
            for place, remedy in enumerate(finding.remedies)
            if remedy not in tried
        ]
        proposed.sort(key=lambda one: -one.promise)
        first: dict[str, _Candidate] = {}
        for one in proposed:
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
        curve = lr_find(
            self.start.model(setup),
            data.x,
            data.y,
            batch_size=setup.batch_size,
            sample_weight=data.sample_weight,
            class_weight=setup.class_weight,
            runs=1,
            seed=self.seed,
        )
        self.steps += len(curve.rates)
        return curve.suggestion

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
        """Return what it was, with the best model; a copy of the given one if none was better."""
        if math.isnan(self.given_skill) or self.skill > self.given_skill:
            return self.told(self.best.setup, self.best.model, self.skill)
        return self.told(self.asked, copy_of(self.model), self.given_skill)

    def so_far(self) -> Treatment:
        """Return what it was before the best is trained to the end."""
        return self.told(self.best.setup, self.best.model, self.best.skill)

    def told(self, setup: Setup, model: Any, skill: float) -> Treatment:
        """Return what was found, tried and changed.

        Args:
            setup: what is kept.
            model: made of it.
            skill: its.
        """
        return Treatment(
            model=model,
            diagnosis=self.diagnosis,
            trials=tuple(self.trials),
            changes=tuple(changes(self.asked, setup)),
            code=as_code(setup, is_stack="input_layers" not in (setup.layers or {})),
            given_skill=self.given_skill,
            untreated_skill=self.untreated,
            noise=self.noise,
            skill=skill,
            trial_epochs=self.trial_epochs,
            steps=self.steps,
            planned_steps=self.planned,
            history=self.history,
        )


def _without_what_is_early(done: Run) -> Diagnosis:
    """Return what the doctor found, less what cannot be told of so short a training."""
    if done.trained >= done.setup.epochs:
        return done.diagnosis
    return Diagnosis([one for one in done.diagnosis.findings if one.code not in ONLY_AT_THE_END])
