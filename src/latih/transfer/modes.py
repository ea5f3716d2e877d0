"""Whether a net does alone what it does with a batch, where batch normalisations go by batches."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from latih.callbacks import Callback
from latih.doctor.rows import spread
from latih.layers import BatchNormalization
from latih.layers.depth import in_depth
from latih.models import Model
from latih.transfer.features import outputs_in_training

LOOKED_AT = 256
"""So many examples are asked in both modes."""


@dataclass(frozen=True)
class Gap:
    """What the same examples cost by the statistics, and by those of their batches.

    Args:
        layer: the first batch normalisation.
        alone: the mean cross-entropy of predictions.
        in_batches: the same where each batch is normalised by itself, as in training.
        of_chance: that of naming all classes alike.
    """

    layer: str
    alone: float
    in_batches: float
    of_chance: float

    @property
    def ratio(self) -> float:
        """The first over the second."""
        return self.alone / max(self.in_batches, 1e-7)

    @property
    def share(self) -> float:
        """Their difference over the loss of chance."""
        return (self.alone - self.in_batches) / self.of_chance


def gap_of_modes(model: Model, x: np.ndarray, classes: np.ndarray, batch_size: int) -> Gap | None:
    """Return how the loss by the statistics of batch normalisations compares with that in batches.

    Statistics follow the batches slowly: after few steps they are those of neither the old data nor
    the new, and a net that has learned to name the new ones in batches fails alone.

    Args:
        model: from examples to probabilities; it is left as it is.
        x: examples that were trained on.
        classes: the number of each one's class.
        batch_size: how many a step takes.

    Shapes:
        x: ``(n, ...)``; classes: ``(n,)``.

    Returns:
        The two losses; None if there is no batch normalisation.

    Example:
        >>> from latih.layers import Dense
        >>> from latih.models import Sequential
        >>> net = Sequential([BatchNormalization(), Dense(2, "softmax", input_shape=[1])])
        >>> net.build((None, 1))
        >>> net.layers[1].set_weights([np.array([[-1.0, 1.0]]), np.zeros(2)])
        >>> x = np.array([[100.0], [102.0], [100.0], [102.0]], np.float32)
        >>> gap = gap_of_modes(net, x, np.array([0, 1, 0, 1]), batch_size=4)
        >>> gap.alone > 10 * gap.in_batches
        True

    Reference:
        Ioffe & Szegedy 2015, "Batch Normalization", section 3.1.
    """
    norms = [one for one in in_depth(model) if isinstance(one, BatchNormalization)]
    if not norms:
        return None
    # From all over: pictures of a folder lie class by class, and each batch has of all of them.
    rows = np.random.default_rng(0).permutation(spread(len(x), LOOKED_AT).numpy())
    alone = _loss(model.predict(x[rows], batch_size=batch_size, verbose=0), classes[rows])
    knew = [norm.get_weights() for norm in norms]
    outputs = outputs_in_training(model, BatchNormalization, x[rows], batch_size)
    for norm, weights in zip(norms, knew, strict=True):
        norm.set_weights(weights)
    in_batches = _loss(outputs, classes[rows])
    return Gap(norms[0].name, alone, in_batches, float(np.log(outputs.shape[1])))


def _loss(probabilities: np.ndarray, classes: np.ndarray) -> float:
    right = probabilities[np.arange(len(classes)), classes]
    return float(-np.log(np.maximum(right, 1e-7)).mean())


class ModesWatch(Callback):
    """Compares the two modes when training ends, whatever weights are kept then.

    Args:
        x: the examples that are trained on.
        classes: the number of each one's class.
        batch_size: how many a step takes.

    Example:
        >>> ModesWatch(np.zeros((1, 2)), np.zeros(1, int), 32).gap is None
        True
    """

    def __init__(self, x: np.ndarray, classes: np.ndarray, batch_size: int) -> None:
        super().__init__()
        # Not as arguments, which a run that goes on is compared by: the data are, anyway.
        self._examples = x, classes, batch_size
        self.gap: Gap | None = None

    def on_train_end(self, logs: Any = None) -> None:
        """Compare."""
        self.gap = gap_of_modes(self.model, *self._examples)
