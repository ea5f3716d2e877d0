"""A number that is none: a hidden layer takes the logarithm of what may be negative.

The near miss has only a loss of some tens in the beginning, which is finite and soon falls.
"""

import torch
from data import Data
from making import Trio, clothes, dense, of_clothes, of_taught


def logarithm(sums: torch.Tensor) -> torch.Tensor:
    return sums.log()


def bright(seed: int) -> Data:
    data = clothes(seed)
    assert data.x_val is not None
    return data.but(x=6 * data.x, x_val=6 * data.x_val)


TRIO = Trio(
    "nan-or-inf",
    sick=of_taught(dense(32), dense(32, logarithm)),
    healthy=of_taught(dense(32), dense(32)),
    near_miss=of_clothes(dense(64), init="he_normal").but(make_data=bright),
)
