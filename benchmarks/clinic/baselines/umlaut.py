"""UMLAUT: twelve checks of classifiers, before the training and after each epoch.

Where it was not made for a case, it is read in its favour: a softmax is asked for only before a
cross-entropy of classes, a dense layer with a softmax counts as having one, and of a regression
nothing is said that rests on an accuracy.

Reference: Schoop et al. 2021, "UMLAUT: Debugging Deep Learning Programs using Program Structure
and Model Behavior" (CHI), and the constants of its public code.
"""

import math

from signals import Look, Signals

from baselines.problem import Problem

MOST_INPUT = 1.0
HIGH_RATE, LOW_RATE = 0.01, 1e-7
HIGH_ACCURACY, AHEAD = 0.95, 0.05
FIRST_EPOCHS = 3
"""In so many epochs an accuracy may be anything."""

HIGH_DROPOUT = 0.5


def problems(signals: Signals) -> list[Problem]:
    """Return what it reports, in the order in which it does; each problem once."""
    found = [*_of_structure(signals), *_of_data(signals)]
    before: Look | None = None
    for look in signals.epochs:
        found += _of_epoch(signals, look, before)
        before = look
    return list({one.says: one for one in reversed(found)}.values())[::-1]


def _of_structure(signals: Signals) -> list[Problem]:
    found: list[Problem] = []
    for output in signals.facts.outputs:
        if "categorical" in output.loss and not output.from_logits:
            if output.activation != "softmax":
                codes = ("wrong-output-activation", "wrong-loss")
                found.append(Problem("missing softmax before the loss", codes, 0))
    layers = signals.facts.layers
    kernels = [one for one in layers if one.fan_in]
    if any(one.activation is None for one in kernels[:-1]):
        found.append(Problem("missing activation functions", ("missing-nonlinearity",), 0))
    if layers and kernels and layers[-1] is not kernels[-1]:
        inner, outer = kernels[-1].activation, layers[-1].activation
        if inner is not None and outer is not None and inner != outer:
            codes = ("wrong-output-activation",)
            found.append(Problem("final layer has several activations", codes, 0))
    if any(one.dropout > HIGH_DROPOUT for one in layers):
        found.append(Problem("high dropout rate", ("underfitting",), 0))
    return found


def _of_data(signals: Signals) -> list[Problem]:
    found: list[Problem] = []
    rate = signals.facts.learning_rate
    for one in signals.facts.inputs:
        if one.least < -MOST_INPUT or one.most > MOST_INPUT:
            found.append(Problem("input exceeds limits", ("unnormalised-inputs",), 1))
    if not signals.is_square:
        found.append(Problem("image shape", ("label-range",), 1))
    if rate > HIGH_RATE:
        found.append(Problem("learning rate high", ("learning-rate-too-high",), 1))
    if rate < LOW_RATE:
        found.append(Problem("learning rate low", ("learning-rate-too-low",), 1))
    return found


def _of_epoch(signals: Signals, look: Look, before: Look | None) -> list[Problem]:
    found: list[Problem] = []
    logs = look.logs
    if math.isnan(logs.get("loss", 0.0)):
        codes = ("nan-or-inf", "learning-rate-too-high")
        found.append(Problem("NaN in loss", codes, look.epoch))
    if before is not None and "val_loss" in logs and "val_loss" in before.logs:
        rise = logs["val_loss"] - before.logs["val_loss"]
        if rise > 0 and logs["loss"] <= before.logs["loss"]:
            found.append(Problem("possible overfitting", ("overfitting",), look.epoch))
    told, own = logs.get("val_accuracy", 0.0), logs.get("accuracy", 1.0)
    if look.epoch > FIRST_EPOCHS and signals.is_of_classes and "val_accuracy" in logs:
        if told > HIGH_ACCURACY or told > own + AHEAD:
            codes = ("train-validation-mismatch",)
            found.append(Problem("validation accuracy is high", codes, look.epoch))
    return found
