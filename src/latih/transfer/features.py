"""What a frozen base makes of examples: asked once, and not in every epoch."""

from contextlib import ExitStack
from typing import Any

import numpy as np
import torch

from latih.arguments import whole
from latih.errors import InputError
from latih.layers import Layer
from latih.layers.augmentation.base import Augmentation
from latih.layers.base import mode
from latih.layers.depth import in_depth
from latih.models import Model


def cached_features(
    features: Model, x: Any, *, views: int = 1, batch_size: int = 32, verbose: Any = 0
) -> np.ndarray:
    """Return what a model makes of examples, as they are and then as its augmentation changes them.

    A head on a frozen base sees the same features in every epoch: kept, an epoch costs what the
    head costs. Where images are augmented they differ, so that several views of each are kept.

    Args:
        features: the model; only its augmentation layers act as in training.
        x: the examples.
        views: how many views of each, >= 1; the first is the example as it is.
        batch_size: how many are taken at once.
        verbose: 0 for silence.

    Shapes:
        x: ``(n, ...)``; returns: ``(views · n, ...)``, view after view.

    Raises:
        InputError: it is no model, or there is to be no view.

    Example:
        >>> from latih.layers import Flatten, RandomFlip
        >>> from latih.models import Sequential
        >>> model = Sequential([RandomFlip(input_shape=[2, 2, 3]), Flatten()])
        >>> cached_features(model, np.zeros((4, 2, 2, 3)), views=2).shape
        (8, 12)
    """
    whole(views, "views", "cached_features()", least=1)
    if not isinstance(features, Model):
        raise InputError(
            "`features` of cached_features() cannot be used",
            expected="a model",
            got=f"a {type(features).__name__}",
        )
    found = [features.predict(x, batch_size=batch_size, verbose=verbose)]
    x = np.asarray(x)
    for _ in range(views - 1):  # by no other layers: statistics must stay
        found.append(outputs_in_training(features, Augmentation, x, batch_size))
    return np.concatenate(found)


def changes(model: Model) -> bool:
    """Say whether a model holds augmentation layers, so that its views of an example differ.

    Example:
        >>> from latih.layers import Flatten, RandomFlip
        >>> from latih.models import Sequential
        >>> changes(Sequential([RandomFlip(), Flatten()])), changes(Sequential([Flatten()]))
        (True, False)
    """
    return any(isinstance(layer, Augmentation) for layer in in_depth(model))


def outputs_in_training(
    model: Model, kind: type[Layer], x: np.ndarray, batch_size: int
) -> np.ndarray:
    """Return what a model makes of examples while its layers of one kind act as in training.

    Args:
        model: it may be changed as those layers change themselves in training.
        kind: of which layers; all others act as in inference.
        x: the examples.
        batch_size: how many are taken at once.

    Shapes:
        x: ``(n, ...)``; returns: ``(n, ...)``.

    Example:
        >>> from latih.layers import Dropout
        >>> from latih.models import Sequential
        >>> net = Sequential([Dropout(0.5, input_shape=[2])])
        >>> outputs_in_training(net, Augmentation, np.ones((1, 2), np.float32), batch_size=8)
        array([[1., 1.]], dtype=float32)
    """
    parts: list[np.ndarray] = []
    with ExitStack() as changing, torch.no_grad():
        for layer in in_depth(model):
            if isinstance(layer, kind):
                changing.enter_context(mode(layer, True))
        for start in range(0, len(x), batch_size):
            batch = torch.from_numpy(np.ascontiguousarray(x[start : start + batch_size]))
            parts.append(model(batch.to(model.device)).float().cpu().numpy())
    return np.concatenate(parts)
