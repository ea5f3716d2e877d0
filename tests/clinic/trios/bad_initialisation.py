"""All weights of a layer equal: its units stay one unit.

The near miss is drawn from a normal distribution that nobody chose by the layer's width.
"""

from making import Trio, adam, dense, of_clothes

from latih.initializers import Constant, RandomNormal

TRIO = Trio(
    "bad-initialisation",
    sick=of_clothes(*[dense(64, init=Constant(0.01))] * 2, optimizer=adam(1e-3)),
    healthy=of_clothes(*[dense(64)] * 2, optimizer=adam(1e-3)),
    near_miss=of_clothes(*[dense(64, init=RandomNormal(stddev=0.08))] * 2, optimizer=adam(1e-3)),
)
