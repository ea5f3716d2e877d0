"""Initial weights: how wide to draw them so that signals neither die nor explode.

To add one: its class in its family's file, its row in :data:`INITIALIZERS`, a row in
``tests/contracts/test_initializers.py``.
"""

from typing import Any

from latih import registry
from latih.initializers.base import Initializer as Initializer
from latih.initializers.base import RandomInitializer as RandomInitializer
from latih.initializers.constant import Constant as Constant
from latih.initializers.constant import Identity as Identity
from latih.initializers.constant import Ones as Ones
from latih.initializers.constant import Zeros as Zeros
from latih.initializers.distributions import RandomNormal as RandomNormal
from latih.initializers.distributions import RandomUniform as RandomUniform
from latih.initializers.distributions import TruncatedNormal as TruncatedNormal
from latih.initializers.distributions import truncated_normal as truncated_normal
from latih.initializers.orthogonal import LSUV as LSUV
from latih.initializers.orthogonal import Orthogonal as Orthogonal
from latih.initializers.variance_scaling import GlorotNormal as GlorotNormal
from latih.initializers.variance_scaling import GlorotUniform as GlorotUniform
from latih.initializers.variance_scaling import HeNormal as HeNormal
from latih.initializers.variance_scaling import HeUniform as HeUniform
from latih.initializers.variance_scaling import LecunNormal as LecunNormal
from latih.initializers.variance_scaling import LecunUniform as LecunUniform
from latih.initializers.variance_scaling import VarianceScaling as VarianceScaling
from latih.initializers.variance_scaling import compute_fans as compute_fans
from latih.registry import Table

INITIALIZERS: Table[Initializer] = Table(
    "initializer",
    Initializer,
    classes=[
        Zeros,
        Ones,
        Constant,
        Identity,
        RandomNormal,
        RandomUniform,
        TruncatedNormal,
        VarianceScaling,
        GlorotNormal,
        GlorotUniform,
        HeNormal,
        HeUniform,
        LecunNormal,
        LecunUniform,
        Orthogonal,
        LSUV,
    ],
    aliases={
        "normal": RandomNormal,
        "uniform": RandomUniform,
        "zero": Zeros,
        "one": Ones,
        "OrthogonalInitializer": Orthogonal,
        "IdentityInitializer": Identity,
    },
)


def get(identifier: Any) -> Any:
    """Return the initializer that a name, a class, data or an object means.

    Example:
        >>> type(get("he_normal")).__name__
        'HeNormal'
    """
    return INITIALIZERS.get(identifier)


# Keras's other names.
zeros, ones, constant = Zeros, Ones, Constant
random_normal, random_uniform = RandomNormal, RandomUniform
variance_scaling = VarianceScaling
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform = HeNormal, HeUniform
lecun_normal, lecun_uniform = LecunNormal, LecunUniform
orthogonal = OrthogonalInitializer = Orthogonal
identity = IdentityInitializer = Identity

serialize = registry.serialize
deserialize = INITIALIZERS.deserialize
