"""Readings of curves that several rules share: slopes, ends, swings, persistence.

Each is a pure function of numbers; what is not finite has been left out by :func:`finite`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import fmean, median

PERSISTENT = 3
"""So many checks in a row must agree before a mechanism counts: one check is noise."""


def finite(values: Iterable[float | None]) -> list[float]:
    """Leave out what is unknown or no number.

    Example:
        >>> finite([1.0, None, float("nan"), 2.0])
        [1.0, 2.0]
    """
    return [value for value in values if value is not None and math.isfinite(value)]


def logged(epochs: Iterable[Mapping[str, float]], key: str) -> list[float]:
    """Return what the epochs logged under a key, as long as it is finite.

    Args:
        epochs: the logs of each epoch.
        key: such as ``"val_loss"``.
    """
    return finite(logs.get(key) for logs in epochs)


def slope(values: Sequence[float]) -> float:
    """Fit a straight line by least squares and return how much it rises from one value to the next.

    ``Σ(n - n̄)(v - v̄) / Σ(n - n̄)²``; 0.0 for fewer than two values.

    Example:
        >>> slope([1.0, 3.0, 5.0])
        2.0
    """
    if len(values) < 2:
        return 0.0
    middle, mean = (len(values) - 1) / 2, fmean(values)
    above = sum((n - middle) * (value - mean) for n, value in enumerate(values))
    return above / sum((n - middle) ** 2 for n in range(len(values)))


def smoothed(values: Sequence[float], weight: float = 0.5) -> list[float]:
    """Return the exponential moving mean, which begins with the first value.

    Args:
        values: what to smooth.
        weight: of each new value, 0..1; 1 smooths nothing.

    Example:
        >>> smoothed([4.0, 0.0, 0.0])
        [4.0, 2.0, 1.0]
    """
    means: list[float] = []
    for value in values:
        means.append(means[-1] + weight * (value - means[-1]) if means else value)
    return means


def evenly(points: Sequence[tuple[float, float]], count: int = 30) -> list[float]:
    """Return the curve at evenly spaced places, on straight lines between its points.

    The doctor looks often at first and seldom later; a slope must not see that.

    Args:
        points: place and value, the places in rising order.
        count: how many values, two at least.

    Example:
        >>> evenly([(0, 0.0), (1, 4.0), (4, 7.0)], 5)
        [0.0, 4.0, 5.0, 6.0, 7.0]
    """
    if len(points) < 2:
        return [value for _, value in points]
    start, stop = points[0][0], points[-1][0]
    values: list[float] = []
    left = 0
    for n in range(count):
        place = start + (stop - start) * n / (count - 1)
        while left < len(points) - 2 and points[left + 1][0] <= place:
            left += 1
        (before, low), (after, high) = points[left], points[left + 1]
        values.append(low + (high - low) * (place - before) / max(after - before, 1e-12))
    return values


def end(values: Sequence[float], share: float) -> Sequence[float]:
    """Return the last part of a curve, of two values at least if there are two.

    Args:
        values: the curve.
        share: how much of it, 0..1.
    """
    return values[-max(2, round(share * len(values))) :]


def last(values: Sequence[float], count: int = PERSISTENT) -> float:
    """Return the median of the last values, which one outlier does not move; NaN of none."""
    return median(values[-count:]) if values else math.nan


def without_outliers(values: Sequence[float]) -> list[float]:
    """Return the median of each value and its two neighbours; the ends stay as they are.

    Example:
        >>> without_outliers([1.0, 9.0, 2.0, 3.0])
        [1.0, 2.0, 3.0, 3.0]
    """
    inner = [median(values[n - 1 : n + 2]) for n in range(1, len(values) - 1)]
    return [*values[:1], *inner, *values[-1:]] if len(values) > 1 else [*values]


def persists(flags: Iterable[bool], count: int = PERSISTENT) -> bool:
    """Say whether the last `count` flags are all true, and so many there are.

    Example:
        >>> persists([False, True, True, True]), persists([True, True])
        (True, False)
    """
    known = list(flags)[-count:]
    return len(known) == count and all(known)


def began(flags: Sequence[bool]) -> int:
    """Return the index at which the run of true flags begins with which the sequence ends.

    Example:
        >>> began([True, False, True, True])
        2
    """
    start = len(flags)
    while start and flags[start - 1]:
        start -= 1
    return start


def falls(values: Sequence[float]) -> list[float]:
    """Return how deep each fall goes: from a peak to the valley that follows.

    Example:
        >>> falls([0.5, 0.75, 0.25, 0.5, 0.375])
        [0.5, 0.125]
    """
    depths: list[float] = []
    peak: float | None = None
    for n, value in enumerate(values):
        rises = n + 1 < len(values) and values[n + 1] > value
        if peak is not None and value < peak and (rises or n + 1 == len(values)):
            depths.append(peak - value)
            peak = None
        falling = n + 1 < len(values) and values[n + 1] < value
        if falling and peak is None:
            peak = value
    return depths


def turns(values: Sequence[float]) -> float:
    """Return the share of the inner values at which the curve changes its direction, 0..1.

    A smooth curve has about 0, pure noise 2/3.

    Example:
        >>> turns([0.0, 1.0, 0.0, 1.0]), turns([0.0, 1.0, 2.0])
        (1.0, 0.0)
    """
    steps = [after - before for before, after in pairwise(values)]
    changes = [one * two < 0 for one, two in pairwise(steps)]
    return fmean(changes) if changes else 0.0


def rising(values: Sequence[float]) -> float:
    """Return the share of the steps that go up, 0..1.

    Example:
        >>> rising([1.0, 2.0, 3.0, 2.5, 4.0])
        0.75
    """
    steps = [after > before for before, after in pairwise(values)]
    return fmean(steps) if steps else 0.0


def straightness(values: Sequence[float]) -> float:
    """Compare the slope of the second half with that of the first: 1 of a line, 0 of a plateau.

    Args:
        values: a curve of four values at least; of fewer it returns 0.
    """
    half = len(values) // 2
    first = slope(values[:half])
    return slope(values[half:]) / first if half > 1 and first else 0.0
