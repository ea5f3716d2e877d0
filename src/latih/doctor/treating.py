"""The doctor at a training who does not only look on: it tries what helps while the training waits.

What helps is put in place by :mod:`latih.models.treated`: a training cannot change its model.
"""

from collections.abc import Callable, Mapping
from typing import Any

from latih.data.batches import Batch
from latih.doctor.borrowed import copy_of
from latih.doctor.course import ONLY_AT_THE_END, WELL, Course
from latih.doctor.diagnosis import Diagnosis, diagnose
from latih.doctor.evidence import Evidence
from latih.doctor.finding import Finding
from latih.doctor.refused import facts_of_refused
from latih.doctor.setup import Setup
from latih.doctor.trial_data import Data
from latih.doctor.trying import held_back_rows
from latih.doctor.watch import Doctor
from latih.doctor.words import Words
from latih.errors import InputError, LatihError
from latih.json_files import finite

TRIALS = 4
"""So many remedies are tried at most."""

TIME = 0.2
"""So much of the training must be done before what is no fault is worth a trial."""

BEGINS = Words(
    "The training waits after {step} steps, and the doctor tries what helps, on copies.",
    "Latihan menunggu setelah {step} langkah, dan dokter mencoba obatnya pada salinan model.",
)
NOTHING_HELPS = Words(
    "Nothing that was tried helps: the training goes on as it was.",
    "Tidak ada percobaan yang menolong: latihan berlanjut seperti semula.",
)
GOES_ON = Words(
    "The training goes on with what helps, from what the best trial has learnt:",
    "Latihan berlanjut dengan obatnya, dari apa yang sudah dipelajari percobaan terbaik:",
)


class TreatingDoctor(Doctor):
    """Watches a training, and at its first fault tries remedies on copies of the model.

    So it does where a fifth of the training has not brought much, and something is advised. If one
    helps, it ends the training; :attr:`course` then holds what is better. If none does, the
    training goes on, to the same numbers as without a doctor.

    Args:
        data: gives what trials train on and are judged by.
        fit: how the model is fitted: ``epochs``, ``batch_size``, ``shuffle``, ``class_weight``.
        seed: what all that is drawn in trials follows from.
    """

    def __init__(
        self, data: Callable[[], Data], fit: Mapping[str, Any], *, seed: int = 0, **told: Any
    ) -> None:
        super().__init__(**told)
        self.course: Course | None = None
        """What was tried; None as long as nothing was."""
        self.in_vain: Mapping[str, Any] | None = None
        """What was tried, as data, if nothing of it helped: in a run that goes on too."""
        self.rows: Batch | None = None
        """Of those that the training holds back, some to judge by; None if it holds none."""
        self._data, self._fit, self._seed = data, fit, seed
        self._start: Any = None
        self._cannot: InputError | None = None

    def meet(self, model: Any) -> None:
        """Keep a copy of a model, before a run that goes on puts what it has learnt into it.

        Args:
            model: what trials begin as.
        """
        try:
            self._start = copy_of(model)
        except InputError as error:
            self._cannot = error

    def before_training(self, training: Any) -> None:
        """Say it if nothing can be tried; what was tried in vain is not tried again."""
        if self._cannot is not None:
            self.warn(f"the doctor watches, and cannot treat: {self._cannot}")
        if self.in_vain is not None:
            self._start = None
        self.rows = held_back_rows(training)
        super().before_training(training)

    def consider(self) -> None:
        """Try what is advised, where a fifth of the training has not brought much."""
        evidence = self.evidence
        if self._start is None or evidence.progress < TIME or not evidence.skill < WELL:
            return
        advised = [one for one in self.diagnosis.findings if one.severity == "advice"]
        told = [one for one in advised if one.code not in ONLY_AT_THE_END]
        if told:
            self.say(f"\n{Diagnosis(told)}")
            self.act(told[0])

    def act(self, found: Finding) -> None:
        """Try what helps, and end the training if something does."""
        self.treat()
        if self.course is not None and self.course.kept and not self.model.stop_training:
            self.model.stop_training = True
            seen = "found" if found.severity == "fault" else "advised on"
            self.model.stop_reason = f"the doctor {seen} {found.code}, and treats it"
            self._is_off = True  # what ends here has no end to be judged

    def treats_refused(self, model: Any) -> bool:
        """Treat a training that was refused, if a fault says why; return whether something helps.

        Args:
            model: whose training has not begun.
        """
        if self._training is not None or self.step or self.evidence.checks:
            return False
        try:
            data, self._start = self._data(), copy_of(model)
            told = self._fit["epochs"], self._fit["batch_size"]
            facts = facts_of_refused(self._start, data.x, data.y, *told)
        except Exception:  # what cannot even be described, the refusal tells best
            return False
        if diagnose(Evidence(facts=facts), self.rules).faults:
            self.treat()
        return self.course is not None and self.course.kept

    def treat(self) -> None:
        """Try what helps against what was found, once."""
        start, self._start = self._start, None
        if start is None:
            return
        diagnosis = self.diagnosis if self.diagnosis.findings else None
        try:
            asked = Setup.of(start, **self._fit)
            course = Course(start, asked, self._data(), self._seed, TRIALS, tell=self.say)
            self.say(f"\n{BEGINS.of(step=self.step)}")
            with course.leaving_no_trace():
                course.look(diagnosis)
                course.try_remedies()
        except LatihError as error:
            self.warn(f"the doctor watches, and cannot treat: {error}")
            return
        self.course = course
        if not course.kept:
            self.in_vain = finite({**course.so_far().to_dict(), "changed": []})
            self.say(str(NOTHING_HELPS))

    def state_dict(self) -> dict[str, Any]:
        """Return what was seen and told so far, and what was tried in vain.

        What helps ends the training, and is written down by who goes on with it.
        """
        return {**super().state_dict(), "in_vain": self.in_vain}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`state_dict` gave; the next run goes on from it."""
        told = dict(state)
        self.in_vain = told.pop("in_vain", None)
        super().load_state_dict(told)

    def say_what_helps(self) -> None:
        """Say with what the training goes on."""
        if self.course is not None and self.course.kept:
            self.say(f"\n{GOES_ON}")
            for change in self.course.so_far().changes:
                self.say(f"  {change}")

    def conclude(self) -> None:
        """Show what it was, unless the treatment has shown it."""
        if self.course is None:
            super().conclude()
