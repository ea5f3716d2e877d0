"""What the curve of a range test says: numbers in, a learning rate and its reason out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latih.doctor.words import Words

SKIPPED = 10
"""One part in so many of the curve is not judged: there the rates are too small to tell."""

WINDOW = 5
"""The median of so many neighbours is taken first, so that a spike of one or two steps is none."""

DECAY = 0.8
"""What a step farther off counts, against the step before it, in the smoothed curve."""

NOISES = 1.25
"""A smoothed curve that falls by so many standard deviations of the noise does so by chance in one
case of twenty."""

LEAST_FALL = 0.01
"""A loss that falls by less than this part of itself does not fall."""

MARGIN = 10.0
"""The suggestion is so many times below the rate where the loss is least: that one is the last
that did not yet do harm, and only in the few steps of a test."""

REACHED = 0.95
"""From where on this part of the fall is behind it, a loss that lies low for more than ``MARGIN``
times the rate counts as least: what is learnt by heart stays low, wherever weights are thrown."""

HARM, HARM_NOISES = 0.1, 3.0
"""A loss that grows by this part of itself, and by so many deviations of its noise, grows."""

LEARNT = 0.1
"""Of a net with this skill it is no illness that the loss falls no more."""

LEAST_MARGIN = 3.0
"""It is at least so many times below, wherever the loss falls fastest."""

FLAT = Words(
    "the loss does not fall anywhere between {lowest} and {highest}: the weights do not learn, or "
    "not at these rates; doctor.examine() tells why they do not, and `lowest` and `highest` say "
    "which other rates to try",
    "loss tidak turun di mana pun antara {lowest} dan {highest}: bobotnya tidak belajar, atau "
    "tidak pada laju ini; doctor.examine() menyebut sebabnya, dan `lowest` serta `highest` "
    "menentukan laju lain untuk dicoba",
)
ONLY_GROWS = Words(
    "the loss does not fall anywhere between {lowest} and {highest}, and grows from there on: the "
    "net is ill, or all these rates are too high; doctor.examine() tells what ails it, and a "
    "smaller `lowest` tries lower rates",
    "loss tidak turun di mana pun antara {lowest} dan {highest}, lalu naik: jaringannya sakit, "
    "atau semua laju ini terlalu tinggi; doctor.examine() menyebut sakitnya, dan `lowest` yang "
    "lebih kecil mencoba laju lebih rendah",
)
NOT_FINITE = Words(
    "the loss is not finite from the lowest rate on: look for NaN in data, weights and loss",
    "loss tidak berhingga sejak laju terendah: cari NaN di data, bobot, dan loss",
)
TENTH = Words(
    "a tenth of {least}, where the loss is least",
    "sepersepuluh dari {least}, tempat loss terkecil",
)
STEEPEST = Words(
    "where the loss falls fastest, which is more than a tenth of {least}, where it is least",
    "tempat loss turun paling cepat, lebih dari sepersepuluh {least}, tempat loss terkecil",
)
THIRD = Words(
    "a third of {least}, where the loss is least, since it falls fastest so near to there",
    "sepertiga dari {least}, tempat loss terkecil, karena loss turun paling cepat di dekat itu",
)
HAS_LEARNT = Words(
    "the net has learnt already (skill {skill}), and the loss falls no more; a tenth of {edge}, "
    "the highest rate that does no harm",
    "jaringannya sudah terlatih (skill {skill}), dan loss tidak turun lagi; sepersepuluh dari "
    "{edge}, laju tertinggi yang tidak merusak",
)
NO_END = Words(
    "{told}; up to {highest}, the highest rate, the loss does not grow: a higher one may do too",
    "{told}; sampai {highest}, laju tertinggi, loss tidak naik: yang lebih tinggi mungkin juga "
    "bisa",
)


@dataclass(frozen=True)
class CurveReading:
    """What a curve says.

    Args:
        smoothed: the curve without its noise.
        suggestion: the rate to train with; None if the curve does not say.
        reason: why.
    """

    smoothed: np.ndarray
    suggestion: float | None
    reason: Words


def read_curve(
    rates: Sequence[float], losses: Sequence[float], *, broke_off: bool, skill: float = 0.0
) -> CurveReading:
    """Say which learning rate a curve speaks for.

    It is a tenth of the rate at which the loss is least; or, if that is more, the rate at which the
    loss falls fastest, but at most a third of the other. Where the loss lies low over more than ten
    times the rate, as where a batch is known by heart, it is least where it came there. The loss of
    a net that has learnt may fall nowhere: it is a tenth of the highest rate that does no harm.

    Args:
        rates: growing by the same factor each step.
        losses: the loss at each rate, up to where it was no number or far too large.
        broke_off: whether the test ended there, and not at its highest rate.
        skill: how much better than a constant the net predicts before the test.

    Example:
        >>> rates = np.geomspace(1e-4, 1.0, 81)
        >>> valley = 1 - np.exp(-((np.log10(rates) + 1) ** 2))
        >>> read_curve(rates, valley, broke_off=False).suggestion
        0.018
    """
    count = len(losses)
    if not count:
        return CurveReading(np.array([]), None, NOT_FINITE)
    told = {"lowest": f"{rates[0]:.2g}", "highest": f"{rates[count - 1]:.2g}"}
    values = np.asarray(losses, np.float64)
    smoothed = smooth(values)
    skipped = math.ceil(count / SKIPPED)
    start = float(np.median(values[: max(2 * skipped, 3)]))
    least = skipped + int(np.argmin(smoothed[skipped:])) if skipped < count else 0
    fall = start - smoothed[least]
    noise = _noise(values, smoothed)
    if not fall > max(LEAST_FALL * abs(start), NOISES * noise):
        if skill > LEARNT:
            edge = rates[_last_without_harm(values, start, noise)]
            reason = HAS_LEARNT.of(skill=f"{skill:.2f}", edge=f"{edge:.2g}")
            return CurveReading(smoothed, _rounded(edge / MARGIN, rates[0], edge), reason)
        reason = ONLY_GROWS if broke_off else FLAT
        return CurveReading(smoothed, None, reason.of(**told))
    above = np.flatnonzero(smoothed[: least + 1] > start - REACHED * fall)
    reached = max(skipped, int(above[-1]) + 1 if above.size else 0)
    if rates[reached] * MARGIN < rates[least]:
        least = reached
    steepest = skipped + int(np.argmin(np.gradient(smoothed)[skipped : least + 1]))
    told["least"] = f"{rates[least]:.2g}"
    chosen, reason = rates[least] / MARGIN, TENTH
    if rates[steepest] > chosen:
        chosen, reason = rates[steepest], STEEPEST
    if chosen > rates[least] / LEAST_MARGIN:
        chosen, reason = rates[least] / LEAST_MARGIN, THIRD
    reason = reason.of(**told)
    if not broke_off and smoothed[-1] <= smoothed[least] + noise:
        reason = Words(
            NO_END.en.format(told=reason.en, **told), NO_END.id.format(told=reason.id, **told)
        )
    return CurveReading(smoothed, _rounded(chosen, rates[0], rates[count - 1]), reason)


def smooth(values: np.ndarray) -> np.ndarray:
    """Return a curve without spikes and noise, no step later than it was.

    A running median, then a mean in which a step counts ``DECAY`` to the power of its distance, to
    both sides; where the curve ends the weights that are left sum to one (no bias to 0).

    Example:
        >>> smooth(np.array([1.0, 1.0, 90.0, 1.0, 1.0])).round(6).tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    places = np.arange(len(values))
    weights = DECAY ** np.abs(places[:, None] - places[None, :])
    return weights @ _without_spikes(values) / weights.sum(axis=1)


def _without_spikes(values: np.ndarray) -> np.ndarray:
    padded = np.pad(values, WINDOW // 2, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, WINDOW), axis=1)


def _last_without_harm(values: np.ndarray, start: float, noise: float) -> int:
    """Return the place before the first one from which on the loss has grown."""
    grown = _without_spikes(values) > start + max(HARM * abs(start), HARM_NOISES * noise)
    places: list[int] = np.flatnonzero(grown[:-1] & grown[1:]).tolist()
    return max(places[0] - 1, 0) if places else len(values) - 1


def _noise(values: np.ndarray, smoothed: np.ndarray) -> float:
    """Return the standard deviation around the smoothed curve, of its first half, robustly."""
    half = max(len(values) // 2, 1)
    return 1.4826 * float(np.median(np.abs(values - smoothed)[:half]))


def _rounded(rate: float, lowest: float, highest: float) -> float:
    return min(max(float(f"{rate:.1e}"), lowest), highest)
