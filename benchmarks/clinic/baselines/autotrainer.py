"""AutoTrainer: eight problems, checked every third epoch, most behind a target accuracy.

Where it was not made for a case, it is read in its favour: of a regression, which has no accuracy,
nothing is said that rests on one, and of several labels nothing about output and loss.

Reference: Zhang et al. 2021, "AUTOTRAINER: An Automatic DNN Training Problem Detection and Repair
System" (ICSE), and the constants of its public code.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from signals import Look, Signals

from baselines.problem import Problem

EVERY = 3
"""Epochs between two checks."""

VANISHING_RATIO, VANISHING_NORM = 1e-3, 1e-4
EXPLODING_RATIO = 70.0
ZERO_GRADIENTS = 0.7
TARGET = 0.6
"""Accuracy that a training shall reach: Theta of the program that reproduces its results."""

JUDGED_FROM = 0.3
"""Losses and accuracies are judged after this share of the epochs, less one interval."""

SWING, SWINGS = 0.03, 0.2
SLOW = 0.01
LARGE_LOSS = 1e3
LARGE_OUTPUT, LARGEST_SUM = 10.0, 1.1
CODES = {
    "abnormal data": ("unnormalised-inputs",),
    "explode": ("exploding-gradient", "nan-or-inf", "learning-rate-too-high"),
    "improper activation": ("wrong-output-activation",),
    "dying relu": ("dying-relu",),
    "vanish": ("vanishing-gradient",),
    "not converge": ("learning-rate-too-low", "under-training"),
    "unstable": ("oscillating-loss",),
    "improper loss": ("wrong-loss",),
}


def problems(signals: Signals) -> list[Problem]:
    """Return what it reports first: at a check with any problem it ends the training."""
    for look in signals.epochs:
        if look.epoch % EVERY and look is not signals.epochs[-1]:
            continue
        found = _found(signals, signals.epochs[: look.epoch])
        if found:
            return [Problem(name, CODES[name], look.epoch) for name in found]
    return []


def _found(signals: Signals, looks: Sequence[Look]) -> list[str]:
    checked = [one for one in looks if not one.epoch % EVERY or one is looks[-1]]
    found: list[str] = []
    improper_output, improper_loss = _output_and_loss(signals)
    improper_output = improper_output or any(_exceeds_one(signals, one) for one in checked)
    abnormal = not improper_output and any(_is_abnormal(one) for one in checked)
    if abnormal:
        found.append("abnormal data")
    losses = [*_logged(looks, "loss"), *_logged(looks, "val_loss")]
    if not all(map(math.isfinite, losses)) or max(losses, default=0.0) >= LARGE_LOSS:
        return [*found, "explode"] if any(map(_is_broken, checked)) else found
    is_due = len(looks) >= JUDGED_FROM * signals.facts.epochs - EVERY
    misses, is_slow = _misses(signals, looks, is_due), _is_slow(signals, looks, is_due)
    if misses or is_slow:
        if improper_output:
            found.append("improper activation")
        elif any(one.zero_gradients >= ZERO_GRADIENTS for one in checked):
            found.append("dying relu")
        elif any(_ratio(one) > EXPLODING_RATIO for one in checked):
            found.append("explode")
        elif any(map(_vanishes, checked)):
            found.append("vanish")
        elif misses and is_slow and not abnormal and signals.is_of_classes:
            found.append("not converge")
    if is_due and signals.is_of_classes and swings(_logged(looks, "accuracy")):
        found.append("improper activation" if improper_output else "unstable")
    if improper_loss and not improper_output:
        found.append("improper loss")
    return list(dict.fromkeys(found))


def _logged(looks: Sequence[Look], name: str) -> list[float]:
    return [one.logs[name] for one in looks if name in one.logs]


def _misses(signals: Signals, looks: Sequence[Look], is_due: bool) -> bool:
    best = [max(_logged(looks, name), default=0.0) for name in ("accuracy", "val_accuracy")]
    return is_due and (max(best) < TARGET or not signals.is_of_classes)


def _is_slow(signals: Signals, looks: Sequence[Look], is_due: bool) -> bool:
    rises = [_largest_rise(_logged(looks, name)) for name in ("accuracy", "val_accuracy")]
    return is_due and (max(rises) < SLOW or not signals.is_of_classes)


def _largest_rise(values: Sequence[float]) -> float:
    return max((after - before for before, after in pairwise(values)), default=0.0)


def swings(accuracies: Sequence[float]) -> bool:
    """Say whether peaks stand above the next valleys so often that it counts as unstable."""
    inner = list(zip(accuracies, accuracies[1:], accuracies[2:], strict=False))
    peaks = [b for a, b, c in inner if b >= a and b >= c]
    valleys = [b for a, b, c in inner if b <= a and b <= c]
    deep = sum(p - v >= SWING for p, v in zip(peaks, valleys, strict=False))
    return bool(inner) and deep >= SWINGS * len(accuracies)


def _kernels(look: Look) -> list[float]:
    return [layer.gradient_norm for layer in look.layers if layer.has_kernel]


def _ratio(look: Look) -> float:
    norms = _kernels(look)
    return norms[0] / norms[-1] if norms and norms[-1] else math.nan


def _vanishes(look: Look) -> bool:
    return _ratio(look) < VANISHING_RATIO and _kernels(look)[0] < VANISHING_NORM


def _is_broken(look: Look) -> bool:
    weights = [layer.weight_norm for layer in look.layers if layer.has_kernel]
    return not all(map(math.isfinite, [*weights, *_kernels(look)]))


def _exceeds_one(signals: Signals, look: Look) -> bool:
    is_of_one = all(one.task in ("binary", "multi-class") for one in signals.facts.outputs)
    return is_of_one and bool(look.layers) and look.layers[-1].row_sum > LARGEST_SUM


def _is_abnormal(look: Look) -> bool:
    return any(layer.size >= LARGE_OUTPUT for layer in look.layers[:-1])


def _output_and_loss(signals: Signals) -> tuple[bool, bool]:
    """Return whether the output's activation, and whether the loss, is none for the other."""
    if len(signals.facts.outputs) != 1 or signals.facts.outputs[0].task == "multi-label":
        return False, False
    (output,) = signals.facts.outputs
    if "binary" in output.loss and output.width == 1:
        return output.activation != "sigmoid", False
    if "categorical" in output.loss and output.width > 1:
        return output.activation != "softmax" and not output.from_logits, False
    if output.task == "regression":
        return output.activation is not None, False
    return False, True
