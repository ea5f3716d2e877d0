"""A prediction that is the mean over several views of each image."""

from typing import Any

import numpy as np

from latih.arguments import whole
from latih.models import Model
from latih.transfer.features import cached_features, changes


def predict_views(model: Model, x: Any, views: int = 4, batch_size: int = 32) -> np.ndarray:
    """Return the mean of what a model gives for each example and for changed views of it.

    A net that was trained on flipped and turned images has an opinion of each view, and their mean
    is right a little more often (test-time augmentation). It costs as many predictions.

    Args:
        model: the model; its own augmentation layers make the views, and without any there is one.
        x: the examples.
        views: how many, >= 1; the first is the example as it is.
        batch_size: how many are taken at once.

    Shapes:
        x: ``(n, ...)``; returns: ``(n, classes)``.

    Example:
        >>> from latih.layers import Dense, Flatten, RandomFlip
        >>> from latih.models import Sequential
        >>> model = Sequential([RandomFlip(input_shape=[2, 2, 3]), Flatten(), Dense(2, "softmax")])
        >>> predict_views(model, np.zeros((5, 2, 2, 3)), views=3).shape
        (5, 2)

    Reference:
        Krizhevsky, Sutskever & Hinton 2012, "ImageNet Classification with Deep Convolutional Neural
        Networks", section 4.1.
    """
    whole(views, "views", "predict_views()", least=1)
    examples = np.asarray(x)
    wanted = views if changes(model) else 1
    outputs = cached_features(model, examples, views=wanted, batch_size=batch_size)
    return outputs.reshape(wanted, len(examples), *outputs.shape[1:]).mean(0)
