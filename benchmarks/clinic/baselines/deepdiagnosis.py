"""DeepDiagnosis: eight symptoms, checked after each epoch on the first batch; the first ends it.

What it advises is read off its decision table: what it names, or advises, counts as named. Of a
regression nothing is said that rests on an accuracy. Of gradients the mean of the absolute values
is taken for their mean, which before a softmax is 0 but for rounding, and would be an error to it.

Reference: Wardat et al. 2022, "DeepDiagnosis: Automatically Diagnosing Faults and Recommending
Actionable Fixes in Deep Learning Programs" (ICSE), and the constants of its public callback.
"""

import math
from collections.abc import Callable, Iterator, Sequence

from signals import LayerSignals, Look, Signals

from baselines.problem import Problem

EVERY = 5
"""Epochs over which a tensor or a loss counts as unchanged, and between looks for saturation."""

EVERY_ACCURACY = 20
VANISHING = 1e-7
INACTIVE, SATURATED = 0.7, 0.5
TIMES_THE_RANGE = 10.0
LEAST_VARIANCE, MOST_VARIANCE = 1e-5, 10.0
LOW_RATE, HIGH_RATE = 1e-5, 1e-1
"""Of the learning rate times the gradient's norm over the weights'."""

RANGES = {
    "sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "relu": (0.0, math.inf),
    "elu": (-1.0, math.inf),
}


def problems(signals: Signals) -> list[Problem]:
    """Return the one symptom that it reports, with what it advises."""
    for place, look in enumerate(signals.epochs, start=1):
        found = next(_symptoms(signals, signals.epochs[:place]), None)
        if found is not None:
            says, codes = found
            return [Problem(says, codes, look.epoch)]
    return []


def _symptoms(signals: Signals, looks: Sequence[Look]) -> Iterator[tuple[str, tuple[str, ...]]]:
    now, turn = looks[-1], not len(looks) % EVERY
    last = looks[-EVERY:]
    advised = _advice(signals, now)
    if len(looks) == 1 and _is_out_of_range(signals, now):
        yield "out of range", ("wrong-output-activation", "wrong-loss")
    for layer in now.layers:
        if _is_numerical(layer.mean):
            yield "numerical error in outputs", ("nan-or-inf", *advised)
        ends = len(looks) == signals.facts.epochs
        if ends and layer.activation in ("relu", "exponential") and layer.inactive >= INACTIVE:
            yield "dead node", ("dying-relu", *advised)
        if turn and layer.activation in ("sigmoid", "tanh") and layer.large_sums > SATURATED:
            yield "saturated activation", ("saturated-activation", *advised)
    if turn and any(_stays(last, name, lambda one: one.mean) for name in _names(now)[:-1]):
        yield "unchanged outputs", advised
    yield from _of_metrics(signals, looks, advised)
    for layer in reversed([one for one in now.layers if one.kind == "Dense" and one.has_kernel]):
        if _is_numerical(layer.gradient_size):
            yield "numerical error in gradients", ("nan-or-inf", *advised)
        if layer.gradient_size < VANISHING:
            yield "vanishing gradient", ("vanishing-gradient", *advised)
        assert layer.weight_mean is not None
        if _is_numerical(layer.weight_mean):
            yield "numerical error in weights", ("nan-or-inf", *advised)
        for of in (lambda one: one.gradient_size, lambda one: one.weight_mean):
            if turn and _stays(last, layer.name, of):
                yield "unchanged weights", ("parameters-not-training", *advised)


def _of_metrics(
    signals: Signals, looks: Sequence[Look], advised: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    losses = [one.logs["loss"] for one in looks if "loss" in one.logs]
    if losses and not math.isfinite(losses[-1]):
        yield "invalid loss", ("nan-or-inf", *advised)
    if not len(looks) % EVERY and _is_flat(losses[-EVERY:]):
        yield "loss not decreasing", advised
    accuracies = [one.logs["accuracy"] for one in looks if "accuracy" in one.logs]
    if not signals.is_of_classes or not accuracies:
        return
    if not math.isfinite(accuracies[-1]) or accuracies[-1] == 0:
        yield "invalid accuracy", ("wrong-output-activation", *advised)
    if not len(looks) % EVERY_ACCURACY and _is_flat(accuracies[-EVERY_ACCURACY:]):
        yield "accuracy not increasing", advised


def _advice(signals: Signals, look: Look) -> tuple[str, ...]:
    """Return what its table says is to be changed: weights, data, learning rate or optimizer."""
    kernels = [one for one in look.layers if one.has_kernel]
    if any(not LEAST_VARIANCE <= one.weight_variance <= MOST_VARIANCE for one in kernels):
        return ("bad-initialisation",)
    if any(one.least < -1 or one.most > 1 for one in signals.facts.inputs):
        return ("unnormalised-inputs",)
    rates = [
        signals.facts.learning_rate * one.gradient_norm / one.weight_norm
        for one in kernels
        if one.weight_norm
    ]
    if any(rate > HIGH_RATE for rate in rates):
        return ("learning-rate-too-high",)
    if any(rate < LOW_RATE for rate in rates):
        return ("learning-rate-too-low",)
    return ("learning-rate-too-low", "oscillating-loss")  # another optimizer


def _is_out_of_range(signals: Signals, look: Look) -> bool:
    if len(signals.facts.outputs) != 1 or not look.layers:
        return False
    (output,), last = signals.facts.outputs, look.layers[-1]
    if output.activation == "softmax":
        return False
    if output.activation in (None, "relu") and "categorical" in output.loss:
        return not output.from_logits
    wide = TIMES_THE_RANGE * (output.most - output.least)
    if output.activation is None and last.most - last.least > wide:
        return True
    low, high = RANGES.get(output.activation or "", (-math.inf, math.inf))
    return output.least < low or output.most > high


def _is_numerical(mean: float) -> bool:
    return not math.isfinite(mean) or mean == 0


def _names(look: Look) -> list[str]:
    return [layer.name for layer in look.layers if layer.kind != "Flatten"]


def _stays(looks: Sequence[Look], name: str, of: Callable[[LayerSignals], float | None]) -> bool:
    values = [of(layer) for look in looks for layer in look.layers if layer.name == name]
    return _is_flat([value for value in values if value is not None])


def _is_flat(values: Sequence[float]) -> bool:
    return len(values) >= EVERY and all(value == values[0] for value in values)
