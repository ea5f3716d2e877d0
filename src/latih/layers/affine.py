"""γ and β: the scale and the centre that a net chooses for itself once it is normalised."""

from typing import Any

import torch

from latih import constraints, initializers, regularizers
from latih.layers.base import Layer
from latih.tensors import HALVES


class Affine(Layer):
    """The base of normalisations: what they do with γ and β is the same.

    Args:
        center: whether β is added.
        scale: whether γ multiplies.
        beta_initializer: how β starts.
        gamma_initializer: how γ starts.
        beta_regularizer: a penalty on β.
        gamma_regularizer: a penalty on γ.
        beta_constraint: where β is put back after each update.
        gamma_constraint: where γ is put back after each update.
        kwargs: arguments of :class:`~latih.layers.Layer`.
    """

    def __init__(
        self,
        *,
        center: bool,
        scale: bool,
        beta_initializer: Any,
        gamma_initializer: Any,
        beta_regularizer: Any,
        gamma_regularizer: Any,
        beta_constraint: Any,
        gamma_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.center, self.scale = center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        # Statistics are taken of the inputs as they come, and in float32 at least.
        self.autocast = False
        self.gamma: torch.Tensor | None = None
        self.beta: torch.Tensor | None = None

    def calculate_in(self, kind: torch.dtype) -> None:
        """Calculate in a type from now on, and take statistics in it or in float32."""
        super().calculate_in(kind)
        # That of the weights: a sum in a half precision loses what is added late.
        self._statistics_type = torch.float32 if kind in HALVES else kind

    def add_affine_weights(self, shape: tuple[int, ...]) -> None:
        """Make γ and β, in the order of Keras's files, as far as they are asked for.

        Under a mixed policy they and the statistics stay in float32.
        """
        if self.scale:
            self.gamma = self.add_weight(
                shape,
                self.gamma_initializer,
                autocast=False,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                name="gamma",
            )
        if self.center:
            self.beta = self.add_weight(
                shape,
                self.beta_initializer,
                autocast=False,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                name="beta",
            )
