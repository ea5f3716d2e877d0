"""A keeper that takes the states of a training, and begins from one."""

import copy
from typing import Any

from latih.engine.events import Keeper


class Taking(Keeper):
    """Takes the first state, that after every step, and the last; begins from one if given one."""

    def __init__(self, state: Any = None) -> None:
        super().__init__()
        self.state, self.taken = state, []

    def restore(self, training: Any) -> Any:
        return self.state

    def begin_keeping(self, training: Any) -> None:
        self.first = copy.deepcopy(training.state_dict())

    def after_step(self, training: Any) -> None:
        self.taken.append(copy.deepcopy(training.state_dict()))

    def keep(self, training: Any) -> None:
        self.last = copy.deepcopy(training.state_dict())
