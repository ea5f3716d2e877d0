"""Biases of -10: no unit of the first layer ever lets anything through.

The near miss has nearly nine zeros in ten activations, each unit on other images.
"""

from making import Trio, dense, of_clothes

from latih.initializers import Constant

TRIO = Trio(
    "dying-relu",
    sick=of_clothes(dense(64, bias_initializer=Constant(-10.0)), dense(64)),
    healthy=of_clothes(dense(64), dense(64)),
    near_miss=of_clothes(dense(512, bias_initializer=Constant(-1.0))),
)
