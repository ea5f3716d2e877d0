"""How torchvision's networks take images: centred and scaled by ImageNet's colours."""

from typing import Any

from latih import layers
from latih.layers import Layer

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""Of red, green and blue over ImageNet's training images, in 0..1."""


def preprocess_input(x: Any) -> Any:
    """Return images of 0..255 as torchvision's networks take them, each colour by its own scale.

    ``(x / 255 - mean) / deviation``, with :data:`MEAN` and :data:`DEVIATION`.

    Args:
        x: ``(n, height, width, 3)`` in RGB.

    Example:
        >>> preprocess_input([[[[255, 0, 0]]]])
        tensor([[[[ 2.2489, -2.0357, -1.8044]]]])
    """
    (layer,) = preprocessing()
    return layer(x)


def preprocessing() -> list[Layer]:
    """Return the layers that do what :func:`preprocess_input` does, to be part of a model."""
    return [
        layers.Rescaling(
            [1 / (255 * deviation) for deviation in DEVIATION],
            [-mean / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)],
        )
    ]
