"""What goes wrong where a net is fine-tuned: from wrecked features to copies of what is judged."""

import math
from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from latih.doctor import Finding, Measured, Words
from latih.doctor.casebook import record_of
from latih.doctor.finding import Severity
from latih.doctor.rule import Rule
from latih.doctor.rules.learning_rate_too_high import learning_rate_too_high
from latih.doctor.rules.train_validation_mismatch import (
    DUPLICATES,
    GAP,
    GREAT,
    train_validation_mismatch,
)
from latih.doctor.rules.unnormalised_inputs import unnormalised_inputs
from latih.errors import LatihWarning
from latih.run_directory import RunDirectory
from latih.transfer.signs import Signs

FAR = 0.3
"""A base that is fine-tuned well moves by hundredths of its weights' size; tenths are too far."""

UNLIKE = 10.0
"""How many times wider or narrower than ever before the numbers are that a base gets: pixels that
were not divided by 255 are some hundred times too wide, and dark images a few times too narrow."""

LEAKED = 0.01
"""The share of copies among what is judged on from which on a score says little."""

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
    """What went wrong at a fine-tuning, said as it is found; ``FineTuned.findings`` has it, too.

    A kind of its own, so that who reads the findings can leave the warnings out.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore", FindingWarning)
        ...     warnings.warn("the rate was too high", FindingWarning)
    """


def findings_of(signs: Signs) -> list[Finding]:
    """Return what is wrong with a fine-tuning, the worst first; nothing, mostly.

    Example:
        >>> findings_of(Signs({"conv": 0.9}, 0, 20, None, 0.0))
        [Finding('learning-rate-too-high', 'fault', 0.85, layer='conv')]
    """
    found = [*_wrecked(signs), *_unlike(signs), *_copied(signs), *_of_two_modes(signs)]
    return sorted(found, key=attrgetter("rank"))


def worst_of(several: Sequence[Signs]) -> list[Finding]:
    """Return what is wrong with several fine-tunings, each thing as it is worst, the worst first.

    Example:
        >>> worst_of([Signs({}, 0, 0, None, leaked) for leaked in (0.1, 0.25)])
        [Finding('train-validation-mismatch', 'fault', 0.75)]
    """
    found = (one for signs in several for one in findings_of(signs))
    worst: dict[tuple[str, str], Finding] = {}
    for finding in sorted(found, key=attrgetter("rank")):
        # One illness has several causes.
        worst.setdefault((finding.code, str(finding.cause)), finding)
    return list(worst.values())


def write_findings(run: RunDirectory, findings: Sequence[Finding]) -> None:
    """Write what was found beside what a doctor found in training.

    Args:
        run: where.
        findings: they take the place of what this wrote before. What a doctor found, too, stays as
            the doctor told it.
    """
    earlier = run.findings.read() if run.findings.path.is_file() else []
    of_doctor = [one for one in earlier if not _is_ours(one)]
    told = {record["code"] for record in of_doctor}
    ours = [record_of(one, "end", None) for one in findings if one.code not in told]
    run.findings.start([*of_doctor, *ours])


def _is_ours(record: Mapping[str, Any]) -> bool:
    # A doctor, who looks at steps, tells after which.
    return record.get("moment") == "end" and record.get("at_step") is None


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


def _of_two_modes(signs: Signs) -> Iterator[Finding]:
    """Look for batch normalisations that go by batches, and whose statistics did not follow."""
    gap = signs.gap
    if gap is None:
        return
    limits = train_validation_mismatch.thresholds
    measured = [
        Measured(GAP, gap.ratio, ">", limits["gap"]),
        Measured(GREAT, gap.share, ">", limits["great"]),
    ]
    if not all(one.holds for one in measured):
        return
    yield _finding(
        train_validation_mismatch,
        "fault",
        0.75,
        measured,
        ("larger-batch",),
        Words(
            "The batch normalisations learned from so few batches that what the net does alone is "
            "not what it does in training. batch_norm=False leaves them as they were.",
            "Batch normalisation belajar dari terlalu sedikit batch, sehingga jaringan yang "
            "menjawab bukan jaringan yang dilatih. batch_norm=False membiarkannya seperti semula.",
        ),
        Words(
            "The statistics are still on their way, and follow in a longer training.",
            "Statistiknya masih menyesuaikan diri, dan menyusul pada latihan yang lebih lama.",
        ),
        gap.layer,
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
