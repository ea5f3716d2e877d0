"""The other half of an autoencoder, made by looking at the first."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from latih import activations
from latih.errors import InputError
from latih.layers import (
    Activation,
    AlphaDropout,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Dropout,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GroupNormalization,
    InputLayer,
    Layer,
    LayerNormalization,
    LeakyReLU,
    MaxPooling2D,
    ReLU,
    Reshape,
    SpatialDropout2D,
    UpSampling2D,
)
from latih.layers import Input as make_input
from latih.models import Sequential
from latih.tensors import Shape

NORMALISATIONS = (BatchNormalization, LayerNormalization, GroupNormalization)
LEFT_OUT = (
    *(Activation, ReLU, LeakyReLU, *NORMALISATIONS, InputLayer),
    *(Dropout, SpatialDropout2D, AlphaDropout, GaussianNoise, GaussianDropout),
)
"""Layers that keep the shape of what they are given, and have no part in the way back."""


def mirrored(encoder: Any, input_shape: Shape, output_activation: Any = None) -> Sequential:
    """Return a decoder that undoes the shapes of an encoder, layer by layer.

    ``Dense`` is answered by ``Dense``, ``Conv2D`` by ``Conv2DTranspose``, pooling by
    ``UpSampling2D``, ``Flatten`` and ``Reshape`` by ``Reshape``. An encoder that is no stack of
    these is answered by one ``Dense``.

    Args:
        encoder: a layer or a model.
        input_shape: the shape of a batch of examples.
        output_activation: that of the last layer.

    Returns:
        A ``Sequential``.

    Raises:
        InputError: a convolution or a pooling whose shape cannot be led back.

    Example:
        >>> net = Sequential([Flatten(), Dense(100, activation="relu"), Dense(30)])
        >>> [type(layer).__name__ for layer in mirrored(net, (None, 28, 28)).layers]
        ['Dense', 'Dense', 'Reshape']
    """
    stack = stack_of(encoder)
    shapes = [tuple(input_shape)]
    for layer in stack:
        shapes.append(tuple(layer.compute_output_shape(shapes[-1])))
    if not all(isinstance(layer, tuple(ANSWERS) + LEFT_OUT) for layer in stack):
        parts = _by_one_dense(shapes[-1], shapes[0], output_activation)
    else:
        parts = []
        for place in reversed(range(len(stack))):
            answer = next(
                (a for kind, a in ANSWERS.items() if isinstance(stack[place], kind)), None
            )
            if answer is not None:
                activation = activation_before(stack[:place], output_activation)
                parts += answer(stack[place], shapes[place], activation)
    decoder = Sequential([make_input(shapes[-1][1:]), *parts])
    require_led_back(decoder.output_shape, input_shape)
    return decoder


def stack_of(encoder: Any) -> list[Layer]:
    """Return the layers of an encoder that is a stack, those of stacks within it too."""
    if not isinstance(encoder, Sequential):
        return [encoder]
    return [inner for layer in encoder.layers for inner in stack_of(layer)]


def require_led_back(made: Any, input_shape: Any) -> None:
    """Refuse a decoder whose outputs are not shaped as the examples."""
    if tuple(made[1:]) != tuple(input_shape[1:]):
        raise InputError(
            "the decoder does not lead back to the examples",
            expected=f"outputs of shape {tuple(input_shape)}",
            got=f"{tuple(made)}",
            fix="Give a decoder of your own, or an encoder whose strides divide the image's size.",
        )


def activation_before(stack: Sequence[Layer], last: Any) -> Any:
    """Return the activation that makes what a layer is given: the one that must come back."""
    if not any(isinstance(layer, Dense | Conv2D) for layer in stack):
        return last  # what comes back is the example itself
    for layer in reversed(stack):
        if isinstance(layer, ReLU):
            return "relu"
        if isinstance(layer, (LeakyReLU, *NORMALISATIONS)):
            return None
        activation = getattr(layer, "activation", None)
        if activation is not None:
            return activation
    return None


def _of_dense(layer: Any, shape: Shape, activation: Any) -> list[Layer]:
    del layer
    return [Dense(int(shape[-1] or 0), activation)]


def _of_convolution(layer: Any, shape: Shape, activation: Any) -> list[Layer]:
    return [
        Conv2DTranspose(
            int(shape[-1] or 0),
            layer.kernel_size,
            layer.strides,
            layer.padding,
            activation=activation,
        )
    ]


def _of_pooling(layer: Any, shape: Shape, activation: Any) -> list[Layer]:
    del shape, activation
    return [UpSampling2D(layer.strides)]


def _of_shape(layer: Any, shape: Shape, activation: Any) -> list[Layer]:
    del layer, activation
    return [] if len(shape) == 2 else [Reshape(tuple(int(size or 0) for size in shape[1:]))]


ANSWERS = {
    Dense: _of_dense,
    Conv2D: _of_convolution,
    MaxPooling2D: _of_pooling,
    AveragePooling2D: _of_pooling,
    Flatten: _of_shape,
    Reshape: _of_shape,
}


def _by_one_dense(features: Shape, shape: Shape, activation: Any) -> list[Layer]:
    sizes = [int(size or 0) for size in shape[1:]]
    flat = [] if len(features) == 2 else [Flatten()]
    return [*flat, Dense(int(np.prod(sizes)), activation), *_of_shape(None, shape, None)]


class TiedDecoder(Layer):
    """The way back through the very weights of an encoder: each kernel turned round.

    ``y = g(x Kᵀ + c)`` for each ``Dense`` of the encoder, the last first: half the weights, and
    less to overfit with. Only the biases c are its own; the kernels stay the encoder's.

    Args:
        encoder: a stack of ``Dense``, with ``Flatten`` before them, activations and dropout.
        output_activation: that of the last step.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, units)`` of the last ``Dense``; out: what the encoder takes.

    Raises:
        InputError: the encoder is no such stack.

    Example:
        >>> encoder = Sequential([Dense(3, input_shape=[8])])
        >>> decoder = TiedDecoder(encoder)
        >>> decoder(torch.ones(2, 3)).shape, len(decoder.weights)
        (torch.Size([2, 8]), 1)

    Reference:
        Vincent et al. 2008, "Extracting and Composing Robust Features with Denoising
        Autoencoders", section 2.2.
    """

    def __init__(self, encoder: Any, output_activation: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        stack = stack_of(encoder)
        tied = [place for place, layer in enumerate(stack) if isinstance(layer, Dense)]
        known = all(isinstance(layer, (Dense, Flatten, *LEFT_OUT)) for layer in stack)
        if not tied or not known:
            raise InputError(
                "the weights of this encoder cannot be tied",
                expected="a Sequential of Dense layers, with Flatten, activations and dropout",
                got=", ".join(type(layer).__name__ for layer in stack),
                fix="Leave out tied=True.",
            )
        # Around __setattr__, which would take them for layers inside this one.
        vars(self)["_sources"] = tuple(stack[place] for place in reversed(tied))
        vars(self)["_encoder"] = (encoder,)
        self._activations = [
            activations.get(activation_before(stack[:place], output_activation))
            for place in reversed(tied)
        ]
        self._biases: list[str] = []

    def build(self, input_shape: Shape) -> None:
        """Make the biases."""
        del input_shape
        self._biases = []
        for place, source in enumerate(vars(self)["_sources"]):
            name = f"bias_{place}"
            self.add_weight((source.kernel.shape[0],), "zeros", name=name)
            self._biases.append(name)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        outputs = inputs
        steps = zip(vars(self)["_sources"], self._activations, self._biases, strict=True)
        for source, activation, bias in steps:
            outputs = F.linear(outputs, source.kernel, getattr(self, bias))
            outputs = outputs if activation is None else activation(outputs)
        shape = vars(self)["_encoder"][0].input_shape[1:]
        return outputs if len(shape) == 1 else outputs.reshape(-1, *shape)
