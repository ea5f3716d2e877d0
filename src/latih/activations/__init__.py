"""What a unit does with the sum of its inputs.

Sigmoid and tanh flatten out on both sides, so the gradient through ten of them vanishes; ReLU and
its kin do not on the positive side, and ELU, SELU and leaky ReLU keep some slope on the other so
that a unit can come back.

To add one: its function in its family's file, its row in :data:`ACTIVATIONS`.
"""

from typing import Any

from latih import registry
from latih.activations.elementwise import celu as celu
from latih.activations.elementwise import elu as elu
from latih.activations.elementwise import exponential as exponential
from latih.activations.elementwise import gelu as gelu
from latih.activations.elementwise import hard_sigmoid as hard_sigmoid
from latih.activations.elementwise import hard_silu as hard_silu
from latih.activations.elementwise import hard_swish as hard_swish
from latih.activations.elementwise import leaky_relu as leaky_relu
from latih.activations.elementwise import linear as linear
from latih.activations.elementwise import mish as mish
from latih.activations.elementwise import relu as relu
from latih.activations.elementwise import relu6 as relu6
from latih.activations.elementwise import selu as selu
from latih.activations.elementwise import sigmoid as sigmoid
from latih.activations.elementwise import silu as silu
from latih.activations.elementwise import softplus as softplus
from latih.activations.elementwise import softsign as softsign
from latih.activations.elementwise import swish as swish
from latih.activations.elementwise import tanh as tanh
from latih.activations.probabilities import glu as glu
from latih.activations.probabilities import log_softmax as log_softmax
from latih.activations.probabilities import softmax as softmax
from latih.activations.shrinking import hard_shrink as hard_shrink
from latih.activations.shrinking import hard_tanh as hard_tanh
from latih.activations.shrinking import log_sigmoid as log_sigmoid
from latih.activations.shrinking import soft_shrink as soft_shrink
from latih.activations.shrinking import sparse_plus as sparse_plus
from latih.activations.shrinking import sparse_sigmoid as sparse_sigmoid
from latih.activations.shrinking import squareplus as squareplus
from latih.activations.shrinking import tanh_shrink as tanh_shrink
from latih.activations.shrinking import threshold as threshold
from latih.registry import Table

ACTIVATIONS: Table[object] = Table(
    "activation",
    object,
    functions=[
        linear,
        relu,
        relu6,
        leaky_relu,
        elu,
        selu,
        celu,
        gelu,
        silu,
        mish,
        sigmoid,
        hard_sigmoid,
        tanh,
        softplus,
        softsign,
        softmax,
        log_softmax,
        exponential,
        hard_silu,
        glu,
        soft_shrink,
        hard_shrink,
        tanh_shrink,
        threshold,
        hard_tanh,
        log_sigmoid,
        squareplus,
        sparse_plus,
        sparse_sigmoid,
    ],
    aliases={"swish": silu, "hard_swish": hard_silu},
)
registry.write_by_name(ACTIVATIONS.functions)

serialize = registry.serialize
deserialize = ACTIVATIONS.deserialize


def get(identifier: Any) -> Any:
    """Return the activation that a name means; None means :func:`linear`.

    Example:
        >>> get("relu") is relu, get(None) is linear
        (True, True)
    """
    return linear if identifier is None else ACTIVATIONS.get(identifier)
