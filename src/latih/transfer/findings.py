"""What goes wrong where a net is fine-tuned: features wrecked, images it cannot know, copies."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latih.callbacks import Callback
from latih.doctor import Finding, Measured, Words
from latih.doctor.casebook import record_of
from latih.doctor.finding import Severity
from latih.doctor.rows import spread
from latih.doctor.rule import Rule
from latih.doctor.rules.learning_rate_too_high import learning_rate_too_high
from latih.doctor.rules.train_validation_mismatch import DUPLICATES, train_validation_mismatch
from latih.doctor.rules.unnormalised_inputs import unnormalised_inputs
from latih.errors import LatihWarning
from latih.layers import BatchNormalization
from latih.layers.depth import in_depth
from latih.models import Model
from latih.run_directory import RunDirectory
from latih.transfer.drift import drift, kernels_of

FAR = 0.3
"""A base that is fine-tuned well moves by hundredths of its weights' size; tenths are too far."""

UNLIKE = 10.0
"""How many times wider or narrower than ever before the numbers are that a base gets: pixels that
were not divided by 255 are some hundred times too wide, and dark images a few times too narrow."""

LEAKED = 0.01
"""The share of copies among what is judged on from which on a score says little."""

LOOKED_AT = 64
"""So many examples tell of what scale they are."""

DRIFT = Words(
    "drift |θ-θ0|/|θ0| of the layer that went farthest",
    "pergeseran |θ-θ0|/|θ0| lapisan yang berubah paling jauh",
)
EPOCHS = Words(
    "epochs of the whole net, each worse than the frozen probe",
    "epoch seluruh jaringan, semuanya lebih buruk daripada probe beku",
)
SPREAD = Words(
    "deviation of what the base gets over that of what it was trained on",
    "simpangan masukan basis dibanding simpangan pada data latihnya dulu",
)


class FindingWarning(LatihWarning):
    """What went wrong at a fine-tuning, said as it is found; ``FineTuned.findings`` has it, too."""


@dataclass(frozen=True)
class Signs:
    """What was measured at a fine-tuning.

    Args:
        drift: how far each layer of the base had gone when training ended, ``|θ-θ₀| / |θ₀|``.
        best_epoch: the epoch whose weights were kept, from 1; 0 for the frozen probe.
        epochs: how many the whole net was trained for.
        spread: the first batch normalisation, and by how many times wider than in its statistics
            its inputs are; None if there is none.
        leaked: the share of what was judged on that was trained on, too.
        second_cycle_kept: whether training anew with everything gave the net that is kept.
    """

    drift: Mapping[str, float]
    best_epoch: int
    epochs: int
    spread: tuple[str, float] | None
    leaked: float
    second_cycle_kept: bool = False


class DriftWatch(Callback):
    """Measures how far a base has gone when training ends, whatever weights are kept then.

    Args:
        base: what is below the head, and is trained within another model.

    Example:
        >>> from latih.models import Sequential
        >>> DriftWatch(Sequential()).drift
        {}
    """

    def __init__(self, base: Model) -> None:
        super().__init__()
        self.base = base
        self.drift: dict[str, float] = {}
        # As it is before training, one that goes on too.
        self._knew = kernels_of(base)

    def on_train_end(self, logs: Any = None) -> None:
        """Compare."""
        self.drift = drift(self._knew, kernels_of(self.base))


def spread_of(model: Model, x: np.ndarray) -> tuple[str, float] | None:
    """Return how much wider the numbers that a base gets are than those that it was trained on.

    The statistics of a batch normalisation remember what came in training: the mean and deviation
    of each feature. The deviation from that mean now, over that deviation, in the median of the
    features, is 1 where all is as it was; and pixels that the base expects divided by 255, and that
    are not, make it some hundreds.

    Args:
        model: the base, or a net with it inside.
        x: examples as they come.

    Returns:
        The name of the first batch normalisation and the number; None if there is none, or it was
        never trained.
    """
    norms = [one for one in in_depth(model) if isinstance(one, BatchNormalization)]
    trained = [one for one in norms if one.built and _was_trained(one)]
    if not trained:
        return None
    first, seen = trained[0], []

    def look(module: Any, inputs: tuple[Any, ...]) -> None:
        seen.append(inputs[0].detach().movedim(first.axis, 0).flatten(1).double().cpu())

    handle = first.register_forward_pre_hook(look)
    try:
        # From all over: pictures of a folder lie class by class.
        model.predict(x[spread(len(x), LOOKED_AT).numpy()], verbose=0)
    finally:
        handle.remove()
    if not seen:
        return None
    features = np.concatenate([one.numpy() for one in seen], axis=1)
    mean = first.moving_mean.detach().double().cpu().numpy()
    known = np.sqrt(first.moving_variance.detach().double().cpu().numpy() + first.epsilon)
    away = np.sqrt(np.square(features - mean[:, None]).mean(axis=1)) / known
    narrow = features.std(axis=1) / known
    wide = float(np.median(away))
    return first.name, wide if wide > 1 else float(np.median(narrow))


