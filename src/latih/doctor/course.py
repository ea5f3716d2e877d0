"""A treatment under way: look, try remedies one after the other, train the best to the end."""

import copy
import math
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from latih import random
from latih.data import is_stream
from latih.data.own_generators import OwnGenerators
from latih.doctor.borrowed import copy_of
from latih.doctor.code import as_code
from latih.doctor.diagnosis import Diagnosis, diagnose
from latih.doctor.evidence import Evidence
from latih.doctor.fact_records import Facts
from latih.doctor.learning_rate_range import lr_find
from latih.doctor.proposals import Proposal, is_for_contradiction, proposals
from latih.doctor.refused import facts_of_refused
from latih.doctor.remedies import REMEDIES
from latih.doctor.rows import spread, take
from latih.doctor.rules import RULES
from latih.doctor.setup import Case, Setup
from latih.doctor.severed import severing_layers
from latih.doctor.treatment import Treatment, Trial, began, changes, found
from latih.doctor.trial_data import Data, Length, length_of, some_rows, trial_length
from latih.doctor.trying import WORST, BestEpoch, Run, Start, copied, fit, going_on, run, skill_of
from latih.engine.run_state import load_optimizer_states, load_weights, optimizer_states
from latih.errors import InputError, LatihError

NOISES = 2.0
"""A remedy must be better by so many standard deviations of what seeds make."""

CHANCE = 0.5
"""Divided by the root of the rows judged by, the least that a remedy must gain: two seeds may be
equal by chance."""

CLEAR = 0.2
"""Whoever gains so much need not be told how much seeds differ: that costs a trial to know."""

WELL = 0.9
"""Above this skill nothing is treated that is not broken."""

POOR = 0.5
"""Only below this skill what no finding proposes is worth a trial, and, once something has helped,
what is but advised."""

RANGE_STEPS = 50, 100
"""So many steps a range test has, at least and at most; between them a fifth of the training."""

RANGE = 1e-5, 1.0
"""The rates between which one is looked for: so few steps are dense enough for no wider range."""

FEW = 8
"""So many rows show where gradients are cut off."""

