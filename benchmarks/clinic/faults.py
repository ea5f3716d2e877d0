"""Faults that lie in the data, planted by what a case says or by the name of its fault.

A fault by name is planted only where it is not there already: in a recipe, or in its scaling.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from data import Array, Data

Case = Mapping[str, Any]


def planted(data: Data, case: Case, told: Case, seed: int) -> Data:
    """Return the data with the faults that the case has in them.

    Args:
        data: sound data; targets are class numbers or values.
        case: the case.
        told: what it says of its data.
        seed: of the random part.
    """
    generator = np.random.default_rng(seed + 1)
    words = f"{told.get('corruption') or ''}".lower()
    labels = set(case.get("known_faults") or ())
    if re.search(r"features? .*(permut|shuffl)|shuffled alone", words) or labels & {
        "features_shuffled_alone"
    }:
        data = features_alone(data, generator)
    elif "corrupted_labels" in labels or re.search(r"(random|corrupt|permut).*label", words):
        data = data.but(y=data.y[generator.permutation(len(data.y))])
    if "class_imbalance" in labels or re.search(r"share of some classes|imbalanc|unbalanc", words):
        data = unbalanced(data)
    if "degenerate_labels" in labels:
        data = data.but(y=np.full_like(data.y, data.y.max()))
    if "label_range" in labels and _in_range(data.y, case):
        data = shifted_labels(data)
    if "unnormalised_inputs" in labels and not _is_wide(data.x):
        data = unscaled(data)
    if "over_normalised_inputs" in labels and np.abs(data.x).mean() > 0.05:
        data = rescaled(data, 1 / 255)
    if "unnormalised_targets" in labels and np.abs(data.y).max() < 20:
        data = _targets(data, lambda y: 100.0 * y + 300.0)
    if "train_test_scale_mismatch" in labels and data.x_val is not None:
        data = data.but(x_val=np.asarray(255.0 * data.x_val, dtype=np.float32))
    if "validation_leak" in labels:
        count = max(1, len(data.x) // 4)
        data = data.but(x_val=data.x[:count], y_val=data.y[:count])
    if re.search(r"\bnan\b|missing value", f"{words} {told.get('recipe') or ''}".lower()):
        x = data.x.copy()
        x[len(x) // 3, ...] = np.nan
        data = data.but(x=x)
    return data


def features_alone(data: Data, generator: np.random.Generator) -> Data:
    """Return the rows in another order than their targets.

    Once and not each epoch anew, so that the arrays stay what they are: in the few epochs of the
    cases nothing is memorised either way.
    """
    return data.but(x=data.x[generator.permutation(len(data.x))])


def unbalanced(data: Data) -> Data:
    """Return fewer rows of the later classes: half of them have shares from 1/2 down to 1/64."""
    kinds = np.unique(data.y)
    shares = dict.fromkeys(kinds.tolist(), 1.0)
    later = kinds[len(kinds) // 2 :] if len(kinds) > 2 else kinds[1:]
    for place, kind in enumerate(later.tolist()):
        shares[kind] = 2.0 ** -(1 + place) if len(kinds) > 2 else 0.05
    shares[later.tolist()[-1]] = min(shares[later.tolist()[-1]], 1 / 64) if len(kinds) > 2 else 0.05
    kept = np.zeros(len(data.y), dtype=bool)
    for kind in kinds.tolist():
        rows = np.flatnonzero(data.y == kind)
        kept[rows[: max(2, round(shares[kind] * len(rows)))]] = True
    return data.but(x=data.x[kept], y=data.y[kept])


def shifted_labels(data: Data) -> Data:
    """Return classes that are numbered from 1, or divided by 255 where there are two."""
    if len(np.unique(data.y)) == 2:
        return _targets(data, lambda y: y / 255.0)
    return _targets(data, lambda y: y + 1)


def unscaled(data: Data) -> Data:
    """Return features of very different scales, far from 0; images as bytes."""
    if data.x.ndim > 2 and data.x.min() >= 0 and data.x.max() <= 1:
        return rescaled(data, 255.0)
    flat = data.x.reshape(len(data.x), -1)
    widths = np.logspace(0, 3, flat.shape[1]).reshape(data.x.shape[1:])

    def wide(x: Array) -> Array:
        return np.asarray((x + 3.0) * widths, dtype=np.float32)

    return data.but(x=wide(data.x), x_val=None if data.x_val is None else wide(data.x_val))


def rescaled(data: Data, factor: float) -> Data:
    """Return features times a number."""
    x_val = None if data.x_val is None else data.x_val * np.float32(factor)
    return data.but(x=data.x * np.float32(factor), x_val=x_val)


def _targets(data: Data, change: Any) -> Data:
    return data.but(y=change(data.y), y_val=None if data.y_val is None else change(data.y_val))


def _is_wide(x: Array) -> bool:
    flat = x.reshape(len(x), -1)
    deviations = flat.std(axis=0)
    far = np.abs(flat.mean(axis=0)) > 5 * np.maximum(deviations, 1e-12)
    used = deviations[deviations > 0]
    return bool(flat.max() > 20 or far.any() or (len(used) and used.max() > 100 * used.min()))


def _in_range(y: Array, case: Case) -> bool:
    kinds = np.unique(y)
    return bool(np.array_equal(kinds, np.arange(len(kinds))))
