"""Initial weights that neither lengthen nor shorten what passes through them."""

import math
from collections.abc import Sequence

import torch

from latih.arguments import number
from latih.errors import InputError
from latih.initializers.base import RandomInitializer


class Orthogonal(RandomInitializer):
    """A random matrix whose rows or columns, whichever are fewer, are orthonormal, times ``gain``.

    Every singular value is ``gain``, so a deep linear net keeps the length of signals and of
    gradients whatever its depth, which variances alone do not promise.

    ``Q · sign(diag R)`` of the decomposition ``A = Q R`` of a matrix of normal draws; the sign
    makes it uniform over all such matrices.

    Args:
        gain: the factor; √2 for ReLU and its kin.
        seed: a whole number; None takes the next of the process's one seed.

    Shapes:
        two axes or more; all but the last are taken as one, as a convolution's unit sums over
        them.

    Raises:
        InputError: the weight has fewer than two axes.

    Example:
        >>> weights = Orthogonal(seed=1)((5, 3))
        >>> torch.allclose(weights.T @ weights, torch.eye(3), atol=1e-6)
        True

    Reference:
        Saxe, McClelland & Ganguli 2014, section 3.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.gain = number(gain, "gain", type(self).__name__)

    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> torch.Tensor:
        """Return the values for a weight of this shape."""
        if len(shape) < 2:
            raise InputError(
                f"{type(self).__name__} cannot start a weight of one axis",
                expected="a weight of two axes or more",
                got=f"shape {tuple(shape)}",
                fix="Give it a kernel; biases start as zeros.",
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        drawn, generator = self._empty((max(rows, columns), min(rows, columns)), dtype)
        q, r = torch.linalg.qr(drawn.normal_(generator=generator))
        q = q * r.diagonal().sign()
        return self.gain * (q if rows >= columns else q.T).reshape(tuple(shape))


class LSUV(Orthogonal):
    """Orthonormal weights that :func:`latih.models.lsuv` then scales on data, layer after layer.

    What an initializer is told is a shape. That is enough for the first half of layer-sequential
    unit variance, the orthonormal start; the second half needs a batch and the layers before, so it
    is a function of the model. This class marks the layers that the function shall scale, and alone
    is :class:`Orthogonal` with gain one.

    Args:
        seed: a whole number; None takes the next of the process's one seed.

    Shapes:
        two axes or more.

    Raises:
        InputError: the weight has fewer than two axes.

    Example:
        >>> weights = LSUV(seed=1)((3, 3, 2, 4)).reshape(-1, 4)
        >>> torch.allclose(weights.T @ weights, torch.eye(4), atol=1e-6)
        True

    Reference:
        Mishkin & Matas 2016, "All You Need Is a Good Init", algorithm 1.
    """

    keras_module = "latih.initializers"

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(1.0, seed)
