"""Three examples in a hundred are of the class that matters, and none is found.

The near miss has ten in a hundred, all of which are found.
"""

from functools import partial

import numpy as np
from data import Data
from making import Trio, adam, dense, moons, of_moons, of_quadrants, quadrants


def rare(make, seed: int, share: float, noise: float) -> Data:
    """Return data of which the class 1 makes a share of those trained on."""
    data = make(seed, count=3000, noise=noise)
    generator = np.random.default_rng(seed)
    ones = np.flatnonzero(data.y[:, 0] == 1)
    zeros = np.flatnonzero(data.y[:, 0] == 0)
    rows = np.concatenate([zeros, ones[: round(len(zeros) * share / (1 - share))]])
    rows = generator.permutation(rows)
    return data.but(x=data.x[rows], y=data.y[rows])


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
