"""Two epochs where twenty are needed.

The near miss has two epochs too, but of many small steps, and all is learned.
"""

from functools import partial

from making import Trio, adam, dense, moons, of_clothes, of_moons

TRIO = Trio(
    "under-training",
    sick=of_clothes(dense(64), optimizer=adam(1e-4), batch_size=64, epochs=2),
    healthy=of_clothes(dense(64), optimizer=adam(1e-4), batch_size=64, epochs=30),
    near_miss=of_moons(dense(32), optimizer=adam(1e-2), batch_size=8, epochs=2).but(
        make_data=partial(moons, count=3000)
    ),
)
