"""Targets around 5,000, of deviation 1,000.

The near miss has targets around 2, of deviation 3, which Adam reaches.
"""

from collections.abc import Callable
from functools import partial

from data import Data
from making import Trio, adam, dense, of_taught, taught


def stretched(seed: int, width: float, centre: float) -> Data:
    data = taught(seed)
    assert data.y_val is not None
    return data.but(y=width * data.y + centre, y_val=width * data.y_val + centre)


def by(width: float, centre: float) -> Callable[[int], Data]:
    return partial(stretched, width=width, centre=centre)


TRIO = Trio(
    "unnormalised-targets",
    sick=of_taught(dense(32), optimizer=adam(1e-3)).but(make_data=by(1000.0, 5000.0)),
    healthy=of_taught(dense(32), optimizer=adam(5e-3)),
    near_miss=of_taught(dense(32), optimizer=adam(1e-2)).but(make_data=by(3.0, 2.0)),
)
