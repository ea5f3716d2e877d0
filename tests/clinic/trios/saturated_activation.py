"""Biases of 8 before a tanh: every unit is at its end, where the gradient is nothing.

The near miss has units that go to their ends because they are sure, after they have learned.
"""

from making import Trio, adam, dense, of_moons, of_quadrants

from latih.initializers import Constant

_TANH = dense(32, "tanh", "glorot_uniform")
_AT_ITS_END = dense(32, "tanh", "glorot_uniform", bias_initializer=Constant(8.0))
TRIO = Trio(
    "saturated-activation",
    sick=of_quadrants(_AT_ITS_END, _AT_ITS_END),
    healthy=of_quadrants(_TANH, _TANH, optimizer=adam(1e-2)),
    near_miss=of_moons(_TANH, optimizer=adam(5e-2), epochs=15),
)
