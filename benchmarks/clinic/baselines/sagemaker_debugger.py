"""SageMaker Debugger: its built-in rules for deep nets, with their default arguments.

It reads what a training saves; here that is once before the training and once after each epoch,
and of losses the mean over an epoch, which is steadier than the loss of the batch that it would
read: where its documents leave a choice, it is read in its favour.

Reference: Rauschmayr et al. 2021, "Amazon SageMaker Debugger: A System for Real-Time Insights into
Machine Learning Model Training" (MLSys), and the defaults of AWS's developer guide.
"""

import math
from collections.abc import Callable, Sequence

from signals import Look, Signals

from baselines.problem import Problem

VANISHING = 1e-7
LAYER = 0.5
"""A layer is dead, or saturated, where more than this share of its units is."""

VARIANCES, WIDTH, FLAT_STEPS = 10.0, 1e-3, 5
LARGE_UPDATE, SMALL_UPDATE = 10.0, 1e-8
FALL, STEPS = 1e-3, 10
"""A loss falls if it is lower by this share than so many steps before."""

GAP = 0.1
PATIENCE, VALIDATION_PATIENCE, GAIN = 5, 10, 0.01
COUNTS = 10.0
IMAGE_MEAN = 0.2
SAVED_ALIKE = 3


def problems(signals: Signals) -> list[Problem]:
    """Return what its rules report, those that fire first at first, each once."""
    found = [Problem(says, codes, at) for says, codes, rule in RULES if (at := rule(signals)) >= 0]
    return sorted(found, key=lambda one: one.epoch)


NEVER = -1
"""What a rule returns instead of an epoch if it does not fire."""

Rule = Callable[[Signals], int]


def _first(looks: Sequence[Look], is_so: Callable[[Look], bool]) -> int:
    return next((look.epoch for look in looks if is_so(look)), NEVER)


def _exploding(signals: Signals) -> int:
    def is_so(look: Look) -> bool:
        numbers = [look.logs.get("loss", 0.0)]
        for layer in look.layers:
            numbers += [layer.mean, layer.weight_norm, layer.gradient_norm]
        return not all(map(math.isfinite, numbers))

    return _first(signals.looks, is_so)


def _vanishing(signals: Signals) -> int:
    return _first(
        signals.looks,
        lambda look: any(one.has_kernel and one.gradient_size < VANISHING for one in look.layers),
    )


def _dead(signals: Signals) -> int:
    return _first(signals.looks, lambda look: any(one.idle_units > LAYER for one in look.layers))


def _saturated(signals: Signals) -> int:
    return _first(
        signals.looks, lambda look: any(one.saturated_units > LAYER for one in look.layers)
    )


def _initialisation(signals: Signals) -> int:
    """Look at the first steps: variances of sums, widths of gradients, a loss that stays."""
    for look in signals.looks[:1]:
        kernels = [one for one in look.layers if one.has_kernel]
        variances = [one.sums_variance for one in kernels]
        least, most = min(variances, default=1.0), max(variances, default=1.0)
        if most > VARIANCES * least or any(one.gradient_width < WIDTH for one in kernels):
            return 0
    best, waited = math.inf, 0
    for loss in signals.first_losses:
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if waited >= FLAT_STEPS:
            return 1
    return NEVER


def _updates(signals: Signals) -> int:
    def is_so(look: Look) -> bool:
        ratios = [one.update_ratio for one in look.layers if one.update_ratio is not None]
        return any(ratio > LARGE_UPDATE or ratio < SMALL_UPDATE for ratio in ratios)

    return _first(signals.looks, is_so)


def _unchanged(signals: Signals) -> int:
    for end in range(SAVED_ALIKE, len(signals.looks) + 1):
        looks = signals.looks[end - SAVED_ALIKE + 1 : end]
        names = [one.name for one in looks[-1].layers if one.has_kernel]
        for name in names:
            same = [one.unchanged for look in looks for one in look.layers if one.name == name]
            if all(same):
                return looks[-1].epoch
    return NEVER


def _not_decreasing(signals: Signals) -> int:
    looks = signals.epochs
    for place, look in enumerate(looks):
        earlier = [one for one in looks[:place] if look.step - one.step >= STEPS]
        if not earlier or "loss" not in look.logs:
            continue
        loss, before = look.logs["loss"], earlier[-1].logs["loss"]
        if not loss < before - FALL * abs(before):
            return look.epoch
    return NEVER


def _overfits(signals: Signals) -> int:
    def is_so(look: Look) -> bool:
        loss, held_back = look.logs.get("loss", math.nan), look.logs.get("val_loss", math.nan)
        return held_back - loss > GAP * abs(loss)

    return _first(signals.epochs, is_so)


def _overtrained(signals: Signals) -> int:
    for name, patience in (("loss", PATIENCE), ("val_loss", VALIDATION_PATIENCE)):
        best, waited = math.inf, 0
        for look in signals.epochs:
            value = look.logs.get(name, -math.inf)
            waited = 0 if value < best - GAIN else waited + 1
            best = min(best, value)
            if waited >= patience and math.isfinite(value):
                return look.epoch
    return NEVER


def _unbalanced(signals: Signals) -> int:
    for output in signals.facts.outputs:
        there = [count for count in output.counts if count]
        if there and output.task in ("binary", "multi-class") and max(there) > COUNTS * min(there):
            return 0
    return NEVER


def _images(signals: Signals) -> int:
    return 0 if signals.image_mean is not None and signals.image_mean > IMAGE_MEAN else NEVER


RULES: Sequence[tuple[str, tuple[str, ...], Rule]] = (
    ("ExplodingTensor", ("nan-or-inf", "exploding-gradient"), _exploding),
    ("VanishingGradient", ("vanishing-gradient",), _vanishing),
    ("PoorWeightInitialization", ("bad-initialisation",), _initialisation),
    ("DeadRelu", ("dying-relu",), _dead),
    ("SaturatedActivation", ("saturated-activation",), _saturated),
    (
        "WeightUpdateRatio",
        ("learning-rate-too-high", "learning-rate-too-low", "parameters-not-training"),
        _updates,
    ),
    ("UnchangedTensor", ("parameters-not-training",), _unchanged),
    ("CheckInputImages", ("unnormalised-inputs",), _images),
    ("ClassImbalance", ("class-imbalance",), _unbalanced),
    (
        "LossNotDecreasing",
        ("learning-rate-too-low", "learning-rate-too-high", "underfitting"),
        _not_decreasing,
    ),
    ("Overfit", ("overfitting",), _overfits),
    ("Overtraining", ("overfitting",), _overtrained),
)
"""Each with what it is in the doctor's words; those that ask for arguments are left out."""
