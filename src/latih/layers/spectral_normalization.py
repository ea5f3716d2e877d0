"""A layer whose kernel cannot lengthen its inputs."""

from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F

from latih import config, initializers
from latih.arguments import whole
from latih.errors import InputError
from latih.layers.base import Layer, Weight
from latih.layers.wrapper import Wrapper
from latih.tensors import Shape


class SpectralNormalization(Wrapper):
    """In training, divide a layer's kernel by its largest singular value σ before each use.

    The layer is then 1-Lipschitz: it keeps the discriminator of a GAN, and any deep net, from
    growing steep. σ comes from power iteration, one round a step from where the last step ended:
    ``v = K u / ‖K u‖``, ``u = Kᵀ v / ‖Kᵀ v‖``, ``σ = vᵀ K u``, with the kernel as a matrix whose
    columns are the outputs.

    As in Keras, and unlike torch's parametrisation, the kernel itself is overwritten with
    ``K / σ``, and gradients do not go through σ.

    Args:
        layer: a layer that has a ``kernel`` or ``embeddings``.
        power_iterations: rounds a step, >= 1.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: the inner layer's; u: ``(1, outputs)``.

    Raises:
        InputError: the layer has neither, or ``power_iterations`` is below 1.

    Example:
        >>> from latih.layers import Dense
        >>> layer = SpectralNormalization(Dense(3), power_iterations=50)
        >>> _ = layer(torch.ones(2, 4), training=True)
        >>> round(torch.linalg.matrix_norm(layer.layer.kernel, 2).item(), 3)
        1.0

    Reference:
        Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks",
        algorithm 1.
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations = whole(
            power_iterations, "power_iterations", "SpectralNormalization", least=1
        )
        self._attribute = ""

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape."""
        self.build_inner(input_shape)
        known = {weight.attribute for weight in self.layer.own_weights()}
        self._attribute = next((n for n in ("kernel", "embeddings") if n in known), "")
        if not self._attribute:
            raise InputError(
                f"{self.name!r} cannot be built",
                expected="a layer with a `kernel` or `embeddings`",
                got=f"{type(self.layer).__name__}, whose weights are {sorted(known)}",
            )
        self.vector_u = self.add_weight(
            (1, self.kernel.shape[-1]),
            initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            autocast=False,
            name="vector_u",
        )

    @property
    def kernel(self) -> torch.Tensor:
        """The inner layer's weight that is normalised, itself: it is overwritten."""
        return self.layer.kept_weight(self._attribute)

    def call(self, inputs: torch.Tensor, training: bool = False) -> torch.Tensor:
        """Return the outputs of a batch."""
        if training:
            with torch.no_grad():
                self._normalise()
        return self.layer(inputs)

    def _normalise(self) -> None:
        kernel = self.kernel
        matrix = kernel.reshape(-1, kernel.shape[-1])
        u = v = self.vector_u
        for _ in range(self.power_iterations):
            v = F.normalize(u @ matrix.T, dim=1, eps=config.epsilon())
            u = F.normalize(v @ matrix, dim=1, eps=config.epsilon())
        sigma = ((v @ matrix) * u).sum()
        # A kernel of zeros has no direction: it stays, and u too. Told without asking the device.
        is_zero = matrix.count_nonzero() == 0
        self.vector_u.copy_(u.where(~is_zero, self.vector_u))
        kernel.div_(sigma.masked_fill(is_zero, 1.0))

    # In Keras the kernel is a weight of the wrapper's too: it comes first, and lies in files twice.

    def own_weights(self) -> list[Weight]:
        """Return what is known of the kernel and of u."""
        kernel = [replace(weight, attribute="kernel") for weight in self._inner_kernel()]
        return kernel + super().own_weights()

    def _inner_kernel(self) -> list[Weight]:
        # None before it is built.
        return [w for w in self.layer.own_weights() if w.attribute == self._attribute]
