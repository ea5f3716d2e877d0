"""The oldest test of a net: can it learn one batch by heart?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from latih import random
from latih.arguments import whole
from latih.data import is_stream
from latih.data.batches import Batch
from latih.doctor import kinds
from latih.doctor.borrowed import Borrowed, copy_of
from latih.doctor.diagnosis import Diagnosis, diagnose
from latih.doctor.evidence import Evidence
from latih.doctor.finding import Finding, Measured
from latih.doctor.probe import Moment, Probe
from latih.doctor.rows import probe_batch
from latih.doctor.rules import RULES
from latih.doctor.watch import Doctor
from latih.doctor.words import Words
from latih.engine.events import Witness
from latih.errors import InputError
from latih.layers import GaussianNoise
from latih.layers.augmentation.base import Augmentation
from latih.structures import only_one_or_all

LEARNT = 0.9
"""The skill from which on a batch is known by heart."""

HALF = 0.5
"""Below this skill it is a fault that it is not."""

FALLEN = 0.1
"""Where no skill can be told, a loss this part of the first one says that it is."""

OF_MORE_THAN_A_BATCH = (
    *("missing-shuffle", "class-imbalance", "overfitting", "under-training", "underfitting"),
    "train-validation-mismatch",
)
"""What one batch alone says nothing of."""

SKILL = Words("skill on the batch", "skill pada batch itu")
LOSS = Words("loss at the end", "loss di akhir")
FIRST_LOSS = Words("loss at the start", "loss di awal")
NAME = Words("Cannot learn one batch", "Satu batch pun tidak terhafal")
CAUSE = Words(
    "Trained on nothing but one batch, the net does not learn it by heart: what it computes, the "
    "loss, the labels or the learning rate is wrong, or it is far too small.",
    "Dilatih hanya pada satu batch, jaringan tidak menghafalnya: perhitungannya, loss, label, "
    "atau laju belajarnya salah, atau jaringannya jauh terlalu kecil.",
)
DOUBT = Words(
    "If the loss was still falling, more steps or a higher learning rate may do; examples that are "
    "equal but for their targets cannot be told apart by any net.",
    "Jika loss masih turun, langkah yang lebih banyak atau laju belajar yang lebih tinggi mungkin "
    "cukup; contoh yang sama dengan target berbeda tidak bisa dibedakan jaringan mana pun.",
)
LEARNT_IT = Words(
    "One batch of {rows} was learnt by heart: skill {skill:.3f}, loss {first:.3g} → {last:.3g} in "
    "{steps} steps.",
    "Satu batch berisi {rows} contoh terhafal: skill {skill:.3f}, loss {first:.3g} → {last:.3g} "
    "dalam {steps} langkah.",
)
DID_NOT = Words(
    "One batch of {rows} was not learnt by heart: skill {skill:.3f}, loss {first:.3g} → {last:.3g} "
    "in {steps} steps.",
    "Satu batch berisi {rows} contoh tidak terhafal: skill {skill:.3f}, loss {first:.3g} → "
    "{last:.3g} dalam {steps} langkah.",
)


@dataclass(frozen=True)
class OneBatch:
    """What became of a net that was trained on one batch.

    Args:
        losses: of each step, with what regularizers add.
        skill: on the batch, after the last step: 1 is by heart, 0 no better than the best constant
            prediction. It does not depend on the loss; NaN if nobody knows what the targets mean.
        rows: how many examples the batch holds.
        finding: what hinders it; None if nothing does.

    Example:
        >>> print(OneBatch([2.0, 0.01], 0.99, 32, None))
        One batch of 32 was learnt by heart: skill 0.990, loss 2 → 0.01 in 2 steps.
    """

    losses: Sequence[float] = field(repr=False)
    skill: float
    rows: int
    finding: Finding | None

    @property
    def loss(self) -> float:
        """The last step's."""
        return self.losses[-1] if self.losses else math.nan

    @property
    def is_learnt(self) -> bool:
        """Whether the net knows the batch by heart."""
        return self.finding is None

    def to_dict(self) -> Mapping[str, Any]:
        """Return it as data that JSON can hold."""
        return {
            "losses": list(self.losses),
            "loss": self.loss,
            "skill": self.skill,
            "rows": self.rows,
            "finding": None if self.finding is None else self.finding.to_dict(),
        }

    def __str__(self) -> str:
        """Return what became of it, and what hinders it."""
        told = str(
            (LEARNT_IT if self.is_learnt else DID_NOT).of(
                rows=self.rows,
                skill=self.skill,
                first=self.losses[0] if self.losses else math.nan,
                last=self.loss,
                steps=len(self.losses),
            )
        )
        return told if self.finding is None else f"{told}\n{Diagnosis([self.finding])}"


