"""Initial weights drawn from a distribution as wide as the user says."""

from collections.abc import Sequence

import torch

from latih.arguments import number
from latih.initializers.base import RandomInitializer


class RandomNormal(RandomInitializer):
    """Weights from a normal distribution.

    Args:
        mean: the mean.
        stddev: the standard deviation, >= 0.
        seed: a whole number; None takes the next of the process's one seed.

    Example:
        >>> RandomNormal(stddev=0.1, seed=1)((100, 100)).std().item() < 0.11
        True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = number(mean, "mean", type(self).__name__)
        self.stddev = number(stddev, "stddev", type(self).__name__, least=0)

    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> torch.Tensor:
        """Return the values for a weight of this shape."""
        values, generator = self._empty(shape, dtype)
        return values.normal_(self.mean, self.stddev, generator=generator)


class RandomUniform(RandomInitializer):
    """Weights from a uniform distribution.

    Args:
        minval: the lower bound.
        maxval: the upper bound.
        seed: a whole number; None takes the next of the process's one seed.

    Example:
        >>> RandomUniform(0.0, 1.0, seed=1)((100,)).min().item() >= 0
        True
    """

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None
    ) -> None:
        super().__init__(seed)
        self.maxval = number(maxval, "maxval", "RandomUniform")
        self.minval = number(minval, "minval", "RandomUniform", most=self.maxval)

    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> torch.Tensor:
        """Return the values for a weight of this shape."""
        values, generator = self._empty(shape, dtype)
        return values.uniform_(self.minval, self.maxval, generator=generator)


class TruncatedNormal(RandomInitializer):
    """Weights from a normal distribution whose values beyond two deviations are drawn again.

    Args:
        mean: the mean.
        stddev: the standard deviation before the cut, >= 0; after it, 0.8796 of that.
        seed: a whole number; None takes the next of the process's one seed.

    Example:
        >>> TruncatedNormal(stddev=1.0, seed=1)((1000,)).abs().max().item() <= 2.0
        True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        self.mean = number(mean, "mean", type(self).__name__)
        self.stddev = number(stddev, "stddev", type(self).__name__, least=0)

    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> torch.Tensor:
        """Return the values for a weight of this shape."""
        values, generator = self._empty(shape, dtype)
        return truncated_normal(values, self.mean, self.stddev, generator)


def truncated_normal(
    values: torch.Tensor, mean: float, stddev: float, generator: torch.Generator
) -> torch.Tensor:
    """Fill ``values`` from a normal cut off at two deviations, and return them."""
    return torch.nn.init.trunc_normal_(
        values, mean, stddev, mean - 2 * stddev, mean + 2 * stddev, generator=generator
    )
