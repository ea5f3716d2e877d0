"""How much faster a model would train in bfloat16, measured on a copy of it."""

import copy
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from latih import random
from latih.data.batches import Batch
from latih.engine.capture.permission import Permission
from latih.engine.capture.purity import is_own
from latih.engine.step import TrainStep
from latih.layers import Layer
from latih.layers.base import mode

WARM_UP = 3
"""Steps that are not timed: at the latest the second is recorded, and the third finds its memory
warm."""

TIMED = 3
STEPS = 2 * (WARM_UP + TIMED)
"""What a comparison costs, in steps at most as slow as those of training."""

POLICIES = ("float32", "mixed_bfloat16")


class Comparison(NamedTuple):
    """The time of a step in both types.

    Args:
        float32: seconds.
        bfloat16: seconds.
    """

    float32: float
    bfloat16: float

    @property
    def times_as_fast(self) -> float:
        """How many steps in bfloat16 fit into one in float32."""
        return self.float32 / self.bfloat16


def compare(model: Any, batch: Batch) -> Comparison:
    """Time some steps of a copy of a model in float32 and in bfloat16.

    The model is left as it is, and so are all generators.

    Args:
        model: a compiled model.
        batch: some examples.
    """
    before = random.state_dict()
    with random.drawing_from(before):
        trial = copy.deepcopy(model)
        seconds = [_seconds_of_a_step(trial, batch, policy) for policy in POLICIES]
    return Comparison(*seconds)


def _seconds_of_a_step(trial: Any, batch: Batch, policy: str) -> float:
    for layer in _layers(trial):
        layer.dtype_policy = policy
    step = TrainStep(trial, trial.objective, trial.optimizer)
    best = float("inf")
    with mode(trial, True):
        for number in range(WARM_UP + TIMED):
            began = time.perf_counter()
            step(batch)
            step.results()  # which waits for the device
            if number >= WARM_UP:
                best = min(best, time.perf_counter() - began)
    return best


def may_be_tried(model: Any) -> bool:
    """Say whether a copy can be tried: no code of the user's is in it, and all is of float32.

    Such code may write files, or hold what cannot be copied: it is not called for a trial.
    """
    parts = Permission(model, model.objective.parts, "auto").parts()
    in_float32 = all(layer.compute_dtype == "float32" for layer in _layers(model))
    return in_float32 and all(is_own(part) for part in parts)


def _layers(model: Any) -> Sequence[Layer]:
    return [module for module in model.modules() if isinstance(module, Layer)]