def overfit_one_batch(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    batch_size: int = 32,
    steps: int = 300,
    dropout: bool = False,
    augmentation: bool = False,
    sample_weight: Any = None,
    seed: int = 0,
) -> OneBatch:
    """Train a copy of a model on one batch alone, and say whether it learns it by heart.

    A net that cannot do that will not learn the whole data set either, and the reason is easier to
    find: it is neither the order of the data nor how little they say. All steps see the very same
    rows, some of each class. Dropout, noise and augmentation, which would make other inputs of
    them in each step, rest unless they are asked for; regularizers do not.

    The model, its optimizer, the metrics and all random generators are left as they were.

    Args:
        model: a compiled model.
        x: the examples, as ``fit()`` takes them; of what is iterated, and is not tensors in memory,
            the next batch is taken.
        y: what they should come out as.
        batch_size: how many rows the batch has at most.
        steps: how long to train, >= 1.
        dropout: whether layers drop and add noise, as in training. (A dropout that a model calls
            as a function cannot rest.)
        augmentation: whether images are changed at random, as in training.
        sample_weight: how much each example counts.
        seed: what masks follow from.

    Returns:
        The loss of each step, the skill at the end and, if it is below 0.9, a finding: what the
        doctor saw in those steps, or else that the net does not learn.

    Raises:
        NotReadyError: the model is not compiled.
        InputError: the data do not fit the model, or it cannot be copied.

    Example:
        >>> from latih.layers import Dense, Input
        >>> from latih.models import Sequential
        >>> model = Sequential([Input([2]), Dense(8, "tanh"), Dense(1)])
        >>> model.compile("adam", "mse")
        >>> result = overfit_one_batch(model, [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 3, 3, 0])
        >>> len(result.losses), result.rows
        (300, 4)
    """
    owner = "overfit_one_batch()"
    model.compiled(owner)
    steps = whole(steps, "steps", owner, least=1)
    batch_size = whole(batch_size, "batch_size", owner, least=1)
    data = Borrowed(x, 1, owner)
    with random.drawing_from(random.state_dict()), data.drawing():
        random.set_random_seed(seed)
        trial = copy_of(model)
        for module in trial.modules():
            if (_is_noise(module) and not dropout) or (
                isinstance(module, Augmentation) and not augmentation
            ):
                _let_rest(module)
        batch = _one_batch(trial, data.read(), y, batch_size, sample_weight)
        doctor = _AtTheBatch()
        weights = None if all(one is None for one in batch.weights) else batch.weights
        record = trial.fit(
            batch.inputs,
            only_one_or_all(batch.targets),
            batch_size=batch.size,
            epochs=steps,
            shuffle=False,
            verbose=0,
            sample_weight=None if weights is None else only_one_or_all(weights),
            callbacks=[doctor],
        )
        losses = [float(loss) for loss in record.history.get("loss", ())]
        finding = _finding(doctor.evidence, doctor.skill, losses)
    return OneBatch(losses, doctor.skill, batch.size, finding)


class _AtTheBatch(Doctor):
    """A doctor that at last asks how well the very rows are known that were trained on."""

    def __init__(self) -> None:
        super().__init__(share=1.0)
        self.skill = math.nan

    def on_train_end(self, logs: Any = None) -> None:
        """Judge it as it is in training, with the statistics of this batch, and as in inference."""
        rows = None if self._training is None else probe_batch(self._training, self._rows())
        if rows is not None:
            probe = Probe(self.model, self.evidence.facts, rows, self.model.objective)
            found = (probe.skill_in_training(), probe.check(Moment(self.step, 0)).skill)
            self.skill = max((one for one in found if not math.isnan(one)), default=math.nan)
        super().on_train_end(logs)

    def _rows(self) -> int:
        return int(self._training.batches.examples or 1)


class _Taker(Witness):
    """Takes the rows of a training that has not begun, and lets it be."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self._rows = rows
        self.batch: Batch | None = None

    def before_training(self, training: Any) -> None:
        """Take them."""
        self.batch = probe_batch(training, self._rows)
        training.model.stop_training = True


def _one_batch(model: Any, x: Any, y: Any, rows: int, sample_weight: Any) -> Batch:
    taker, size = _Taker(rows), None if is_stream(x) else rows
    model.fit(x, y, batch_size=size, verbose=0, sample_weight=sample_weight, callbacks=[taker])
    if taker.batch is None:
        raise InputError(
            "overfit_one_batch() got no batch", expected="at least one example", got="none"
        )
    return taker.batch


def _is_noise(module: nn.Module) -> bool:
    return isinstance(module, GaussianNoise) or kinds.class_of(module) in kinds.DROPOUTS


def _let_rest(module: nn.Module) -> None:
    """Let a module of a copy do in training what it does in inference."""
    module.training = False
    vars(module)["train"] = lambda mode=True: module  # who puts the model into training, not it
    if kinds.class_of(module) == "MCDropout":  # it drops in inference too
        module.rate = 0.0  # type: ignore[assignment]


def _finding(evidence: Evidence, skill: float, losses: Sequence[float]) -> Finding | None:
    """Return why a batch is not known by heart; None if it is."""
    if skill >= LEARNT or (math.isnan(skill) and _has_fallen(losses)):
        return None
    evidence.overfits_a_batch = None if math.isnan(skill) else skill
    faults = diagnose(evidence, RULES).faults
    told = [one for one in faults if one.code not in OF_MORE_THAN_A_BATCH]
    if told:
        return told[0]
    measured = [] if math.isnan(skill) else [Measured(SKILL, skill, "<", LEARNT)]
    if losses:
        measured += [Measured(FIRST_LOSS, losses[0]), Measured(LOSS, losses[-1])]
    return Finding(
        code="underfitting",
        severity="advice" if skill >= HALF else "fault",
        probability=0.5,
        layer=None,
        step=len(losses),
        evidence=tuple(measured),
        remedies=("raise-learning-rate", "initialise", "output-and-loss", "more-units"),
        name=NAME,
        cause=CAUSE,
        doubt=DOUBT,
    )


def _has_fallen(losses: Sequence[float]) -> bool:
    """Say whether the loss tells that a batch is known, where nobody knows what skill would be."""
    return bool(losses) and losses[-1] < FALLEN * abs(losses[0])
