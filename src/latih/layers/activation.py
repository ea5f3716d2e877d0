"""Activations as layers of their own."""

from typing import Any

import torch

from latih import activations
from latih.arguments import number
from latih.layers.base import Layer
from latih.tensors import Shape


class Activation(Layer):
    """Any activation as a layer, to stand after a normalisation for example.

    Args:
        activation: a name or a function.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, ...)``.

    Example:
        >>> Activation("relu")(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        return self.activation(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return input_shape


class ReLU(Layer):
    """Rectified linear unit as a layer; see :func:`latih.activations.relu`.

    Args:
        max_value: where it saturates, >= 0; None for nowhere.
        negative_slope: the slope below the threshold, >= 0.
        threshold: below it the unit is off, >= 0.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, ...)``.

    Example:
        >>> ReLU(max_value=6)(torch.tensor([-1.0, 9.0]))
        tensor([0., 6.])
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.max_value = (
            None if max_value is None else number(max_value, "max_value", "ReLU", least=0)
        )
        self.negative_slope = number(negative_slope, "negative_slope", "ReLU", least=0)
        self.threshold = number(threshold, "threshold", "ReLU", least=0)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return input_shape


class LeakyReLU(Layer):
    """ReLU with a slope on the negative side, so that no unit dies.

    Args:
        negative_slope: the slope there, >= 0.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, ...)``.

    Example:
        >>> LeakyReLU()(torch.tensor([-1.0, 2.0]))
        tensor([-0.3000,  2.0000])

    Reference:
        Maas et al. 2013.
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        # The name that Keras 2, and so many a textbook, has for it.
        negative_slope = kwargs.pop("alpha", negative_slope)
        super().__init__(**kwargs)
        self.negative_slope = number(negative_slope, "negative_slope", "LeakyReLU", least=0)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        return activations.leaky_relu(inputs, self.negative_slope)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return input_shape


class ELU(Layer):
    """Exponential linear unit as a layer; see :func:`latih.activations.elu`.

    Args:
        alpha: the value it approaches on the negative side, with its sign changed.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, ...)``.

    Example:
        >>> ELU()(torch.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])

    Reference:
        Clevert et al. 2016, equation 15.
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = number(alpha, "alpha", "ELU")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        return activations.elu(inputs, self.alpha)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return input_shape
