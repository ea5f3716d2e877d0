"""Features of scales from 1 to 1,000, far from 0.

The near miss has features of mean 0 and deviation 1 with rare values to 6 and beyond.
"""

import faults
import numpy as np
from data import Data
from making import Trio, adam, dense, of_quadrants, quadrants


def unscaled(seed: int) -> Data:
    return faults.unscaled(quadrants(seed))


def with_tails(seed: int) -> Data:
    data = quadrants(seed)
    generator = np.random.default_rng(seed)
    assert data.x_val is not None

    def stretched(x):
        far = generator.random(x.shape) < 0.01
        return np.float32(np.where(far, 6.0 * np.sign(x), x))

    return data.but(x=stretched(data.x), x_val=stretched(data.x_val))


TRIO = Trio(
    "unnormalised-inputs",
    sick=of_quadrants(dense(32), optimizer=adam(5e-3)).but(make_data=unscaled),
    healthy=of_quadrants(dense(32), optimizer=adam(1e-2)),
    near_miss=of_quadrants(dense(32), optimizer=adam(1e-2)).but(make_data=with_tails),
)
