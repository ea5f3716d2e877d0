"""Learning rates that change with the number of updates done.

To add one: its class in its family's file, its row in :data:`SCHEDULES`, a row in
``tests/contracts/test_optimizers.py`` and a parity case against Keras or a closed form.
"""

from latih import registry
from latih.optimizers.schedules.base import LearningRateSchedule as LearningRateSchedule
from latih.optimizers.schedules.cosine import CosineDecay as CosineDecay
from latih.optimizers.schedules.cosine import CosineDecayRestarts as CosineDecayRestarts
from latih.optimizers.schedules.decay import ExponentialDecay as ExponentialDecay
from latih.optimizers.schedules.decay import InverseTimeDecay as InverseTimeDecay
from latih.optimizers.schedules.decay import PolynomialDecay as PolynomialDecay
from latih.optimizers.schedules.decay import PowerDecay as PowerDecay
from latih.optimizers.schedules.one_cycle import OneCycle as OneCycle
from latih.optimizers.schedules.piecewise import PiecewiseConstantDecay as PiecewiseConstantDecay
from latih.optimizers.schedules.warmup import SCHEDULES as SCHEDULES
from latih.optimizers.schedules.warmup import Warmup as Warmup

serialize = registry.serialize
deserialize = SCHEDULES.deserialize
