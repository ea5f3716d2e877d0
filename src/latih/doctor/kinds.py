"""What a module is, by its class: what it multiplies by, what it does to sums, what it is for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from latih.activations import ACTIVATIONS
from latih.initializers import Initializer, VarianceScaling
from latih.registry import to_snake_case

UNKNOWN = "?"
"""The name of an activation that nobody knows."""

OWN = ("torch", "latih")
"""The packages whose classes do what their names say."""

ACTIVATION_OF_CLASS: Mapping[str, str] = {
    "ReLU": "relu",
    "ReLU6": "relu6",
    "LeakyReLU": "leaky_relu",
    "RReLU": "leaky_relu",
    "PReLU": "prelu",
    "ELU": "elu",
    "SELU": "selu",
    "CELU": "celu",
    "GELU": "gelu",
    "SiLU": "silu",
    "Mish": "mish",
    "GLU": "glu",
    "Sigmoid": "sigmoid",
    "Hardsigmoid": "hard_sigmoid",
    "LogSigmoid": "log_sigmoid",
    "Tanh": "tanh",
    "Hardtanh": "hard_tanh",
    "Tanhshrink": "tanh_shrink",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Softmax": "softmax",
    "Softmax2d": "softmax",
    "LogSoftmax": "log_softmax",
    "Hardswish": "hard_silu",
    "Softshrink": "soft_shrink",
    "Hardshrink": "hard_shrink",
    "Threshold": "threshold",
}
"""Activations that are layers of their own, of Latih or of torch."""

ACTIVATION_OF_FUNCTION: Mapping[str, str] = {
    **{function.__name__: function.__name__ for function in ACTIVATIONS.functions},
    "exp": "exponential",
    "expit": "sigmoid",
    "special_expit": "sigmoid",
    "hardsigmoid": "hard_sigmoid",
    "hardswish": "hard_silu",
    "hardtanh": "hard_tanh",
    "hardshrink": "hard_shrink",
    "softshrink": "soft_shrink",
    "tanhshrink": "tanh_shrink",
    "logsigmoid": "log_sigmoid",
    "prelu": "prelu",
    "rrelu": "leaky_relu",
    "swish": "silu",
}
"""Activations that are functions, by their names there."""

NORMALIZATIONS = frozenset(
    (
        *("BatchNormalization", "LayerNormalization", "GroupNormalization", "Normalization"),
        *(f"{kind}{rank}d" for kind in ("BatchNorm", "InstanceNorm") for rank in (1, 2, 3)),
        *("SyncBatchNorm", "LayerNorm", "GroupNorm", "LocalResponseNorm", "RMSNorm"),
    )
)
DROPOUTS = frozenset(
    (
        *("Dropout", "MCDropout", "AlphaDropout", "GaussianDropout", "SpatialDropout2D"),
        *("Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"),
    )
)
KERNELS = ("kernel", "pointwise_kernel", "embeddings", "weight", "in_proj_weight")
"""What layers call the weight that they multiply by."""

INITIALIZERS = ("kernel_initializer", "pointwise_initializer", "embeddings_initializer")
MEMBERS: Mapping[tuple[float, str, str], str] = {
    (1.0, "fan_avg", "uniform"): "glorot_uniform",
    (1.0, "fan_avg", "truncated_normal"): "glorot_normal",
    (2.0, "fan_in", "uniform"): "he_uniform",
    (2.0, "fan_in", "truncated_normal"): "he_normal",
    (1.0, "fan_in", "uniform"): "lecun_uniform",
    (1.0, "fan_in", "truncated_normal"): "lecun_normal",
}
"""The names of VarianceScaling's members, by its arguments."""


@dataclass(frozen=True)
class Kernel:
    """The weight that a module multiplies by.

    Args:
        weight: itself.
        units: the same numbers, one row for each unit.
        is_table: whether rows are looked up and not multiplied.
    """

    weight: torch.Tensor
    units: torch.Tensor
    is_table: bool = False


def class_of(module: nn.Module) -> str:
    """Return the class of Latih or torch whose code the module runs; empty for the user's own.

    Example:
        >>> theirs = {"__module__": "theirs"}
        >>> loud = type("Loud", (nn.ReLU,), theirs)
        >>> other = type("Other", (nn.ReLU,), {**theirs, "forward": lambda self, x: -x})
        >>> class_of(loud()), class_of(other())
        ('ReLU', '')
    """
    for kind in type(module).__mro__:
        if kind.__module__.split(".")[0] in OWN:
            return kind.__name__.removeprefix("Parametrized")
        if "call" in vars(kind) or "forward" in vars(kind):
            return ""
    return ""


