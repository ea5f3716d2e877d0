"""Forty examples, and a net that knows them by heart.

The near miss is right about all it was trained on and nearly all else.
"""

from functools import partial

from making import Trio, adam, dense, moons, of_moons, of_quadrants, quadrants

_WIDE = dense(256), dense(256)
TRIO = Trio(
    "overfitting",
    sick=of_quadrants(*_WIDE, optimizer=adam(5e-3), batch_size=20, epochs=120).but(
        make_data=partial(quadrants, count=40, features=20)
    ),
    healthy=of_quadrants(*_WIDE, optimizer=adam(1e-3), batch_size=64, epochs=6).but(
        make_data=partial(quadrants, count=4000)
    ),
    near_miss=of_moons(dense(64), optimizer=adam(1e-2), epochs=20).but(
        make_data=partial(moons, noise=0.08)
    ),
)
