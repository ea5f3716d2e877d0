"""Which examples a net learns from, and which its epochs are chosen by."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from latih import random
from latih.data.strata import stratified_split
from latih.transfer.labels import Labels


@dataclass(frozen=True)
class Part:
    """Some of the examples.

    Args:
        x: what goes in.
        labels: their classes.
    """

    x: np.ndarray
    labels: Labels

    def take(self, rows: np.ndarray) -> "Part":
        """Return some rows."""
        return Part(self.x[rows], replace(self.labels, numbers=self.labels.numbers[rows]))


@dataclass(frozen=True)
class Split:
    """What a net learns from and what its epochs are chosen by.

    Args:
        everything: all examples that may be learned from in the end.
        rows: which of them are learned from first.
        validation: what epochs are chosen by.
        is_held_back: whether that is the rest of everything.
    """

    everything: Part
    rows: np.ndarray
    validation: Part
    is_held_back: bool

    @classmethod
    def of(cls, everything: Part, held: Part | None, fraction: float, seed: int) -> "Split":
        """Return the examples beside what was given to validate, or a fraction of them."""
        if held is not None:
            return cls(everything, np.arange(len(everything.x)), held, False)
        rows, kept_back = stratified_split(everything.labels.numbers, fraction, random.mix(seed, 1))
        return cls(everything, rows, everything.take(kept_back), True)

    @cached_property
    def training(self) -> Part:
        """What is learned from first."""
        return self.everything.take(self.rows) if self.is_held_back else self.everything
