"""Layers without anything between them are one layer, which cannot learn XOR.

The near miss is linear on purpose, for data that are.
"""

import numpy as np
from data import Data, parted
from making import LINEAR, VALUES, Trio, adam, dense, of_quadrants, program


def straight(seed: int) -> Data:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(1200, 4))
    y = x @ [[0.7], [-0.5], [0.4], [0.2]] + 0.1 * generator.normal(size=(1200, 1))
    return parted(x, np.float32(y), 200)


TRIO = Trio(
    "missing-nonlinearity",
    sick=of_quadrants(dense(32, None), dense(32, None), optimizer=adam(5e-3)),
    healthy=of_quadrants(dense(32), dense(32), optimizer=adam(5e-3)),
    near_miss=program(
        straight,
        dense(8, None),
        output=LINEAR,
        loss=VALUES,
        optimizer=adam(1e-2),
        batch_size=32,
        epochs=12,
    ),
)
