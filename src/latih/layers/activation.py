"""Activations as layers of their own."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from latih import activations, constraints, initializers, regularizers
from latih.arguments import number, whole
from latih.errors import InputError
from latih.layers.base import Layer
from latih.tensors import Shape, as_tensor


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


class PReLU(Layer):
    """ReLU whose slope on the negative side is learned, one for each number of an example.

    ``x`` where x is positive, ``α x`` elsewhere: a unit that would die gives itself a slope.

    Args:
        alpha_initializer: how α starts; at zeros it starts as ReLU.
        alpha_regularizer: a penalty on α; one that pulls it to zero makes it ReLU again.
        alpha_constraint: where α is put back after each update.
        shared_axes: axes along which all share one α, counted from 1; ``[1, 2]`` for one a channel
            of an image.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, ...)``; α: that of one example, with 1 in the shared axes.

    Raises:
        InputError: a shared axis that the inputs do not have, or one of unknown size not shared.

    Example:
        >>> PReLU("ones")(torch.tensor([[-1.0, 2.0]]))
        tensor([[-1.,  2.]], grad_fn=<ViewBackward0>)

    Reference:
        He et al. 2015, "Delving Deep into Rectifiers", equation 1.
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        given = shared_axes if isinstance(shared_axes, list | tuple) else [shared_axes]
        self.shared_axes = (
            None
            if shared_axes is None
            else [whole(axis, "shared_axes", "PReLU", least=1) for axis in given]
        )

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape."""
        shared = self.shared_axes or ()
        sizes = [1 if axis in shared else size for axis, size in enumerate(input_shape)][1:]
        known = [size for size in sizes if size is not None]
        if len(known) < len(sizes) or any(axis >= len(input_shape) for axis in shared):
            raise InputError(
                f"{self.name!r} cannot be built",
                expected="inputs that have the shared axes, and a known size in each other axis",
                got=f"shape {input_shape} and shared_axes={self.shared_axes}",
                fix="Give the size in Input(), or share the axis.",
            )
        self.alpha = self.add_weight(
            known,
            self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
            name="alpha",
        )

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        # PyTorch's kernel takes one slope a column: an example is laid out as a row.
        slopes = self.alpha.expand(inputs.shape[1:]).reshape(-1)
        return F.prelu(inputs.reshape(-1, len(slopes)), slopes).view(inputs.shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return input_shape


class Softmax(Layer):
    """Probabilities that sum to one as a layer; see :func:`latih.activations.softmax`.

    Args:
        axis: the axis of the classes, or several that are taken together.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, ...)``; a mask that ``call`` is given: any that broadcasts to it, true or
        above 0.5 where a class may be. What is masked gets exactly 0.

    Raises:
        InputError: the mask does not broadcast to the inputs.

    Example:
        >>> Softmax()(torch.tensor([[0.0, 0.0, 5.0]]), mask=torch.tensor([True, True, False]))
        tensor([[0.5000, 0.5000, 0.0000]])
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(axis, list | tuple):
            self.axis: int | list[int] = [whole(one, "axis", "Softmax") for one in axis]
        else:
            self.axis = whole(axis, "axis", "Softmax")

    def call(self, inputs: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Return the outputs of a batch.

        Args:
            inputs: the logits.
            mask: true, or above 0.5, where a class may be; None for everywhere.
        """
        if mask is None:
            return self._normalised(inputs)
        kept = self._broadcastable(mask, inputs)
        # A large negative number, not -inf: where all is masked, 0/0 would come out.
        return self._normalised(inputs.where(kept, -1e9)).where(kept, 0.0)

    def _normalised(self, inputs: torch.Tensor) -> torch.Tensor:
        if isinstance(self.axis, int):
            return torch.softmax(inputs, dim=self.axis)
        return (inputs - inputs.logsumexp(dim=self.axis, keepdim=True)).exp()

    def _broadcastable(self, mask: Any, inputs: torch.Tensor) -> torch.Tensor:
        given = as_tensor(mask).to(inputs.device)
        trailing = inputs.shape[inputs.ndim - given.ndim :]
        if given.ndim > inputs.ndim or any(
            size not in (1, own) for size, own in zip(given.shape, trailing, strict=True)
        ):
            raise InputError(
                f"{self.name!r} cannot take its mask",
                expected=f"a shape that broadcasts to {tuple(inputs.shape)}",
                got=f"shape {tuple(given.shape)}",
            )
        return given if given.dtype == torch.bool else given > 0.5

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return input_shape
