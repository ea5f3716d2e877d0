"""Keeping what passes through a deep net centred and scaled, one example at a time."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from latih.arguments import number, whole
from latih.errors import InputError
from latih.layers.affine import Affine
from latih.tensors import Shape


class LayerNormalization(Affine):
    """Centre and scale each example by its own statistics, then let the net choose its own.

    It does not look at the rest of the batch, so it is the same in training and inference and for
    a batch of one.

    ``γ (x - μ) / √(σ² + ε) + β`` with the mean μ and the (biased) variance σ² over ``axis``.

    Args:
        axis: the axis or axes whose numbers are taken together.
        epsilon: ε, > 0.
        center: whether β is added.
        scale: whether γ multiplies.
        beta_initializer: how β starts.
        gamma_initializer: how γ starts.
        beta_regularizer: a penalty on β.
        gamma_regularizer: a penalty on γ.
        beta_constraint: where β is put back after each update.
        gamma_constraint: where γ is put back after each update.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, ..., d)``; γ and β: the sizes of ``axis``.

    Raises:
        InputError: an axis that the inputs do not have, the batch's, or one of unknown size.

    Example:
        >>> layer = LayerNormalization(center=False, scale=False)
        >>> layer(torch.tensor([[0.0, 2.0]])).round(decimals=2)
        tensor([[-1.,  1.]])

    Reference:
        Ba, Kiros & Hinton 2016, equation 3.
    """

    # What Keras once called so scaled by the variance, by mistake, and is no longer to be used.
    neutral_config = {"rms_scaling": False}

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            **kwargs,
        )
        if isinstance(axis, list | tuple):
            self.axis: int | list[int] = [whole(a, "axis", "LayerNormalization") for a in axis]
        else:
            self.axis = whole(axis, "axis", "LayerNormalization")
        self.epsilon = number(epsilon, "epsilon", "LayerNormalization", least=0)

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape."""
        rank = len(input_shape)
        asked = [self.axis] if isinstance(self.axis, int) else self.axis
        axes = sorted({axis % rank for axis in asked if -rank <= axis < rank})
        sizes = tuple(size for size in (input_shape[a] for a in axes if a) if size is not None)
        if not sizes or len(sizes) < len(asked):
            raise InputError(
                f"{self.name!r} cannot be built",
                expected="one axis or more of known size, none of them twice or the batch's",
                got=f"shape {input_shape} and axis {self.axis}",
            )
        self.add_affine_weights(sizes)
        self._sizes, self._axes = sizes, axes
        self._last = list(range(-len(axes), 0))
        self._are_last = axes == list(range(rank - len(axes), rank))

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        # PyTorch's kernel wants the axes last.
        if inputs.dtype is not self._statistics_type:
            inputs = inputs.to(self._statistics_type)
        moved = inputs if self._are_last else inputs.movedim(self._axes, self._last)
        if moved.shape[-len(self._sizes) :] != self._sizes:
            raise InputError(
                f"{self.name!r} cannot take its inputs",
                expected=f"{self._sizes} numbers in axes {self.axis}",
                got=f"shape {tuple(inputs.shape)}",
            )
        outputs = F.layer_norm(moved, self._sizes, self.gamma, self.beta, self.epsilon)
        if outputs.dtype is not self._compute_type:
            outputs = outputs.to(self._compute_type)
        return outputs if self._are_last else outputs.movedim(self._last, self._axes)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return input_shape
