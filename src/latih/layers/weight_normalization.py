"""A kernel as its direction and its length."""

from typing import Any

import torch

from latih.errors import InputError
from latih.layers.base import Layer
from latih.layers.preactivation import preactivation
from latih.layers.wrapper import Wrapper
from latih.tensors import Shape


class WeightNormalization(Wrapper):
    """Learn a layer's kernel as a length g and a direction v for each unit: ``w = g v / ‖v‖``.

    Steps along the one no longer disturb the other, which speeds up training much as batch
    normalisation does, without looking at the batch. v is the inner layer's ``kernel``: penalties
    and bounds on it are on v.

    With ``data_init`` the first training step starts from data: g and the bias are set so that
    every unit's sums t over that batch have mean 0 and variance 1, ``g = 1 / σ[t]`` and
    ``b = -μ[t] / σ[t]`` where t is reckoned with g one and b zero. That it is done is a weight, so
    it is saved, restored and undone with the others, and never done twice. Units that give every
    example of that batch the same stay as they are.

    Args:
        layer: a layer that has a ``kernel`` whose last axis is its outputs. (Of a transposed
            convolution it is the inputs, as in torch's default.)
        data_init: whether the first training batch sets g and the bias.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: the inner layer's; g: the size of the kernel's last axis.

    Raises:
        InputError: the layer has no ``kernel``.

    Example:
        >>> from latih.layers import Dense
        >>> layer = WeightNormalization(Dense(3))
        >>> sums = layer(torch.randn(100, 4), training=True)
        >>> torch.allclose(sums.std(dim=0, correction=0), torch.ones(3), atol=1e-3)
        True

    Reference:
        Salimans & Kingma 2016, equation 2; the start from data is equations 5 and 6.
    """

    keras_module = "latih.layers"

    def __init__(self, layer: Layer, data_init: bool = True, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.data_init = bool(data_init)

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape."""
        self.build_inner(input_shape)
        known = [weight.attribute for weight in self.layer.own_weights()]
        if "kernel" not in known:
            raise InputError(
                f"{self.name!r} cannot be built",
                expected="a layer with a `kernel`",
                got=f"{type(self.layer).__name__}, whose weights are {sorted(known)}",
            )
        v = self._v
        self._last = v.ndim - 1
        # Lengths are reckoned in float32; the inner layer casts what comes of them.
        self.g = self.add_weight((v.shape[-1],), "ones", autocast=False, name="g")
        with torch.no_grad():  # so that w begins as the kernel was drawn
            self.g.copy_(v.square().sum(dim=tuple(range(self._last))).sqrt())
        if self.data_init:
            self.is_started = self.add_weight(
                (), "zeros", trainable=False, autocast=False, name="is_started"
            )
            self._has_started, self._seen_started = False, -1

    @property
    def _v(self) -> torch.Tensor:
        return self.layer.kept_weight("kernel")

    def call(self, inputs: torch.Tensor, training: bool = False) -> torch.Tensor:
        """Return the outputs of a batch."""
        if training and self.data_init and self.trainable:
            self._start_once(inputs)
        return torch.func.functional_call(self.layer, {"kernel": self._w(self.g)}, (inputs,))

    def _w(self, g: torch.Tensor) -> torch.Tensor:
        # The kernel below torch.nn.utils.parametrizations.weight_norm: g v / ‖v‖ in one go.
        lengths = g.view([1] * self._last + [-1])
        return torch._weight_norm(self._v, lengths, self._last)  # pyright: ignore

    def settle(self) -> None:
        """Read whether it has started; again only after somebody has written to that weight."""
        if not self.data_init or not self.trainable or self.is_started.is_inference():
            return
        if self.is_started._version != self._seen_started:
            self._has_started = bool(self.is_started.item())
            self._seen_started = self.is_started._version

    def _start_once(self, inputs: torch.Tensor) -> None:
        self.settle()
        if not self._has_started:
            with torch.no_grad():
                self._start(inputs)
            self.settle()

    def _start(self, inputs: torch.Tensor) -> None:
        has_bias = getattr(self.layer, "bias", None) is not None
        bias: torch.Tensor | None = self.layer.kept_weight("bias") if has_bias else None
        stand_ins = {"kernel": self._w(torch.ones_like(self.g))}
        if bias is not None:
            stand_ins["bias"] = torch.zeros_like(bias)
        sums = preactivation(self.layer, inputs, stand_ins)
        sums = sums.to(self.g.dtype).flatten(0, -2)
        deviation, mean = torch.std_mean(sums, dim=0, correction=0)
        varies = deviation > 0
        self.g.copy_(deviation.reciprocal().where(varies, self.g))
        if bias is not None:
            bias.copy_((-mean / deviation).where(varies, bias))
        self.is_started.fill_(1.0)
