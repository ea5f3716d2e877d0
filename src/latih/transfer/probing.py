"""A new head on frozen features: quick, and the measure for all that follows."""

import numpy as np

from latih.callbacks import OneCycle
from latih.layers import Dense, Input
from latih.models import Sequential
from latih.optimizers import AdamW

STEPS = 1500
"""How many steps the head takes at about; a step costs next to nothing."""

MOST_EPOCHS, FEWEST_EPOCHS = 100, 10
BATCH_SIZE = 64
RATE = 0.003
DECAY = 0.1


def fit_head(
    head: Dense,
    features: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray | None,
) -> None:
    """Fit the weights of a softmax layer on features.

    The features are centred and scaled for it, and the scale is put into the kernel afterwards:
    features of all sizes learn alike, and the layer is what it was.

    Args:
        head: the layer, built.
        features: what goes in.
        targets: rows of probabilities.
        weights: how much each example counts; None for alike.

    Shapes:
        features: ``(n, d)``; targets: ``(n, classes)``; weights: ``(n,)``.
    """
    mean, deviation = features.mean(0), features.std(0)
    # A feature that hardly ever differs must not be blown up.
    scale = deviation + 0.1 * deviation.mean() + 1e-6
    layer = Dense(targets.shape[1], activation="softmax", kernel_initializer="zeros")
    model = Sequential([Input((features.shape[1],)), layer])
    optimizer = AdamW(RATE, weight_decay=DECAY)
    optimizer.exclude_from_weight_decay(var_list=layer.weights[1:])
    model.compile(optimizer, loss="categorical_crossentropy")
    epochs = round(STEPS * BATCH_SIZE / len(features))
    model.fit(
        (features - mean) / scale,
        targets,
        sample_weight=weights,
        batch_size=BATCH_SIZE,
        epochs=min(MOST_EPOCHS, max(FEWEST_EPOCHS, epochs)),
        callbacks=[OneCycle(RATE, momentum=None)],
        verbose=0,
    )
    kernel, bias = layer.get_weights()
    kernel = kernel / scale[:, None]
    head.set_weights([kernel, bias - mean @ kernel])
