"""Three examples in a hundred are of the class that matters, and none is found.

The near miss has ten in a hundred, all of which are found.
"""

from functools import partial

import numpy as np
from data import Data, parted
from making import Trio, adam, dense, moons, of_moons, of_quadrants, quadrants


def rare(make, seed: int, share: float, noise: float) -> Data:
    """Return data of which the class 1 makes a share, of those held back too."""
    data = make(seed, count=4000, noise=noise)
    assert data.x_val is not None and data.y_val is not None
    x, y = np.concatenate([data.x, data.x_val]), np.concatenate([data.y, data.y_val])
    ones, zeros = (np.flatnonzero(y[:, 0] == kind) for kind in (1, 0))
    rows = np.concatenate([zeros, ones[: round(len(zeros) * share / (1 - share))]])
    rows = np.random.default_rng(seed).permutation(rows)
    return parted(x[rows], y[rows], held_back=500)


TRIO = Trio(
    "class-imbalance",
    sick=of_quadrants(dense(32), optimizer=adam(2e-3)).but(
        make_data=partial(rare, quadrants, share=0.03, noise=1.0)
    ),
    healthy=of_quadrants(dense(32), optimizer=adam(1e-2)),
    near_miss=of_moons(dense(32), optimizer=adam(1e-2)).but(
        make_data=partial(rare, moons, share=0.1, noise=0.1)
    ),
)
