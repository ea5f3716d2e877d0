"""Initial weights: how wide to draw them so that signals neither die nor explode.

With weights of variance σ², a unit that sums ``fan_in`` inputs multiplies their variance by
``fan_in * σ²``. Glorot keeps that factor near one forwards and backwards for linear and tanh units,
He doubles it since ReLU throws half away, LeCun is right for SELU.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch

from latih import random, registry
from latih.arguments import number, one_of, whole
from latih.registry import Configured, Table

# The standard deviation of a unit normal that is cut off at two deviations: what is drawn must be
# this much wider for its deviation to come out as asked.
TRUNCATED_DEVIATION = 0.87962566103423978


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


class Constant(Initializer):
    """Every weight the same value.

    Only a bias may start so: units of one layer that start alike stay alike.

    Args:
        value: the number.

    Example:
        >>> Constant(3.0)((2,))
        tensor([3., 3.])
    """

    def __init__(self, value: float = 0.0) -> None:
        self.value = number(value, "value", "Constant")

    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> torch.Tensor:
        """Return the values for a weight of this shape."""
        return torch.full(tuple(shape), self.value, dtype=dtype or torch.float32)


class Zeros(Initializer):
    """Every weight 0; the default of biases.

    Example:
        >>> Zeros()((2,))
        tensor([0., 0.])
    """

    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> torch.Tensor:
        """Return the values for a weight of this shape."""
        return torch.zeros(tuple(shape), dtype=dtype)


class Ones(Initializer):
    """Every weight 1; the default of a normalisation's scale.

    Example:
        >>> Ones()((2,))
        tensor([1., 1.])
    """

    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> torch.Tensor:
        """Return the values for a weight of this shape."""
        return torch.ones(tuple(shape), dtype=dtype)


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


def truncated_normal(
    values: torch.Tensor, mean: float, stddev: float, generator: torch.Generator
) -> torch.Tensor:
    """Fill ``values`` from a normal cut off at two deviations, and return them."""
    return torch.nn.init.trunc_normal_(
        values, mean, stddev, mean - 2 * stddev, mean + 2 * stddev, generator=generator
    )


INITIALIZERS: Table[Initializer] = Table(
    "initializer",
    Initializer,
    classes=[
        Zeros,
        Ones,
        Constant,
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
    ],
    aliases={"normal": RandomNormal, "uniform": RandomUniform, "zero": Zeros, "one": Ones},
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

serialize = registry.serialize
deserialize = INITIALIZERS.deserialize
