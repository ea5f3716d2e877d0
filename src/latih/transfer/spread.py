"""Whether examples are of the scale that a base was trained on."""

from typing import Any

import numpy as np

from latih.doctor.rows import spread
from latih.layers import BatchNormalization
from latih.layers.depth import in_depth
from latih.models import Model

LOOKED_AT = 64
"""So many examples tell of what scale they are."""


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
