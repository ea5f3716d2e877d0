"""Where a known network begins and ends: its input, and what is made of its last feature map."""

from collections.abc import Sequence
from typing import Any

from latih import layers
from latih.arguments import number, one_of, whole
from latih.errors import InputError
from latih.symbolic import SymbolicTensor

POOLINGS = (None, "avg", "max")
CLASSES = 1000
"""How many classes ImageNet has."""

LEAST_SIZE = 32
"""All networks here halve an image five times: below this nothing would be left."""


class Head:
    """What stands on the last feature map, as Keras's applications ask for it.

    Args:
        owner: the network's class, for the sentences of errors.
        include_top: whether the layers that name the classes are there.
        pooling: without them, ``"avg"`` or ``"max"`` for one number a channel; None for the map.
        classes: how many classes the top tells apart.
        classifier_activation: the top's nonlinearity; None for logits.
        dropout: which part of the features the top leaves out in training.
        weights: what was asked for: ImageNet's have a top of a thousand classes.

    Raises:
        InputError: an argument cannot be used.
    """

    def __init__(
        self,
        owner: str,
        include_top: bool,
        pooling: str | None,
        classes: int,
        classifier_activation: Any,
        dropout: float,
        weights: Any,
    ) -> None:
        self.owner = owner
        self.include_top = one_of(include_top, "include_top", owner, (True, False))
        self.pooling: str | None = one_of(pooling, "pooling", owner, POOLINGS)
        self.classes = whole(classes, "classes", owner, least=1)
        self.activation = classifier_activation
        self.dropout = number(dropout, "dropout", owner, least=0, below=1)
        if weights == "imagenet" and self.include_top and self.classes != CLASSES:
            raise InputError(
                f"`classes` of {owner} does not fit the weights of ImageNet",
                expected=f"classes={CLASSES} with include_top=True",
                got=str(self.classes),
                fix='Give include_top=False, pooling="avg" and put a Dense layer of your own on '
                "top, or weights=None.",
            )

    def on(self, features: SymbolicTensor) -> SymbolicTensor:
        """Return what comes out when the head stands on a feature map.

        Args:
            features: the map, ``(n, height, width, channels)``.
        """
        if not self.include_top:
            if self.pooling is None:
                return features
            if self.pooling == "avg":
                return layers.GlobalAveragePooling2D(name="avg_pool")(features)
            return layers.GlobalMaxPooling2D(name="max_pool")(features)
        x = layers.GlobalAveragePooling2D(name="avg_pool")(features)
        if self.dropout:
            x = layers.Dropout(self.dropout, name="top_dropout")(x)
        return layers.Dense(self.classes, activation=self.activation, name="predictions")(x)


def begun(
    owner: str,
    input_shape: Sequence[int | None] | None,
    input_tensor: Any,
    default_size: int,
    include_top: bool,
    weights: Any,
) -> SymbolicTensor:
    """Return what a network is called on, after what was asked for was looked at.

    Args:
        owner: the network's class, for the sentences of errors.
        input_shape: ``(height, width, channels)``; None for three channels, of the default size
            with a top and of any size without.
        input_tensor: what ``Input()`` or layers returned, to go on from there; None for an input of
            the network's own.
        default_size: the height and width that it was trained with.
        include_top: whether it has a top.
        weights: what was asked for: weights were trained on three channels.

    Raises:
        InputError: the shape has other axes, is too small, or has other channels than the weights.
    """
    if input_tensor is not None:
        if not isinstance(input_tensor, SymbolicTensor):
            raise InputError(
                f"`input_tensor` of {owner} cannot be used",
                expected="what Input() returns, or what layers called on it return",
                got=f"a {type(input_tensor).__name__}",
            )
        _refuse_shape(owner, "input_tensor", input_tensor.shape[1:], weights)
        return input_tensor
    if input_shape is None:
        size = default_size if include_top else None
        input_shape = (size, size, 3)
    if isinstance(input_shape, str) or not isinstance(input_shape, Sequence):
        raise _wrong_shape(owner, "input_shape", repr(input_shape))
    shape = tuple(
        None if size is None else whole(size, "input_shape", owner, least=1) for size in input_shape
    )
    _refuse_shape(owner, "input_shape", shape, weights)
    return layers.Input(shape)


def _refuse_shape(owner: str, argument: str, shape: Sequence[int | None], weights: Any) -> None:
    if len(shape) != 3 or shape[-1] is None:
        raise _wrong_shape(owner, argument, str(tuple(shape)))
    if weights is not None and shape[-1] != 3:
        raise InputError(
            f"`{argument}` of {owner} does not fit weights that were trained on colour images",
            expected="3 channels",
            got=f"{shape[-1]} in {tuple(shape)}",
            fix="Repeat a grey image's channel: np.repeat(x, 3, axis=-1); or give weights=None.",
        )
    if any(size is not None and size < LEAST_SIZE for size in shape[:-1]):
        raise InputError(
            f"`{argument}` of {owner} is too small",
            expected=f"a height and a width of at least {LEAST_SIZE}",
            got=str(tuple(shape)),
            fix="Enlarge the images before, for example with np.kron or Pillow's resize().",
        )


def _wrong_shape(owner: str, argument: str, got: str) -> InputError:
    return InputError(
        f"`{argument}` of {owner} cannot be used",
        expected="(height, width, channels), of which height and width may be None",
        got=got,
        fix="Leave the number of examples out: (224, 224, 3).",
    )
