"""The rows trained on were scaled, those held back were not.

The near miss has fewer of some classes held back than trained on.
"""

import numpy as np
from data import Data
from making import Trio, clothes, dense, of_clothes


def unlike(seed: int) -> Data:
    data = clothes(seed)
    assert data.x_val is not None
    return data.but(x_val=255 * data.x_val)


def otherwise_mixed(seed: int) -> Data:
    data = clothes(seed)
    assert data.x_val is not None and data.y_val is not None
    kept = (data.y_val > 4) | (np.arange(len(data.y_val)) % 3 > 0)
    return data.but(x_val=data.x_val[kept], y_val=data.y_val[kept])


TRIO = Trio(
    "train-validation-mismatch",
    sick=of_clothes(dense(64)).but(make_data=unlike),
    healthy=of_clothes(dense(64)),
    near_miss=of_clothes(dense(64)).but(make_data=otherwise_mixed),
)