ONLY_AT_THE_END = ("under-training",)
"""What cannot be told of a trial, which is short."""


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
        read = {"x": self.data.x, "held_back": self.data.held_back}
        own = OwnGenerators({name: one for name, one in read.items() if is_stream(one)})
        with random.drawing_from(random.state_dict()), own.drawing_from(own.state_dict()):
            yield

    # Looking

    def look(self, diagnosis: Diagnosis | None) -> None:
        """Train the model as it is for a while, and hear what the doctor says."""
        try:
            first = self._run(self.asked, self._first_length(), self.seed)
        except InputError:
            self._look_at_what_is_refused(diagnosis)
            return
        self.untreated, self.noise = first.skill, math.nan
        self.first = self.best = first
        self.reached = first.skill
        self.diagnosis = _without_what_is_early(first) if diagnosis is None else diagnosis
        self.given_skill = (
            skill_of(self.model, first.facts, first.rows) if self.model.built else math.nan
        )
        self.planned = (first.per_epoch or first.steps) * self.asked.epochs
        self.trial_epochs = max(1, first.trained)
        self.tell(found(self.diagnosis, was_tried=self.reached < WELL))
        self.tell(began(self.trial_epochs, self.untreated))

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
        self.first = self.best
        self.diagnosis = seen if diagnosis is None else diagnosis
        self.untreated = self.reached = WORST
        self.noise, self.given_skill = 0.0, math.nan
        self.planned = (facts.steps or 0) * self.asked.epochs
        self.trial_epochs = self._first_length().epochs
        self.tell(found(self.diagnosis, was_tried=True))

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
        self._try_all(self._proposed(self.diagnosis, self.reached))

    def _try_all(self, waiting: list[Proposal]) -> None:
        while waiting and len(self.trials) < self.most_trials:
            proposal = waiting.pop(0)
            setup = REMEDIES[proposal.remedy](self.best.setup, self._case())
            if setup is not None and self._try(proposal, setup):
                waiting = self._left(proposal, waiting)

    def _left(self, kept: Proposal, waiting: list[Proposal]) -> list[Proposal]:
        """Return what is still to be tried, once a remedy is kept."""
        if not self.looks_again:
            return [one for one in waiting if one.finding != kept.finding]
        return self._proposed(_without_what_is_early(self.best), self.reached)

    def _try(self, proposal: Proposal, setup: Setup) -> bool:
        state = self._state_of_best()
        try:
            tried = self._trial(setup)
        except (LatihError, RuntimeError) as error:  # layers that do not fit each other
            reason = str(error).partition("\n")[0]
            needed = self.reached + self._margin(self.reached)
            self._note(proposal, WORST, needed, False, 0, reason)
            return False
        goes_on = tried.model is self.best.model
        before = self.best.skill if goes_on else self.reached
        if is_for_contradiction(proposal, self.best.diagnosis):
            # So short a trial need not show what it is good for.
            needed = max(WORST, before - self._chance(before))
        else:
            gain = tried.skill - before
            if math.isnan(self.noise) and self._margin(before) < gain < CLEAR:
                self._measure_noise()
                before = before if goes_on else self.reached
            needed = before + self._margin(before)
        kept = tried.skill > needed
        self._note(proposal, tried.skill, needed, kept, tried.steps)
        if kept:
            self.best, self.reached = tried, max(before, tried.skill)
        elif goes_on:
            self._roll_back(*state)
        return kept

    def _trial(self, setup: Setup) -> Run:
        """Train a setup from its first weights; if it is only longer, go on with the best."""
        best = self.best
        longer = replace(best.setup, epochs=setup.epochs, patience=setup.patience)
        if setup != longer or setup.epochs <= best.trained:
            return self._run(setup, self._length(setup, best), self.seed)
        if not best.trained:  # less than an epoch, which cannot be gone on with
            length = self._length(setup, best)
            if best.steps and best.per_epoch and setup.epochs > best.setup.epochs:
                length = length_of(2 * best.steps, best.per_epoch)
            return self._run(setup, length, self.seed)
        epochs = min(setup.epochs, best.trained + self.trial_epochs)
        return self._longer(replace(best, setup=setup), epochs)

    def _longer(self, run: Run, epochs: int, *, stops: bool = False) -> Run:
        """Train on for some epochs, or until a fault is found, and go back to the best of them.

        What nothing helped ends as it would have without a treatment, unless an earlier epoch was
        better by more than chance: the best of many is one of luck, too.
        """
        judge = BestEpoch(run.facts, run.setup.patience)
        judge.best_skill, judge.best_weights = run.skill, copied(run.model)
        doctor = going_on(run.doctor, run.setup.epochs, stops=stops)
        random.set_random_seed(self.seed)  # whatever was tried between
        listeners = [judge, doctor] if self.looks_again else [judge]
        record = fit(run.setup, run.model, self.data, Length(epochs), listeners, run.trained)
        self.steps += judge.steps
        self.history = dict(record.history)
        skill = skill_of(run.model, run.facts, judge.rows)
        is_lost = skill <= WORST  # such as a net whose weights are no numbers any more
        if self.kept or is_lost or judge.best_skill - skill > self._chance(judge.best_skill):
            load_weights(run.model, judge.best_weights)
            skill = judge.best_skill
        is_broken = doctor.evidence.not_finite is not None
        is_stopped = stops and not is_broken and bool(doctor.diagnosis.faults)
        return replace(
            run,
            skill=skill,
            diagnosis=doctor.diagnosis,
            steps=judge.steps,
            trained=run.trained + judge.epochs if is_stopped else epochs,
            doctor=doctor,
        )

    def _state_of_best(self) -> tuple[Any, Any]:
        model = self.best.model
        return copied(model), copy.deepcopy(optimizer_states(model))

    def _roll_back(self, weights: Any, optimizers: Any) -> None:
        load_weights(self.best.model, weights)
        load_optimizer_states(self.best.model, optimizers)

    def _measure_noise(self) -> None:
        """Train the model as it is from a second seed."""
        first = self.first
        second = self._run(self.asked, self._length(self.asked, first), self.seed + 1, first.facts)
        self.noise = abs(first.skill - second.skill) / math.sqrt(2)
        self.untreated = (first.skill + second.skill) / 2
        if self.best is first:
            self.reached = self.untreated

    def _note(
        self,
        proposal: Proposal,
        skill: float,
        needed: float,
        kept: bool,
        steps: int,
        reason: str = "",
    ) -> None:
        self.trials.append(
            Trial(proposal.remedy, proposal.finding, skill, needed, kept, steps, reason)
        )
        self.tell(str(self.trials[-1].told(len(self.trials))))

    def _margin(self, reached: float) -> float:
        """Return by how much a skill must be exceeded."""
        noise = 0.0 if math.isnan(self.noise) else NOISES * self.noise
        return min(max(noise, self._chance(reached)), (1 - reached) / 2)

    def _chance(self, reached: float) -> float:
        """Return how far two equal models may be apart by chance."""
        rows = 1 if self.best.rows is None else self.best.rows.size
        return min(CHANCE / math.sqrt(rows), (1 - reached) / 2)

    def _proposed(self, diagnosis: Diagnosis, skill: float) -> list[Proposal]:
        tried = {trial.remedy for trial in self.trials}
        takes_advice = skill < (POOR if self.kept else WELL)
        thinks = self.looks_again and skill < POOR
        return proposals(diagnosis, tried, takes_advice=takes_advice, thinks=thinks)

    def _case(self) -> Case:
        rows = some_rows(self.model, self.data)
        return Case(
            facts=self.best.facts,
            inputs=rows,
            gradient_norms=self.best.gradient_norms,
            steps=self.best.per_epoch,
            reads_arrays=not is_stream(self.data.x),
            find_rate=self._find_rate,
            find_severed=self._find_severed,
        )

    def _find_rate(self, setup: Setup) -> float | None:
        data = self.data
        random.set_random_seed(self.seed)
        least, most = RANGE_STEPS
        steps = min(max(least, self.planned // 5), most)
        curve = lr_find(
            self.start.model(setup),
            data.x,
            data.y,
            batch_size=setup.batch_size,
            sample_weight=data.sample_weight,
            class_weight=setup.class_weight,
            lowest=RANGE[0],
            highest=RANGE[1],
            steps=steps,
            runs=1,
            seed=self.seed,
        )
        self.steps += len(curve.rates)
        return curve.suggestion

    def _find_severed(self) -> Collection[str]:
        best = self.best
        if best.rows is None:
            return ()
        few = take(best.rows, spread(best.rows.size, FEW))
        return severing_layers(best.model, few.inputs)

    # Training the best

    def train_best(self) -> None:
        """Train the best to the end, and treat what shows only on the way; keep the best epoch."""
        if not self.looks_again:
            self.best = self._to_the_end(self.best)
        else:
            # Who was not ill so far is watched: a fault ends the training, and is treated.
            self.best = ended = self._to_the_end(self.best, stops=not self.trials)
            if ended.skill < WELL:
                self._try_all(self._proposed(ended.diagnosis, ended.skill))
            if self.best is not ended:
                again = self._to_the_end(self.best)
                self.best = max(ended, again, key=lambda one: one.skill)
            else:
                self.best = self._to_the_end(ended)
        self.skill = self.best.skill

    def _to_the_end(self, run: Run, *, stops: bool = False) -> Run:
        epochs = run.setup.epochs
        return self._longer(run, epochs, stops=stops) if run.trained < epochs else run

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
            code=as_code(setup, is_stack="input_layers" not in (setup.layers or {}), model=model),
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
