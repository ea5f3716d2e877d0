"""MobileNetV2: inverted residuals, as torchvision builds and trains them."""

from collections.abc import Iterator, Sequence
from typing import Any

from latih import layers
from latih.applications.heads import Head, begun
from latih.applications.imagenet import decode_predictions as decode_predictions
from latih.applications.pretrained import Pretrained, fill
from latih.applications.torch_names import Names
from latih.applications.torchvision_inputs import preprocess_input as preprocess_input
from latih.applications.torchvision_inputs import preprocessing as preprocessing
from latih.arguments import number
from latih.errors import InputError
from latih.initializers import VarianceScaling
from latih.layers import Layer
from latih.models import Model
from latih.symbolic import SymbolicTensor

DEFAULT_SIZE = 224
FEATURES = 1280
DROPOUT = 0.2

# PyTorch's: its momentum of 0.1 is the weight of the new statistics.
MOMENTUM, EPSILON = 0.9, 1e-5

EXPANSION_FILTERS_BLOCKS_STRIDE = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Table 2 of the paper."""


def MobileNetV2(
    input_shape: Sequence[int | None] | None = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "mobilenet_v2",
) -> Model:
    """Return MobileNetV2 as torchvision builds it: 72% of ImageNet named right, by its own count.

    Its layers, their names and arguments are Keras's, its numbers torchvision's, whose weights it
    takes: zeros on both sides before a stride, and batch normalisation with ε = 1e-5. Keras's own
    MobileNetV2 is another in both: read its files by :func:`latih.models.load_model`.

    It takes images as :func:`preprocess_input` makes them.

    Args:
        input_shape: ``(height, width, channels)``, at least 32 by 32.
        alpha: how wide each layer is, as a part of the published one; weights of ImageNet are of 1.
        include_top: whether the layers that name the classes are there.
        weights: ``"imagenet"``; None for fresh ones; or a file: ``.pth``, ``.pt`` or
            ``.safetensors`` of PyTorch, ``.weights.h5`` or ``.keras`` of Latih or Keras.
        input_tensor: what ``Input()`` or layers returned, to go on from there.
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
        >>> base = MobileNetV2((96, 96, 3), include_top=False, weights=None, pooling="avg")
        >>> base.output_shape, base.count_params()
        ((None, 1280), 2257984)

    Reference:
        Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", table 2.
    """
    owner = "MobileNetV2"
    alpha = number(alpha, "alpha", owner, above=0)
    if weights == "imagenet" and alpha != 1:
        raise InputError(
            "`alpha` of MobileNetV2 does not fit the weights of ImageNet",
            expected="1",
            got=str(alpha),
            fix="Give weights=None, or a file of a network of this width.",
        )
    head = Head(owner, include_top, pooling, classes, classifier_activation, DROPOUT, weights)
    inputs = begun(owner, input_shape, input_tensor, DEFAULT_SIZE, include_top, weights)
    x = layers.ZeroPadding2D(1, name="Conv1_pad")(inputs)
    x = _convolution(_divisible(32 * alpha), 3, 2, "Conv1")(x)
    x = layers.ReLU(6.0, name="Conv1_relu")(_normalised(x, "bn_Conv1"))
    for prefix, expansion, filters, stride, _ in _blocks():
        x = _block(x, prefix, expansion, _divisible(filters * alpha), stride)
    x = _convolution(_divisible(FEATURES * max(1.0, alpha)), 1, 1, "Conv_1")(x)
    x = layers.ReLU(6.0, name="out_relu")(_normalised(x, "Conv_1_bn"))
    model = Model(inputs, head.on(x), name=name)
    fill(model, weights, PRETRAINED, NAMES)
    return model


def _divisible(filters: float) -> int:
    """Return the multiple of 8 that is nearest, and not more than a tenth smaller.

    Example:
        >>> _divisible(32 * 0.35), _divisible(24 * 0.75)
        (16, 24)
    """
    nearest = max(8, int(filters + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * filters else nearest


def _blocks() -> Iterator[tuple[str, int, int, int, tuple[int, int, int]]]:
    """Yield each block's prefix and numbers, and where it stands in files of PyTorch."""
    count = 0
    for number_, (expansion, filters, blocks, stride) in enumerate(EXPANSION_FILTERS_BLOCKS_STRIDE):
        for repeat in range(blocks):
            prefix = f"block_{count}_" if count else "expanded_conv_"
            place = (count + 1, number_, repeat)
            yield prefix, expansion, filters, 1 if repeat else stride, place
            count += 1


