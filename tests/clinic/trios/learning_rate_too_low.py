"""A learning rate ten thousand times too low.

The near miss has a tenth of the usual one and arrives all the same.
"""

from making import Trio, adam, dense, of_clothes, sgd

TRIO = Trio(
    "learning-rate-too-low",
    sick=of_clothes(dense(64), optimizer=sgd(1e-5)),
    healthy=of_clothes(dense(64), optimizer=sgd(0.1)),
    near_miss=of_clothes(dense(64), optimizer=adam(2e-4), epochs=16),
)
