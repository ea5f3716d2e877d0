"""ResNet-18, -34 and -50: residual networks, as torchvision builds and trains them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from latih import layers
from latih.applications.heads import Head, begun
from latih.applications.imagenet import decode_predictions as decode_predictions
from latih.applications.pretrained import Pretrained, fill
from latih.applications.torch_names import Names
from latih.applications.torchvision_inputs import preprocess_input as preprocess_input
from latih.applications.torchvision_inputs import preprocessing as preprocessing
from latih.initializers import VarianceScaling
from latih.layers import Layer
from latih.models import Model
from latih.symbolic import SymbolicTensor

DEFAULT_SIZE = 224

# PyTorch's: its momentum of 0.1 is the weight of the new statistics.
MOMENTUM, EPSILON = 0.9, 1e-5

FILTERS = (64, 128, 256, 512)
WIDENING = 4
"""How many times wider a bottleneck ends than its middle is."""


@dataclass(frozen=True)
class Plan:
    """One depth of the family.

    Args:
        owner: the class's name.
        blocks: how many blocks each size of map has.
        is_bottleneck: whether a block squeezes by 1 x 1 convolutions around one of 3 x 3, or is two
            of 3 x 3.
        pretrained: where its weights are found.
    """

    owner: str
    blocks: tuple[int, int, int, int]
    is_bottleneck: bool
    pretrained: Pretrained

    @property
    def features(self) -> int:
        """How many channels the last map has."""
        return FILTERS[-1] * (WIDENING if self.is_bottleneck else 1)

    @property
    def convolutions(self) -> tuple[tuple[int, bool], ...]:
        """The size of each convolution of a block, and whether it takes the block's stride."""
        if self.is_bottleneck:
            # The stride in the middle, as torchvision has it since its first weights.
            return (1, False), (3, True), (1, False)
        return (3, True), (3, False)

    def names(self) -> Names:
        """Return what torchvision, and timm alike, call each layer's module."""
        theirs = {"conv1_conv": "conv1", "conv1_bn": "bn1", "predictions": "fc"}
        for stage, blocks in enumerate(self.blocks, start=1):
            for block in range(blocks):
                prefix, module = f"conv{stage + 1}_block{block + 1}", f"layer{stage}.{block}"
                for number in range(1, len(self.convolutions) + 1):
                    theirs[f"{prefix}_{number}_conv"] = f"{module}.conv{number}"
                    theirs[f"{prefix}_{number}_bn"] = f"{module}.bn{number}"
                if block == 0 and (stage > 1 or self.is_bottleneck):
                    theirs[f"{prefix}_0_conv"] = f"{module}.downsample.0"
                    theirs[f"{prefix}_0_bn"] = f"{module}.downsample.1"
        return Names((theirs,), ("predictions",))


def _of_torchvision(network: str, file: str) -> Pretrained:
    # torchvision writes the first eight digits of the sum into the file's name.
    return Pretrained(
        network=network,
        file=file,
        sha256=file.removesuffix(".pth").rpartition("-")[2],
        address=f"https://download.pytorch.org/models/{file}",
        licence="BSD-3-Clause",
    )


PLAN_18 = Plan(
    "ResNet18", (2, 2, 2, 2), False, _of_torchvision("ResNet-18", "resnet18-f37072fd.pth")
)
PLAN_34 = Plan(
    "ResNet34", (3, 4, 6, 3), False, _of_torchvision("ResNet-34", "resnet34-b627a593.pth")
)
PLAN_50 = Plan(
    "ResNet50", (3, 4, 6, 3), True, _of_torchvision("ResNet-50", "resnet50-11ad3fa6.pth")
)


def ResNet18(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Sequence[int | None] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet18",
) -> Model:
    """Return ResNet-18 as torchvision builds it: 70% of ImageNet named right, by its own count.

    Each block adds to its input what two convolutions make of it: ``relu(x + F(x))``. So gradients
    reach the first layers of a deep net undiminished.

    It takes images as :func:`preprocess_input` makes them.

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
        width / 32, 512)``, or with ``pooling`` ``(n, 512)``.

    Returns:
        The model, not compiled.

    Raises:
        InputError: an argument cannot be used.
        FileFormatError: the file does not fit, or is damaged.
        DataUnavailableError: the weights are neither on this machine nor to be had.

    Example:
        >>> model = ResNet18(weights=None, input_shape=(64, 64, 3), classes=10)
        >>> model.output_shape, model.count_params()
        ((None, 10), 11191242)

    Reference:
        He et al. 2015, "Deep Residual Learning for Image Recognition", table 1.
    """
    asked = include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation
    return _network(PLAN_18, name, *asked)


