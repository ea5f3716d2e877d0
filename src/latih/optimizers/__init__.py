"""How weights move.

To add one: its class in its family's file, its row in :data:`OPTIMIZERS`, a row in
``tests/contracts/test_optimizers.py`` and a parity case against Keras.
"""

from typing import Any

from latih import registry
from latih.optimizers import schedules as schedules
from latih.optimizers.adadelta import Adadelta as Adadelta
from latih.optimizers.adagrad import Adagrad as Adagrad
from latih.optimizers.adam import Adam as Adam
from latih.optimizers.adamax import Adamax as Adamax
from latih.optimizers.adamw import AdamW as AdamW
from latih.optimizers.base import Optimizer as Optimizer
from latih.optimizers.groups import Group as Group
from latih.optimizers.lion import Lion as Lion
from latih.optimizers.nadam import Nadam as Nadam
from latih.optimizers.rmsprop import RMSprop as RMSprop
from latih.optimizers.sgd import SGD as SGD
from latih.registry import Table

OPTIMIZERS: Table[Optimizer] = Table(
    "optimizer",
    Optimizer,
    classes=[SGD, Adagrad, Adadelta, RMSprop, Adam, AdamW, Adamax, Nadam, Lion],
)

serialize = registry.serialize
deserialize = OPTIMIZERS.deserialize


def get(identifier: Any) -> Any:
    """Return the optimizer that a name, a class, data or an object means.

    Example:
        >>> type(get("sgd")).__name__
        'SGD'
    """
    return OPTIMIZERS.get(identifier)
