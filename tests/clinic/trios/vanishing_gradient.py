"""Ten layers of sigmoids, each of which makes the gradient at least four times smaller.

The near miss has two, which learn.
"""

from making import Trio, adam, dense, of_clothes

TRIO = Trio(
    "vanishing-gradient",
    sick=of_clothes(*[dense(32, "sigmoid")] * 10, optimizer=adam(1e-3)),
    healthy=of_clothes(*[dense(32)] * 10, optimizer=adam(1e-3)),
    near_miss=of_clothes(*[dense(64, "sigmoid", "glorot_uniform")] * 2, optimizer=adam(5e-3)),
)
