"""Inputs brought into range inside the model, so that they cannot be forgotten at prediction."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from latih import config
from latih.arguments import number
from latih.errors import InputError
from latih.layers.base import Layer
from latih.tensors import Shape, as_tensor


class Rescaling(Layer):
    """``x · scale + offset``: bytes of an image into 0..1, for example.

    Args:
        scale: the factor, or one for each feature of the last axis.
        offset: what is added, or one for each feature.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, ...)``.

    Example:
        >>> Rescaling(1 / 255)(torch.tensor([0.0, 255.0]))
        tensor([0., 1.])
    """

    def __init__(
        self, scale: float | Sequence[float], offset: float | Sequence[float] = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.scale = _numbers(scale, "scale", "Rescaling")
        self.offset = _numbers(offset, "offset", "Rescaling")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        if not inputs.is_floating_point():
            inputs = inputs.to(self._compute_type)
        scale, offset = (
            value if isinstance(value, int | float) else as_tensor(value).to(inputs)
            for value in (self.scale, self.offset)
        )
        return inputs * scale + offset

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return input_shape


class Normalization(Layer):
    """``(x - mean) / √variance`` of each feature, as measured on data or given.

    Args:
        axis: the axis of the features; None for one mean of everything.
        mean: the means, if they are known.
        variance: the variances, if they are known.
        invert: whether the other way is gone, from normal to natural.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, ..., d)``.

    Raises:
        InputError: one of mean and variance is given without the other.

    Example:
        >>> layer = Normalization()
        >>> layer.adapt([[0.0, 10.0], [2.0, 30.0]])
        >>> layer([[1.0, 30.0]])
        tensor([[0., 1.]])
    """

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise InputError(
                "Normalization takes `mean` and `variance` together",
                expected="both or neither",
                got="one of them",
            )
        # Keras writes the axis into files as a list.
        axes = [axis] if isinstance(axis, int) else list(axis or ())
        if len(axes) > 1:
            raise InputError(
                "`axis` of Normalization cannot be used",
                expected="one axis or None",
                got=repr(axis),
            )
        self.axis = axes[0] if axes else None
        self.invert = invert
        self.mean = None if mean is None else np.asarray(mean, np.float32)
        self.variance = None if variance is None else np.asarray(variance, np.float32)
        if self.variance is not None and (self.variance < 0).any():
            raise InputError(
                "`variance` of Normalization cannot be used", expected=">= 0", got=repr(variance)
            )

    def build(self, input_shape: Shape) -> None:
        """Make room for the statistics of inputs of this shape."""
        axes = len(input_shape)
        within = self.axis is None or -axes <= self.axis < axes
        features = (input_shape[self.axis],) if within and self.axis is not None else ()
        if not within or None in features:
            raise InputError(
                f"{self.name!r} cannot be built",
                expected="an axis with a known number of features",
                got=f"shape {input_shape} and axis {self.axis}",
            )
        sizes = tuple(size for size in features if size is not None)
        if self.mean is None or self.variance is None:
            self.adapt_mean = self.add_weight(sizes, "zeros", trainable=False, name="adapt_mean")
            self.adapt_variance = self.add_weight(
                sizes, "ones", trainable=False, name="adapt_variance"
            )
            self.count = self.add_weight((), "zeros", trainable=False, name="count")

    def adapt(self, data: Any) -> None:
        """Measure mean and variance of each feature.

        Args:
            data: examples, as the layer will get them.
        """
        values = as_tensor(data).float()
        if not self.built:
            self.build((None, *values.shape[1:]))
        if self.axis is None:
            rows = values.reshape(-1, 1)
        else:
            rows = values.movedim(self.axis, -1).reshape(-1, values.shape[self.axis])
        variance, mean = torch.var_mean(rows, dim=0, correction=0)
        with torch.no_grad():
            self.adapt_mean.copy_(mean.reshape(self.adapt_mean.shape))
            self.adapt_variance.copy_(variance.reshape(self.adapt_variance.shape))
            self.count.fill_(len(rows))

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        if self.mean is None or self.variance is None:
            mean, variance = self.adapt_mean, self.adapt_variance
        else:
            mean, variance = as_tensor(self.mean).to(inputs), as_tensor(self.variance).to(inputs)
        if self.axis is not None and mean.ndim == 1:
            shape = [1] * inputs.ndim
            shape[self.axis] = -1
            mean, variance = mean.view(shape), variance.view(shape)
        deviation = variance.sqrt().clamp(min=config.epsilon())
        if self.invert:
            return mean + inputs * deviation
        return (inputs - mean) / deviation

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return input_shape


def _numbers(value: Any, argument: str, owner: str) -> float | list[float]:
    if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str):
        return [number(one, argument, owner) for one in value]
    return number(value, argument, owner)