def _was_trained(norm: Any) -> bool:
    return bool((norm.moving_mean != 0).any() or (norm.moving_variance != 1).any())


def findings_of(signs: Signs) -> list[Finding]:
    """Return what is wrong with a fine-tuning, the worst first; nothing, mostly.

    Example:
        >>> findings_of(Signs({"conv": 0.9}, 0, 20, None, 0.0))
        [Finding('learning-rate-too-high', 'fault', 0.85, layer='conv')]
    """
    return sorted([*_wrecked(signs), *_unlike(signs), *_copied(signs)], key=_rank)


def worst_of(several: Sequence[Signs]) -> list[Finding]:
    """Return what is wrong with several fine-tunings, each thing as it is worst, the worst first.

    Example:
        >>> worst_of([Signs({}, 0, 0, None, leaked) for leaked in (0.1, 0.3)])
        [Finding('train-validation-mismatch', 'fault', 0.8)]
    """
    found = sorted((one for signs in several for one in findings_of(signs)), key=_rank)
    worst: dict[str, Finding] = {}
    for finding in found:
        worst.setdefault(finding.code, finding)
    return list(worst.values())


def _rank(finding: Finding) -> tuple[bool, float]:
    return finding.severity != "fault", -finding.probability


def write_findings(run: RunDirectory, findings: Sequence[Finding]) -> None:
    """Write what was found beside what a doctor found in training.

    Args:
        run: where.
        findings: they take the place of those of their kinds.
    """
    ours = [record_of(finding, "end", None) for finding in findings]
    codes = {record["code"] for record in ours}
    earlier = run.findings.read() if run.findings.path.is_file() else []
    run.findings.start([*(one for one in earlier if one["code"] not in codes), *ours])


def _wrecked(signs: Signs) -> Iterator[Finding]:
    """Look for layers that went far, in a training of which nothing could be kept."""
    if not signs.drift or signs.best_epoch or signs.second_cycle_kept or signs.epochs < 2:
        return
    layer, far = max(signs.drift.items(), key=lambda one: one[1] if one[1] >= 0 else math.inf)
    if far <= FAR:
        return
    yield _finding(
        learning_rate_too_high,
        "fault",
        0.85,
        [Measured(DRIFT, far, ">", FAR), Measured(EPOCHS, signs.epochs, ">", 1)],
        ("lower-learning-rate", "warm-up"),
        Words(
            "The steps were so large that the base lost what it knew: no epoch was as good as the "
            "frozen probe.",
            "Langkahnya begitu besar sehingga basis kehilangan yang sudah dipelajarinya: tidak ada "
            "epoch yang menyamai probe beku.",
        ),
        Words(
            "The base knew nothing of use here, and had to move far.",
            "Basis memang tidak tahu apa-apa yang berguna di sini, dan harus banyak berubah.",
        ),
        layer,
    )


def _unlike(signs: Signs) -> Iterator[Finding]:
    """Look for examples of another scale than those that the base was trained on."""
    if signs.spread is None:
        return
    layer, wide = signs.spread
    if 1 / UNLIKE <= wide <= UNLIKE:
        return
    measured = Measured(SPREAD, wide, *((">", UNLIKE) if wide > 1 else ("<", 1 / UNLIKE)))
    yield _finding(
        unnormalised_inputs,
        "fault",
        0.9,
        [measured],
        ("scale-inputs",),
        Words(
            "The examples are not prepared as those that the base was trained on, whose mean and "
            "deviation its batch normalisation remembers.",
            "Contoh-contoh tidak disiapkan seperti data latih basis, yang rata-rata dan "
            "simpangannya diingat oleh batch normalisation-nya.",
        ),
        Words(
            "These examples are so unlike the old ones in truth, and not by preparation.",
            "Contoh-contoh ini memang sungguh sangat berbeda, bukan karena penyiapannya.",
        ),
        layer,
    )


def _copied(signs: Signs) -> Iterator[Finding]:
    """Look for copies on both sides of a split."""
    if not signs.leaked > LEAKED:
        return
    yield _finding(
        train_validation_mismatch,
        "fault",
        min(0.5 + signs.leaked, 0.93),
        [Measured(DUPLICATES, signs.leaked, ">", LEAKED)],
        ("split-again",),
        Words(
            "Examples that are judged on are copies of some that were trained on: what was learnt "
            "by heart counts as known.",
            "Sebagian contoh untuk menilai adalah salinan contoh latih: yang dihafal dihitung "
            "sebagai dipahami.",
        ),
        train_validation_mismatch.doubt,
        None,
    )


def _finding(
    known: Rule,
    severity: Severity,
    probability: float,
    measured: list[Measured],
    remedies: tuple[str, ...],
    cause: Words,
    doubt: Words,
    layer: str | None,
) -> Finding:
    """Return a finding of an illness that the doctor's rules know by other signs."""
    return Finding(
        code=known.code,
        severity=severity,
        probability=probability,
        layer=layer,
        step=None,
        evidence=tuple(measured),
        remedies=remedies,
        name=known.name,
        cause=cause,
        doubt=doubt,
    )