def _block(
    inputs: SymbolicTensor, prefix: str, expansion: int, filters: int, stride: int
) -> SymbolicTensor:
    narrow = inputs.shape[-1]
    assert narrow is not None
    x = inputs
    if expansion > 1:
        x = _convolution(narrow * expansion, 1, 1, f"{prefix}expand")(x)
        x = _normalised(x, f"{prefix}expand_BN")
        x = layers.ReLU(6.0, name=f"{prefix}expand_relu")(x)
    if stride > 1:
        x = layers.ZeroPadding2D(1, name=f"{prefix}pad")(x)
    x = layers.DepthwiseConv2D(
        3,
        stride,
        padding="valid" if stride > 1 else "same",
        use_bias=False,
        depthwise_initializer=VarianceScaling(2.0, "fan_out", "untruncated_normal"),
        name=f"{prefix}depthwise",
    )(x)
    x = _normalised(x, f"{prefix}depthwise_BN")
    x = layers.ReLU(6.0, name=f"{prefix}depthwise_relu")(x)
    x = _normalised(_convolution(filters, 1, 1, f"{prefix}project")(x), f"{prefix}project_BN")
    if stride == 1 and narrow == filters:
        x = layers.Add(name=f"{prefix}add")([inputs, x])
    return x


def _convolution(filters: int, size: int, stride: int, name: str) -> Layer:
    return layers.Conv2D(
        filters,
        size,
        stride,
        use_bias=False,
        kernel_initializer=VarianceScaling(2.0, "fan_out", "untruncated_normal"),
        name=name,
    )


def _normalised(x: SymbolicTensor, name: str) -> SymbolicTensor:
    return layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=name)(x)


def _names() -> Names:
    """Return what torchvision, the net's first port to PyTorch and timm call each module."""
    vision = {"Conv1": "features.0.0", "bn_Conv1": "features.0.1"}
    vision |= {"Conv_1": "features.18.0", "Conv_1_bn": "features.18.1"}
    port = dict(vision)
    timm = {"Conv1": "conv_stem", "bn_Conv1": "bn1", "Conv_1": "conv_head", "Conv_1_bn": "bn2"}
    for prefix, expansion, _, _, (count, stage, repeat) in _blocks():
        parts = ["depthwise", "depthwise_BN", "project", "project_BN"]
        visions, ports = ["0.0", "0.1", "1", "2"], ["0", "1", "3", "4"]
        timms = ["conv_dw", "bn1", "conv_pw", "bn2"]
        if expansion > 1:
            parts = ["expand", "expand_BN", *parts]
            visions, ports = ["0.0", "0.1", "1.0", "1.1", "2", "3"], ["0", "1", "3", "4", "6", "7"]
            timms = ["conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"]
        own = [prefix + part for part in parts]
        vision |= {a: f"features.{count}.conv.{b}" for a, b in zip(own, visions, strict=True)}
        port |= {a: f"features.{count}.conv.{b}" for a, b in zip(own, ports, strict=True)}
        timm |= {a: f"blocks.{stage}.{repeat}.{b}" for a, b in zip(own, timms, strict=True)}
    tops = {"predictions": "classifier.1"}
    return Names(
        ({**vision, **tops}, {**port, **tops}, {**timm, "predictions": "classifier"}),
        ("predictions",),
    )


NAMES = _names()

PRETRAINED = Pretrained(
    network="MobileNetV2",
    file="mobilenet_v2-7ebf99e0.pth",
    sha256="7ebf99e0",
    address="https://download.pytorch.org/models/mobilenet_v2-7ebf99e0.pth",
    licence="BSD-3-Clause",
)
