"""All of the first class, then all of the second, and ``shuffle=False``.

The near miss is not shuffled either, but its rows lie in no order.
"""

import shapes
from data import Data
from making import Trio, adam, clothes, dense, of_clothes


def in_order(seed: int) -> Data:
    data = clothes(seed)
    x, y = shapes.sorted_by(data.x, data.y)
    return data.but(x=x, y=y)


TRIO = Trio(
    "missing-shuffle",
    sick=of_clothes(dense(64), fit={"shuffle": False}, optimizer=adam(3e-3)).but(
        make_data=in_order
    ),
    healthy=of_clothes(dense(64)).but(make_data=in_order),
    near_miss=of_clothes(dense(64), fit={"shuffle": False}),
)
