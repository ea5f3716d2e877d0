"""Initial weights that are not drawn."""

from collections.abc import Sequence

import torch

from latih.arguments import number
from latih.errors import InputError
from latih.initializers.base import Initializer


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


class Identity(Initializer):
    """The identity matrix: a layer that starts by passing on what it is given.

    Args:
        gain: the number on the diagonal.

    Shapes:
        matrices only, ``(inputs, outputs)``.

    Raises:
        InputError: the weight is no matrix.

    Example:
        >>> Identity(2.0)((2, 3))
        tensor([[2., 0., 0.],
                [0., 2., 0.]])

    Reference:
        Le, Jaitly & Hinton 2015, "A Simple Way to Initialize Recurrent Networks of Rectified
        Linear Units".
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = number(gain, "gain", "Identity")

    def __call__(self, shape: Sequence[int], dtype: torch.dtype | None = None) -> torch.Tensor:
        """Return the values for a weight of this shape."""
        if len(shape) != 2:
            raise InputError(
                "Identity can only start a matrix",
                expected="a weight of two axes",
                got=f"shape {tuple(shape)}",
                fix="For a convolution use Orthogonal.",
            )
        return self.gain * torch.eye(shape[0], shape[1], dtype=dtype or torch.float32)
