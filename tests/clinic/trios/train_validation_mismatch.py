"""The rows trained on were scaled, those held back were not.

The near miss has noisier rows held back.
"""

import numpy as np
from data import Data
from making import Trio, clothes, dense, of_clothes


def unlike(seed: int) -> Data:
    data = clothes(seed)
    assert data.x_val is not None
    return data.but(x_val=255 * data.x_val)


def noisier(seed: int) -> Data:
    data = clothes(seed)
    assert data.x_val is not None
    noise = np.random.default_rng(seed).normal(scale=0.05, size=data.x_val.shape)
    return data.but(x_val=np.float32(np.clip(data.x_val + noise, 0, 1)))


TRIO = Trio(
    "train-validation-mismatch",
    sick=of_clothes(dense(64)).but(make_data=unlike),
    healthy=of_clothes(dense(64)),
    near_miss=of_clothes(dense(64)).but(make_data=noisier),
)
