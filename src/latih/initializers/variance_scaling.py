"""Initial weights drawn as widely as their unit's inputs and outputs ask for.

With weights of variance σ², a unit that sums ``fan_in`` inputs multiplies their variance by
``fan_in * σ²``. Glorot keeps that factor near one forwards and backwards for linear and tanh units,
He doubles it since ReLU throws half away, LeCun is right for SELU.
"""

import math
from collections.abc import Sequence
from typing import Literal

import torch

from latih.arguments import number, one_of
from latih.initializers.base import RandomInitializer
from latih.initializers.distributions import truncated_normal

# The standard deviation of a unit normal that is cut off at two deviations: what is drawn must be
# this much wider for its deviation to come out as asked.
TRUNCATED_DEVIATION = 0.87962566103423978


class VarianceScaling(RandomInitializer):
    """Weights whose variance is ``scale / n``, n being the number of a unit's inputs or outputs.

    The family of which Glorot, He and LeCun are members.

    Args:
        scale: the numerator, > 0.
        mode: what n counts: ``"fan_in"``, ``"fan_out"``, or ``"fan_avg"``, their mean.
        distribution: ``"truncated_normal"``, ``"untruncated_normal"`` or ``"uniform"``.
        seed: a whole number; None takes the next of the process's one seed.

    Raises:
        InputError: an argument outside these.

    Example:
        >>> weights = VarianceScaling(2.0, "fan_in", "uniform", seed=1)((50, 10))
        >>> weights.abs().max().item() <= (3 * 2.0 / 50) ** 0.5
        True

    Reference:
        Glorot & Bengio 2010, equation 16; He et al. 2015, equation 10.
    """

    neutral_config = {"input_axes": None, "output_axes": None}

    def __init__(
        self,
        scale: float = 1.0,
        mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in",
        distribution: Literal[
            "truncated_normal", "normal", "untruncated_normal", "uniform"
        ] = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        super().__init__(seed)
        distributions = ("truncated_normal", "untruncated_normal", "uniform", "normal")
        self.scale = number(scale, "scale", "VarianceScaling", above=0)
        self.mode = one_of(
            str(mode).lower(), "mode", "VarianceScaling", ("fan_in", "fan_out", "fan_avg")
        )
        given = one_of(str(distribution).lower(), "distribution", "VarianceScaling", distributions)
        self.distribution = "truncated_normal" if given == "normal" else given

    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> torch.Tensor:
        """Return the values for a weight of this shape."""
        fan_in, fan_out = compute_fans(shape)
        fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
        variance = self.scale / max(1.0, fans[self.mode])
        values, generator = self._empty(shape, dtype)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return values.uniform_(-limit, limit, generator=generator)
        if self.distribution == "untruncated_normal":
            return values.normal_(0.0, math.sqrt(variance), generator=generator)
        return truncated_normal(values, 0.0, math.sqrt(variance) / TRUNCATED_DEVIATION, generator)


class GlorotUniform(VarianceScaling):
    """Weights from U(±√(6 / (fan_in + fan_out))): the default, right for tanh and softmax.

    Args:
        seed: a whole number; None takes the next of the process's one seed.

    Example:
        >>> GlorotUniform(seed=1)((300, 100)).abs().max().item() <= (6 / 400) ** 0.5
        True

    Reference:
        Glorot & Bengio 2010, equation 16.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed)


class GlorotNormal(VarianceScaling):
    """Weights from a truncated normal of variance 2 / (fan_in + fan_out).

    Args:
        seed: a whole number; None takes the next of the process's one seed.

    Example:
        >>> GlorotNormal(seed=1)((3, 2)).shape
        torch.Size([3, 2])

    Reference:
        Glorot & Bengio 2010, equation 12.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed)


class HeNormal(VarianceScaling):
    """Weights from a truncated normal of variance 2 / fan_in: right for ReLU and its kin.

    Args:
        seed: a whole number; None takes the next of the process's one seed.

    Example:
        >>> HeNormal(seed=1)((3, 2)).shape
        torch.Size([3, 2])

    Reference:
        He et al. 2015, "Delving Deep into Rectifiers", equation 10.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed)


class HeUniform(VarianceScaling):
    """Weights from U(±√(6 / fan_in)): right for ReLU and its kin.

    Args:
        seed: a whole number; None takes the next of the process's one seed.

    Example:
        >>> HeUniform(seed=1)((6, 2)).abs().max().item() <= 1.0
        True

    Reference:
        He et al. 2015, "Delving Deep into Rectifiers", equation 10.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed)


class LecunNormal(VarianceScaling):
    """Weights from a truncated normal of variance 1 / fan_in: right for SELU.

    Args:
        seed: a whole number; None takes the next of the process's one seed.

    Example:
        >>> LecunNormal(seed=1)((3, 2)).shape
        torch.Size([3, 2])

    Reference:
        LeCun et al. 1998, "Efficient BackProp", equation 16; Klambauer et al. 2017.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed)


class LecunUniform(VarianceScaling):
    """Weights from U(±√(3 / fan_in)).

    Args:
        seed: a whole number; None takes the next of the process's one seed.

    Example:
        >>> LecunUniform(seed=1)((3, 2)).abs().max().item() <= 1.0
        True

    Reference:
        LeCun et al. 1998, "Efficient BackProp", equation 16.
    """

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed)


def compute_fans(shape: Sequence[int]) -> tuple[int, int]:
    """Return how many inputs and outputs a unit with a kernel of this shape has.

    Shapes:
        Dense ``(in, out)``; convolution ``(*window, in, out)``, where the window multiplies both.

    Example:
        >>> compute_fans((784, 300)), compute_fans((3, 3, 16, 32))
        ((784, 300), (144, 288))
    """
    if len(shape) == 0:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window
