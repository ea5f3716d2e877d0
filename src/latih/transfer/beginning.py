"""What a fine-tuning begins with, so that it is gone on with from nothing else."""

import hashlib
from collections.abc import Sequence

import numpy as np

from latih.callbacks import Callback
from latih.transfer.copies import fingerprint


class Beginning(Callback):
    """Does nothing but be there: a run is not gone on with where a callback's arguments differ.

    ``fit()`` compares architectures, data and optimizers by itself, and knows nothing of these.

    Args:
        base: what tells the base's weights from others; see :func:`known_by`.
        pull: the price of leaving them.
        views: how many views of each example the head was fitted on.

    Example:
        >>> Beginning(known_by([np.zeros(3)]), pull=0.0, views=4).views
        4
    """

    def __init__(self, base: str, pull: float, views: int) -> None:
        super().__init__()
        self.base, self.pull, self.views = base, pull, views


def known_by(weights: Sequence[np.ndarray]) -> str:
    """Return a short word that tells some weights from all others."""
    return hashlib.sha256(b"".join(map(fingerprint, weights))).hexdigest()[:12]
