"""What every initializer is, and what those that draw have in common."""

from collections.abc import Sequence

import torch

from latih import random
from latih.arguments import whole
from latih.registry import Configured


class Initializer(Configured):
    """The base of initializers: an object that, called with a shape, gives a tensor.

    An initializer has no state: called twice, the same object gives the same values, since its
    seed is fixed when it is made.
    """

    keras_module = "keras.initializers"

    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> torch.Tensor:
        """Return the values for a weight of this shape."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(shape, dtype)")

    def clone(self) -> "Initializer":
        """Return a new object of the same arguments (a seed that was drawn is drawn anew)."""
        return type(self).from_config(self.get_config())


class RandomInitializer(Initializer):
    """The base of initializers that draw.

    Args:
        seed: a whole number; None takes the next of the process's one seed.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = None if seed is None else whole(seed, "seed", type(self).__name__)
        self._drawn_seed = random.make_seed() if self.seed is None else self.seed

    def _empty(
        self, shape: Sequence[int], dtype: torch.dtype | None
    ) -> tuple[torch.Tensor, torch.Generator]:
        # Drawn on the CPU wherever the weight will live, so that a seed means the same everywhere.
        values = torch.empty(tuple(shape), dtype=dtype or torch.float32, device="cpu")
        return values, random.generator(self._drawn_seed)
