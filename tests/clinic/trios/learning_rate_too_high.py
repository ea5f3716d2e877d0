"""A learning rate a thousand times too high.

The near miss has a rate that rises and falls between 0.01 and 0.2.
"""

from making import Trio, adam, dense, of_clothes, sgd
from ways import cyclical

TRIO = Trio(
    "learning-rate-too-high",
    sick=of_clothes(dense(64), dense(64), optimizer=adam(2.0)),
    healthy=of_clothes(dense(64), dense(64), optimizer=adam(2e-3)),
    near_miss=of_clothes(dense(64), dense(64), optimizer=lambda: sgd(cyclical(0.01, 0.2, 60))()),
)
