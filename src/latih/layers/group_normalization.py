"""Keeping what passes through a deep net centred and scaled, one group of features at a time."""

from typing import Any

import torch

from latih.arguments import number, whole
from latih.errors import InputError
from latih.layers.affine import Affine
from latih.tensors import Shape


class GroupNormalization(Affine):
    """Centre and scale each group of an example's features, then let the net choose its own.

    For images when memory allows only few examples a batch, where the batch's statistics are too
    noisy to normalise by.

    ``γ (x - μ) / √(σ² + ε) + β`` with the mean μ and the (biased) variance σ² of one example over
    all its places and the features of one group.

    Args:
        groups: how many groups of neighbouring features; -1 for each feature alone, which is
            instance normalisation.
        axis: the axis of the features.
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
        in and out: ``(n, ..., d)``; γ and β: ``(d,)``.

    Raises:
        InputError: the features do not divide into the groups, or their axis is not to be had.

    Example:
        >>> layer = GroupNormalization(2, center=False, scale=False)
        >>> layer(torch.tensor([[0.0, 2.0, 10.0, 30.0]])).round(decimals=2)
        tensor([[-1.,  1., -1.,  1.]])

    Reference:
        Wu & He 2018, equations 2 and 7.
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
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
        self.groups = whole(groups, "groups", "GroupNormalization", least=-1)
        if self.groups == 0:
            raise InputError(
                "`groups` of GroupNormalization cannot be used",
                expected="a whole number >= 1, or -1 for each feature alone",
                got="0",
            )
        self.axis = whole(axis, "axis", "GroupNormalization")
        self.epsilon = number(epsilon, "epsilon", "GroupNormalization", least=0)

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape."""
        axes = len(input_shape)
        features = input_shape[self.axis] if -axes <= self.axis < axes else None
        if features is None or self.axis in (0, -axes):
            raise InputError(
                f"{self.name!r} cannot be built",
                expected="an axis other than the batch's with a known number of features",
                got=f"shape {input_shape} and axis {self.axis}",
            )
        self._groups = features if self.groups == -1 else self.groups
        if features % self._groups:
            raise InputError(
                f"{self.name!r} cannot be built",
                expected=f"a number of features that {self._groups} groups divide",
                got=str(features),
                fix="Give groups= a divisor of the number of features.",
            )
        self._features = features
        self.add_affine_weights((features,))

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        if inputs.shape[self.axis] != self._features:
            raise InputError(
                f"{self.name!r} cannot take its inputs",
                expected=f"{self._features} features in axis {self.axis}",
                got=f"shape {tuple(inputs.shape)}",
            )
        # PyTorch wants the features in axis 1. Its functional form would refuse a batch of one.
        moved = inputs.to(self._statistics_type).movedim(self.axis, 1)
        if torch.is_grad_enabled() and not moved.requires_grad:
            # PyTorch's backward pass for channels that are last in memory writes the inputs'
            # gradient though nobody asks for it, and so ends the process.
            moved = moved.contiguous()
        outputs = torch.group_norm(moved, self._groups, self.gamma, self.beta, self.epsilon)
        return outputs.to(self._compute_type).movedim(1, self.axis)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return input_shape
