"""How much of a fitted head the whole net begins with."""

import numpy as np

from latih.layers import Dense

LEAST_OF_HEAD = 0.1
"""The part of a fitted head that the whole net begins with, at least. A head that fits leaves next
to no loss, and so next to no gradient for the layers below; a tenth of it names the same classes,
less surely."""


def keep_part_of_head(head: Dense, features: np.ndarray, rate: float, steps: int) -> None:
    """Take from a fitted head what the steps of a cycle can give back to it, but leave a tenth.

    ``part = max(1/10, 1 - reach / size)``. The size is the deviation of the outputs over classes
    and examples. The reach is what an output moves by in so many steps of AdamW, each of which
    moves a weight by the rate at most, and over a cycle by half of it in the mean:
    ``rate / 2 · steps · Σ|features|``.

    Args:
        head: it is changed.
        features: what it takes of the examples that are learned from, ``(n, d)``.
        rate: the highest of the cycle, > 0.
        steps: of the cycle, >= 1.

    Example:
        >>> head = Dense(2, kernel_initializer="identity", input_shape=[2])
        >>> head.build((None, 2))
        >>> keep_part_of_head(head, np.array([[2.0, 0.0], [0.0, 2.0]]), rate=0.1, steps=5)
        >>> head.get_weights()[0].tolist()
        [[0.5, 0.0], [0.0, 0.5]]
    """
    kernel, bias = head.get_weights()
    outputs = features @ kernel + bias
    size = float((outputs - outputs.mean(axis=1, keepdims=True)).std())
    reach = 0.5 * rate * steps * float(np.abs(features).sum(axis=1).mean())
    part = max(LEAST_OF_HEAD, 1 - reach / size) if size else 1.0
    head.set_weights([part * kernel, part * bias])