def ResNet34(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Sequence[int | None] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet34",
) -> Model:
    """Return ResNet-34 as torchvision builds it: 73% of ImageNet named right, by its own count.

    ResNet-18's blocks, sixteen instead of eight. It takes images as :func:`preprocess_input` makes
    them.

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
        width / 32, 512)``, or with ``pooling`` ``(n, 512)``.

    Returns:
        The model, not compiled.

    Raises:
        InputError: an argument cannot be used.
        FileFormatError: the file does not fit, or is damaged.
        DataUnavailableError: the weights are neither on this machine nor to be had.

    Example:
        >>> model = ResNet34(weights=None, include_top=False)
        >>> model.output_shape, model.count_params()
        ((None, None, None, 512), 21301696)

    Reference:
        He et al. 2015, "Deep Residual Learning for Image Recognition", table 1.
    """
    asked = include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation
    return _network(PLAN_34, name, *asked)


def ResNet50(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Sequence[int | None] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet50",
) -> Model:
    """Return ResNet-50 as torchvision builds it: 81% of ImageNet named right, by its own count.

    Its blocks are bottlenecks: a 1 x 1 convolution squeezes, one of 3 x 3 looks, a 1 x 1 widens
    again. Its layers and their names are Keras's, its numbers torchvision's, whose weights it
    takes: the stride in the middle of a block, no bias beside batch normalisation, ε = 1e-5.
    Keras's own ResNet50 is another in all three: read its files by
    :func:`latih.models.load_model`.

    It takes images as :func:`preprocess_input` makes them.

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
        width / 32, 2048)``, or with ``pooling`` ``(n, 2048)``.

    Returns:
        The model, not compiled.

    Raises:
        InputError: an argument cannot be used.
        FileFormatError: the file does not fit, or is damaged.
        DataUnavailableError: the weights are neither on this machine nor to be had.

    Example:
        >>> model = ResNet50(weights=None, include_top=False, pooling="avg")
        >>> model.output_shape, model.count_params()
        ((None, 2048), 23561152)

    Reference:
        He et al. 2015, "Deep Residual Learning for Image Recognition", table 1.
    """
    asked = include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation
    return _network(PLAN_50, name, *asked)


def _network(
    plan: Plan,
    name: str,
    include_top: bool,
    weights: Any,
    input_tensor: Any,
    input_shape: Sequence[int | None] | None,
    pooling: str | None,
    classes: int,
    classifier_activation: Any,
) -> Model:
    head = Head(plan.owner, include_top, pooling, classes, classifier_activation, 0.0, weights)
    inputs = begun(plan.owner, input_shape, input_tensor, DEFAULT_SIZE, include_top, weights)
    x = layers.ZeroPadding2D(3, name="conv1_pad")(inputs)
    x = _normalised(_convolution(FILTERS[0], 7, 2, "conv1_conv")(x), "conv1_bn")
    x = layers.ReLU(name="conv1_relu")(x)
    # Zeros do as PyTorch's -∞ does: nothing is below them after a ReLU.
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, 2, name="pool1_pool")(x)
    for stage, (filters, blocks) in enumerate(zip(FILTERS, plan.blocks, strict=True)):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            x = _block(x, f"conv{stage + 2}_block{block + 1}", plan, filters, stride)
    model = Model(inputs, head.on(x), name=name)
    fill(model, weights, plan.pretrained, plan.names())
    return model


def _block(
    inputs: SymbolicTensor, prefix: str, plan: Plan, filters: int, stride: int
) -> SymbolicTensor:
    last = len(plan.convolutions)
    wide = filters * (WIDENING if plan.is_bottleneck else 1)
    shortcut, x = inputs, inputs
    if stride > 1 or inputs.shape[-1] != wide:
        shortcut = _convolution(wide, 1, stride, f"{prefix}_0_conv")(inputs)
        shortcut = _normalised(shortcut, f"{prefix}_0_bn")
    for number, (size, takes_stride) in enumerate(plan.convolutions, start=1):
        own = stride if takes_stride else 1
        if size > 1 and own > 1:
            x = layers.ZeroPadding2D(size // 2, name=f"{prefix}_{number}_pad")(x)
        x = _convolution(wide if number == last else filters, size, own, f"{prefix}_{number}_conv")(
            x
        )
        x = _normalised(x, f"{prefix}_{number}_bn")
        if number < last:
            x = layers.ReLU(name=f"{prefix}_{number}_relu")(x)
    x = layers.Add(name=f"{prefix}_add")([shortcut, x])
    return layers.ReLU(name=f"{prefix}_out")(x)


def _convolution(filters: int, size: int, stride: int, name: str) -> Layer:
    return layers.Conv2D(
        filters,
        size,
        stride,
        # Before a stride the zeros are laid by a layer of their own: as many on both sides.
        padding="same" if stride == 1 else "valid",
        use_bias=False,
        kernel_initializer=VarianceScaling(2.0, "fan_out", "untruncated_normal"),
        name=name,
    )


def _normalised(x: SymbolicTensor, name: str) -> SymbolicTensor:
    return layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=name)(x)
