"""Softmax over one unit, which is always 1.

The near miss is a regression by a sigmoid whose targets lie between 0 and 1.
"""

import numpy as np
from data import Data
from making import SIGMOID, SOFTMAX, VALUES, Trio, adam, dense, of_moons, of_taught, taught


def shares(seed: int) -> Data:
    data = taught(seed)
    assert data.y_val is not None
    y, y_val = (np.float32(1 / (1 + np.exp(-1.5 * part))) for part in (data.y, data.y_val))
    return data.but(y=y, y_val=y_val)


TRIO = Trio(
    "wrong-output-activation",
    sick=of_moons(dense(32), output=SOFTMAX),
    healthy=of_moons(dense(32), optimizer=adam(1e-2)),
    near_miss=of_taught(dense(32), output=SIGMOID, loss=VALUES, optimizer=adam(1e-2)).but(
        make_data=shares
    ),
)
