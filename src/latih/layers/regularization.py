"""Units switched off at random, so that none can lean on another."""

from collections.abc import Sequence
from typing import Any

import torch

from latih import random
from latih.arguments import number, whole
from latih.errors import InputError
from latih.layers.base import Layer
from latih.tensors import Shape

# -αλ, what SELU gives far on the negative side.
SELU_LOWER_BOUND = -1.6732632423543772848 * 1.0507009873554804935


class Dropout(Layer):
    """In training, switch each input off with probability ``rate``; scale the rest up to match.

    ``x · m / (1 - rate)`` with m one or zero; outside training, ``x``.

    Args:
        rate: the fraction to drop, 0 <= rate <= 1.
        noise_shape: the mask's shape where it differs from the inputs': a 1 shares the mask along
            that axis, None takes the inputs' size.
        seed: a whole number; None takes the next of the process's one seed.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, ...)``.

    Raises:
        InputError: the rate is outside 0..1.

    Example:
        >>> Dropout(0.5, seed=1)(torch.ones(4))
        tensor([1., 1., 1., 1.])

    Reference:
        Srivastava et al. 2014, section 4 (with the scaling moved into training).
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rate = number(rate, "rate", type(self).__name__, least=0, most=1)
        self.noise_shape = _noise_shape(noise_shape, type(self).__name__)
        self.seed = None if seed is None else whole(seed, "seed", type(self).__name__)
        self.seed_generator = random.SeedGenerator(self.seed)

    def call(self, inputs: torch.Tensor, training: bool = False) -> torch.Tensor:
        """Return the outputs of a batch."""
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            return torch.zeros_like(inputs)
        like = _of_noise_shape(inputs, self.noise_shape, self.name)
        key = self.seed_generator.next_key(inputs.device)
        return inputs * random.keep_mask(like, self.rate, key, 1.0 / (1.0 - self.rate))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return input_shape


class MCDropout(Dropout):
    """Dropout that stays on in inference, so that predictions tell how sure they are.

    A net trained with dropout is, seen rightly, an approximation of a distribution over nets, and
    each mask is a draw from it. Plain dropout predicts by the mean net and says nothing of the
    spread; with the masks left on, the mean of many predictions of one example is the prediction,
    and their deviation how far to trust it.

    Args:
        rate: the fraction to drop, 0 <= rate <= 1.
        noise_shape: the mask's shape where it differs from the inputs': a 1 shares the mask along
            that axis, None takes the inputs' size.
        seed: a whole number; None takes the next of the process's one seed.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, ...)``.

    Raises:
        InputError: the rate is outside 0..1.

    Example:
        >>> layer = MCDropout(0.5, seed=1)
        >>> draws = torch.stack([layer(torch.ones(4)) for _ in range(100)])
        >>> bool((draws.std(dim=0) > 0.5).all())
        True

    Reference:
        Gal & Ghahramani 2016, "Dropout as a Bayesian Approximation", equation 6.
    """

    keras_module = "latih.layers"

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, noise_shape, seed, **kwargs)

    def call(self, inputs: torch.Tensor, training: bool = False) -> torch.Tensor:
        """Return the outputs of a batch."""
        return super().call(inputs, training=True)


class AlphaDropout(Layer):
    """Dropout for SELU nets: what is switched off goes to SELU's lower bound, not to zero.

    ``a (x m + α' (1 - m)) + b`` with m one or zero, ``α' = -αλ``, ``a = ((1 - r)(1 + r α'²))^(-½)``
    and ``b = -a r α'``: mean 0 and variance 1 stay so, on which self-normalisation rests.

    Args:
        rate: r, the fraction to switch off, 0 <= rate < 1.
        noise_shape: the mask's shape where it differs from the inputs': a 1 shares the mask along
            that axis, None takes the inputs' size.
        seed: a whole number; None takes the next of the process's one seed.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, ...)``.

    Raises:
        InputError: the rate is outside these.

    Example:
        >>> AlphaDropout(0.5, seed=1)(torch.ones(4))
        tensor([1., 1., 1., 1.])

    Reference:
        Klambauer et al. 2017, "Self-Normalizing Neural Networks", section 3.
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rate = number(rate, "rate", "AlphaDropout", least=0, below=1)
        self.noise_shape = _noise_shape(noise_shape, "AlphaDropout")
        self.seed = None if seed is None else whole(seed, "seed", "AlphaDropout")
        self.seed_generator = random.SeedGenerator(self.seed)
        self._factor = ((1 - self.rate) * (1 + self.rate * SELU_LOWER_BOUND**2)) ** -0.5
        self._shift = -self._factor * self.rate * SELU_LOWER_BOUND

    def call(self, inputs: torch.Tensor, training: bool = False) -> torch.Tensor:
        """Return the outputs of a batch."""
        if not training or self.rate == 0:
            return inputs
        like = _of_noise_shape(inputs, self.noise_shape, self.name)
        mask = random.keep_mask(like, self.rate, self.seed_generator.next_key(inputs.device))
        # a (x m + α' (1 - m)) + b, sorted by what must be reckoned at the inputs' size.
        off = self._factor * SELU_LOWER_BOUND
        return torch.addcmul(mask.mul(-off).add_(off + self._shift), inputs, mask * self._factor)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return input_shape


def _noise_shape(given: Any, owner: str) -> tuple[int | None, ...] | None:
    if given is None:
        return None
    if not isinstance(given, list | tuple):
        raise InputError(
            f"`noise_shape` of {owner} cannot be used",
            expected="a tuple of whole numbers and None",
            got=repr(given),
        )
    return tuple(
        None if size is None else whole(size, "noise_shape", owner, least=1) for size in given
    )


def _of_noise_shape(
    inputs: torch.Tensor, noise_shape: tuple[int | None, ...] | None, name: str
) -> torch.Tensor:
    """Return what the mask is to be shaped as: the inputs, or an empty tensor of its own shape."""
    if noise_shape is None:
        return inputs
    if len(noise_shape) != inputs.ndim:
        raise InputError(
            f"{name!r} cannot take its inputs",
            expected=f"as many axes as noise_shape={noise_shape} has",
            got=f"shape {tuple(inputs.shape)}",
        )
    sizes = zip(noise_shape, inputs.shape, strict=True)
    return inputs.new_empty([own if size is None else size for size, own in sizes])
