"""Normal noise in training, so that a net learns what does not hang on the last digit."""

import math
from typing import Any

import torch

from latih import random
from latih.arguments import number, whole
from latih.layers.base import Layer
from latih.tensors import Shape


class GaussianNoise(Layer):
    """In training, add normal noise: the same example is never seen twice.

    ``x + σ z`` with z from N(0, 1); outside training, ``x``.

    Args:
        stddev: σ, the deviation, >= 0, in the unit of the inputs. (Keras refuses more than 1.)
        seed: a whole number; None takes the next of the process's one seed.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, ...)``.

    Raises:
        InputError: the deviation is below 0.

    Example:
        >>> GaussianNoise(0.1, seed=1)(torch.ones(4))
        tensor([1., 1., 1., 1.])

    Reference:
        Bishop 1995, "Training with Noise is Equivalent to Tikhonov Regularization".
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stddev = number(stddev, "stddev", "GaussianNoise", least=0)
        self.seed = None if seed is None else whole(seed, "seed", "GaussianNoise")
        self.seed_generator = random.SeedGenerator(self.seed)

    def call(self, inputs: torch.Tensor, training: bool = False) -> torch.Tensor:
        """Return the outputs of a batch."""
        if not training or self.stddev == 0:
            return inputs
        noise = random.standard_normal(inputs, self.seed_generator.next_key(inputs.device))
        return inputs.add(noise, alpha=self.stddev)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return input_shape


class GaussianDropout(Layer):
    """In training, multiply by normal noise around one, as uncertain as dropout of this rate.

    ``x (1 + z √(r / (1 - r)))`` with z from N(0, 1); outside training, ``x``.

    Args:
        rate: r, the rate of the dropout that has the same variance, 0 <= rate < 1.
        seed: a whole number; None takes the next of the process's one seed.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, ...)``.

    Raises:
        InputError: the rate is outside these.

    Example:
        >>> GaussianDropout(0.5, seed=1)(torch.ones(4))
        tensor([1., 1., 1., 1.])

    Reference:
        Srivastava et al. 2014, section 10.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = number(rate, "rate", "GaussianDropout", least=0, below=1)
        self.seed = None if seed is None else whole(seed, "seed", "GaussianDropout")
        self.seed_generator = random.SeedGenerator(self.seed)
        self._deviation = math.sqrt(self.rate / (1 - self.rate))

    def call(self, inputs: torch.Tensor, training: bool = False) -> torch.Tensor:
        """Return the outputs of a batch."""
        if not training or self.rate == 0:
            return inputs
        noise = random.standard_normal(inputs, self.seed_generator.next_key(inputs.device))
        return inputs * noise.mul_(self._deviation).add_(1.0)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return input_shape
