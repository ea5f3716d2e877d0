"""A penalty on the weights that leaves none.

The near miss loses half of its units in each step and learns.
"""

from functools import partial

from making import Trio, adam, dense, of_clothes

from latih import layers
from latih.regularizers import L2

_PRESSED = dense(64, kernel_regularizer=L2(1.0))
TRIO = Trio(
    "underfitting",
    sick=of_clothes(_PRESSED, _PRESSED, optimizer=adam(2e-3)),
    healthy=of_clothes(dense(64), dense(64), optimizer=adam(2e-3)),
    near_miss=of_clothes(dense(128), partial(layers.Dropout, 0.5), optimizer=adam(2e-3)),
)