def activation_name(activation: Any) -> str | None:
    """Return what an activation is called: None for none, ``"?"`` if nobody knows.

    Args:
        activation: a function, or a layer that is one.

    Example:
        >>> activation_name(torch.sigmoid), activation_name(lambda x: x), activation_name(None)
        ('sigmoid', '?', None)
    """
    if activation is None or isinstance(activation, nn.Identity):
        return None
    if isinstance(activation, nn.Module):
        return activation_of(activation) or UNKNOWN
    name = getattr(activation, "__name__", "").rstrip("_")
    module = getattr(activation, "__module__", None) or "torch"  # its built-in functions have none
    if module.split(".")[0] not in OWN:
        return UNKNOWN
    if name == "linear":
        return None
    return ACTIVATION_OF_FUNCTION.get(name, UNKNOWN)


def activation_of(module: nn.Module) -> str | None:
    """Return the activation that a module itself applies: None for none.

    Example:
        >>> from latih.layers import Dense
        >>> [activation_of(one) for one in (Dense(1, "tanh"), nn.ReLU(), nn.Linear(1, 1))]
        ['tanh', 'relu', None]
    """
    kind = class_of(module)
    if kind in ("ReLU", "LeakyReLU") and getattr(module, "negative_slope", 0.0):
        return "leaky_relu"
    if kind in ACTIVATION_OF_CLASS:
        return ACTIVATION_OF_CLASS[kind]
    return activation_name(getattr(module, "activation", None))


def kernel_of(module: nn.Module) -> Kernel | None:
    """Return the weight that a module multiplies by; None if it has none.

    Shapes:
        units: ``(units, fan_in)``.

    Example:
        >>> kernel = kernel_of(nn.Conv2d(3, 8, 5))
        >>> kernel.units.shape
        torch.Size([8, 75])
    """
    kind = class_of(module)
    if kind in ACTIVATION_OF_CLASS or kind in NORMALIZATIONS:
        return None
    own = dict(module.named_parameters(recurse=False))
    parametrised: Any = getattr(module, "parametrizations", ())
    own.update({name: getattr(module, name) for name in parametrised})
    matrices = {name: w for name, w in own.items() if w.ndim >= 2 and w.numel()}
    if not matrices:
        return None
    largest = max(matrices, key=lambda name: matrices[name].numel())
    weight = matrices[next((name for name in KERNELS if name in matrices), largest)]
    return Kernel(weight, _units(weight.detach(), kind), is_table=kind.startswith("Embedding"))


def _units(weight: torch.Tensor, kind: str) -> torch.Tensor:
    """Return the kernel as rows of units."""
    if kind.startswith("ConvTranspose"):
        return weight.transpose(0, 1).flatten(1)  # (in, out, ...) in torch
    if kind in ("Linear", "Bilinear", "LazyLinear") or kind.startswith(("Conv1d", "Conv2d")):
        return weight.flatten(1)
    if kind.startswith(("Conv3d", "LazyConv", "Embedding", "LSTM", "GRU", "RNN", "Multihead")):
        return weight.flatten(1)
    if "Transpose" in kind:
        return weight.movedim(-2, 0).flatten(1)  # (..., out, in)
    if kind == "DepthwiseConv2D":
        return weight.flatten(-2).movedim(-1, 0).flatten(1)  # (..., channels, multiplier)
    return weight.reshape(-1, weight.shape[-1]).T


def initializer_of(module: nn.Module) -> str | None:
    """Return how a layer's kernel started: ``"he_normal"``, ``"constant"``, ...

    Example:
        >>> from latih.layers import Dense
        >>> initializer_of(Dense(1)), initializer_of(nn.Linear(1, 1))
        ('glorot_uniform', None)
    """
    # A depthwise convolution has no other.
    names = (*INITIALIZERS, "depthwise_initializer")
    given = next((vars(module)[name] for name in names if name in vars(module)), None)
    if given is None:
        return None
    if isinstance(given, VarianceScaling):
        key = (float(given.scale), given.mode, given.distribution)
        return MEMBERS.get(key, "variance_scaling")
    if isinstance(given, Initializer) or callable(given):
        return to_snake_case(getattr(given, "__name__", type(given).__name__))
    return UNKNOWN


def dropout_of(module: nn.Module) -> float:
    """Return the share of its inputs that a module drops in training.

    Example:
        >>> dropout_of(nn.Dropout(0.3)), dropout_of(nn.ReLU())
        (0.3, 0.0)
    """
    if class_of(module) not in DROPOUTS:
        return 0.0
    return float(getattr(module, "rate", getattr(module, "p", 0.0)))


def is_normalization(module: nn.Module) -> bool:
    """Say whether a module normalises.

    Example:
        >>> is_normalization(nn.LayerNorm(3)), is_normalization(nn.Linear(3, 3))
        (True, False)
    """
    return class_of(module) in NORMALIZATIONS
