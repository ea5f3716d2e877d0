"""Labels that were divided by 255 with the images.

The near miss has labels that are smoothed on purpose: 0.05 and 0.95.
"""

from data import Data
from making import Trio, adam, dense, moons, of_moons


def divided(seed: int) -> Data:
    data = moons(seed)
    assert data.y_val is not None
    return data.but(y=data.y / 255, y_val=data.y_val / 255)


def smoothed(seed: int) -> Data:
    data = moons(seed)
    assert data.y_val is not None
    return data.but(y=0.05 + 0.9 * data.y, y_val=0.05 + 0.9 * data.y_val)


TRIO = Trio(
    "label-range",
    sick=of_moons(dense(32), optimizer=adam(1e-2)).but(make_data=divided),
    healthy=of_moons(dense(32), optimizer=adam(1e-2)),
    near_miss=of_moons(dense(32), optimizer=adam(1e-2)).but(make_data=smoothed),
)
