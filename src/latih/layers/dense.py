"""Every output a weighted sum of every input."""

from typing import Any

import torch

from latih import activations, constraints, initializers, regularizers
from latih.arguments import whole
from latih.errors import InputError
from latih.layers.base import Layer
from latih.tensors import Shape


class Dense(Layer):
    """``activation(x K + b)``: the fully connected layer.

    Args:
        units: how many outputs, >= 1.
        activation: a name or a function; None for none.
        use_bias: whether b is added.
        kernel_initializer: how K starts; ``"he_normal"`` for ReLU and its kin.
        bias_initializer: how b starts.
        kernel_regularizer: a penalty on K.
        bias_regularizer: a penalty on b.
        activity_regularizer: a penalty on the outputs.
        kernel_constraint: where K is put back after each update.
        bias_constraint: where b is put back after each update.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, ..., d)``; out: ``(n, ..., units)``; K: ``(d, units)``; b: ``(units,)``.

    Raises:
        InputError: ``units`` is not a positive whole number, or the last axis has no known size.

    Example:
        >>> Dense(10, activation="relu")(torch.zeros(2, 784)).shape
        torch.Size([2, 10])
    """

    neutral_config = {"quantization_config": None, "lora_rank": None}

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = whole(units, "units", "Dense", least=1)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.bias: torch.Tensor | None = None

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape."""
        inputs = input_shape[-1]
        if len(input_shape) < 2 or inputs is None:
            raise InputError(
                f"{self.name!r} cannot be built",
                expected="inputs of two axes or more whose last has a known size",
                got=f"shape {input_shape}",
                fix="Put a Flatten or a Reshape before it, or give the size in Input().",
            )
        self.kernel = self.add_weight(
            (inputs, self.units),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        if inputs.shape[-1] != self.kernel.shape[0]:
            raise InputError(
                f"{self.name!r} cannot take its inputs",
                expected=f"{self.kernel.shape[0]} numbers in the last axis",
                got=f"shape {tuple(inputs.shape)}",
            )
        if self.bias is None:
            return self.activation(inputs @ self.kernel)
        if inputs.ndim == 2:
            return self.activation(torch.addmm(self.bias, inputs, self.kernel))
        return self.activation(inputs @ self.kernel + self.bias)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return (*input_shape[:-1], self.units)
