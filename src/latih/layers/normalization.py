"""Keeping what passes through a deep net centred and scaled, by what the batch is like."""

from typing import Any

import torch
import torch.nn.functional as F

from latih import initializers
from latih.arguments import number, whole
from latih.errors import InputError
from latih.layers.affine import Affine
from latih.tensors import Shape


class BatchNormalization(Affine):
    """Centre and scale every feature by the batch's statistics, then let the net choose its own.

    It lets gradients through a deep net whatever the layers before it do, allows higher learning
    rates and makes initial weights matter less.

    Training: ``γ (x - μ) / √(σ² + ε) + β`` with the batch's mean μ and (biased) variance σ², and
    ``moving ← momentum · moving + (1 - momentum) · batch``. Inference, and whenever the layer is
    frozen: the same with the moving statistics, which stay as they are.

    Args:
        axis: the axis of the features.
        momentum: the weight of the *old* moving statistics, 0..1.
        epsilon: ε, > 0.
        center: whether β is added.
        scale: whether γ multiplies.
        beta_initializer: how β starts.
        gamma_initializer: how γ starts.
        moving_mean_initializer: how the moving mean starts.
        moving_variance_initializer: how the moving variance starts.
        beta_regularizer: a penalty on β.
        gamma_regularizer: a penalty on γ.
        beta_constraint: where β is put back after each update.
        gamma_constraint: where γ is put back after each update.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, ..., d)``; γ, β and both statistics: ``(d,)``.

    Example:
        >>> BatchNormalization()(torch.tensor([[0.0], [2.0]]), training=True).round(decimals=2)
        tensor([[-1.],
                [ 1.]], grad_fn=<RoundBackward1>)

    Reference:
        Ioffe & Szegedy 2015, algorithm 1.
    """

    neutral_config = {
        "synchronized": False,
        "renorm": False,
        "renorm_clipping": None,
        "renorm_momentum": 0.99,
    }

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
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
        # PyTorch's kernel takes bfloat16 and reckons in float32 itself: no copy is needed.
        self.autocast = True
        self.axis = whole(axis, "axis", "BatchNormalization")
        self.momentum = number(momentum, "momentum", "BatchNormalization", least=0, most=1)
        self.epsilon = number(epsilon, "epsilon", "BatchNormalization", least=0)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape."""
        axes = len(input_shape)
        if axes < 2 or not -axes <= self.axis < axes or self.axis in (0, -axes):
            raise InputError(
                f"{self.name!r} cannot be built",
                expected="inputs of two axes or more, and an axis other than the batch's",
                got=f"shape {input_shape} and axis {self.axis}",
            )
        features = input_shape[self.axis]
        if features is None:
            raise InputError(
                f"{self.name!r} cannot be built",
                expected="a known number of features",
                got=f"shape {input_shape}",
                fix="Give the size in Input().",
            )
        shape = (features,)
        self.add_affine_weights(shape)
        self.moving_mean = self.add_weight(
            shape, self.moving_mean_initializer, trainable=False, autocast=False, name="moving_mean"
        )
        self.moving_variance = self.add_weight(
            shape,
            self.moving_variance_initializer,
            trainable=False,
            autocast=False,
            name="moving_variance",
        )

    def call(self, inputs: torch.Tensor, training: bool | None = None) -> torch.Tensor:
        """Return the outputs of a batch."""
        if inputs.shape[self.axis] != self.moving_mean.shape[0]:
            raise InputError(
                f"{self.name!r} cannot take its inputs",
                expected=f"{self.moving_mean.shape[0]} features in axis {self.axis}",
                got=f"shape {tuple(inputs.shape)}",
            )
        # PyTorch wants the features in axis 1.
        features_second = inputs.movedim(self.axis, 1)
        if training and self.trainable:
            outputs = self._by_batch_statistics(features_second)
        else:
            outputs = F.batch_norm(
                features_second,
                self.moving_mean,
                self.moving_variance,
                self.gamma,
                self.beta,
                training=False,
                eps=self.epsilon,
            )
        return outputs.movedim(1, self.axis)

    def _by_batch_statistics(self, inputs: torch.Tensor) -> torch.Tensor:
        # The kernel below F.batch_norm, since it also returns the statistics: PyTorch's own moving
        # variance would be the unbiased one, which is not Keras's.
        if self.gamma is None and self.beta is None:
            # It is the type of γ or β that tells the kernel in which one to reckon.
            inputs = inputs.to(self._statistics_type)
        outputs, mean, inverse_deviation = torch.native_batch_norm(
            inputs, self.gamma, self.beta, None, None, True, 0.0, self.epsilon
        )
        with torch.no_grad():
            variance = inverse_deviation.pow(-2).sub_(self.epsilon)
            self.moving_mean.lerp_(mean, 1.0 - self.momentum)
            self.moving_variance.lerp_(variance, 1.0 - self.momentum)
        return outputs if outputs.dtype is self._compute_type else outputs.to(self._compute_type)

    def keeps_statistics(self) -> bool:
        """Say that training changes the moving statistics."""
        return True

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return input_shape
