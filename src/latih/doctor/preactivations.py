"""Weighted sums summed up: moments, units that are silent or saturated, numbers that are none."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from latih.tensors import unhalved

RECTIFIERS = ("relu", "relu6")
"""Nonlinearities without any gradient below 0; leaky ReLU, ELU and SiLU have one."""

FLAT_FROM: Mapping[str, float] = {
    "sigmoid": 4.0,
    "tanh": 2.5,
    "hard_sigmoid": 3.0,
    "hard_tanh": 1.0,
}
"""From which absolute sum on a nonlinearity is flat: the slope of a sigmoid is below 0.018 there,
that of tanh below 0.027, and that of the hard ones 0."""

MOSTLY = 0.9
"""The share of rows on which a saturated unit is in the flat part."""

NAMES = ("mean", "deviation", "least", "most", "silent", "zeros", "saturated")


def summed_up(kind: str | None, sums: torch.Tensor, axis: int) -> torch.Tensor:
    """Return the numbers of :data:`NAMES` for what a layer adds up, on its device.

    What a nonlinearity does not have (a sigmoid no silent units) is 0.

    Args:
        kind: the nonlinearity; None for none.
        sums: of a batch.
        axis: of the units; each place of an image, or moment of a series, counts as a row.

    Shapes:
        sums: ``(n, ..., units, ...)``; returns: ``(7,)``.

    Example:
        >>> sums = torch.tensor([[-1.0, 2.0], [-3.0, -2.0]])
        >>> dict(zip(NAMES, summed_up("relu", sums, -1).tolist()))["silent"]
        0.5
    """
    sums = unhalved(sums.detach())
    by_unit = sums.reshape(-1, 1) if sums.ndim < 2 else sums.movedim(_within(axis, sums), -1)
    by_unit = by_unit.reshape(-1, by_unit.shape[-1])
    # Several times as fast as torch.var_mean().
    mean = by_unit.mean()
    variance = (by_unit - mean).square_().mean()
    low, high = by_unit.amin(0), by_unit.amax(0)  # torch.aminmax() takes ten times as long
    silent = zeros = saturated = torch.zeros_like(mean)
    if kind in RECTIFIERS:
        silent = (high <= 0).to(mean.dtype).mean()
        zeros = (by_unit <= 0).to(mean.dtype).mean()
    if kind is not None and kind in FLAT_FROM:
        is_flat = (by_unit.abs() > FLAT_FROM[kind]).to(mean.dtype)
        saturated = (is_flat.mean(0) > MOSTLY).to(mean.dtype).mean()
    least, most = low.amin(), high.amax()
    return torch.stack([mean, variance.sqrt(), least, most, silent, zeros, saturated])


def as_signs(kind: str | None, numbers: Sequence[float]) -> dict[str, Any]:
    """Return the numbers of :func:`summed_up` as arguments of ``LayerSigns``.

    Example:
        >>> as_signs(None, [0.5, 2.0, -3.0, 1.0, 0.0, 0.0, 0.0])
        {'mean': 0.5, 'deviation': 2.0, 'largest': 3.0, 'finite': True}
    """
    mean, deviation, least, most, silent, zeros, saturated = numbers
    signs: dict[str, Any] = {
        "mean": mean,
        "deviation": deviation,
        "largest": max(abs(least), abs(most)),
        "finite": math.isfinite(least) and math.isfinite(most),
    }
    if kind in RECTIFIERS:
        signs |= {"silent": silent, "zeros": zeros}
    if kind in FLAT_FROM:
        signs["saturated"] = saturated
    return signs


def _within(axis: int, sums: torch.Tensor) -> int:
    # What was flattened since has its units last.
    return axis if sums.ndim > 2 and -sums.ndim <= axis < sums.ndim else -1
