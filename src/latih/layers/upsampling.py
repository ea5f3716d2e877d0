"""More pixels from few."""

from typing import Any

import torch
import torch.nn.functional as F

from latih.arguments import one_of
from latih.errors import InputError
from latih.layers.spatial import SpatialLayer
from latih.layers.window import sizes
from latih.tensors import Shape


class UpSampling2D(SpatialLayer):
    """Every image enlarged by whole factors.

    ``"nearest"`` repeats pixels, ``"bilinear"`` draws straight lines between their centres,
    ``"bicubic"`` cubic ones (PyTorch's, with a = -0.75, as Keras on PyTorch has them; Keras on
    TensorFlow and JAX takes -0.5).

    Args:
        size: the factors of height and width, a whole number or a pair.
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        interpolation: ``"nearest"``, ``"bilinear"`` or ``"bicubic"``.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, height, width, c)``; out: ``(n, height * size[0], width * size[1], c)``.

    Raises:
        InputError: an argument outside these.

    Example:
        >>> UpSampling2D()(torch.tensor([[[[1.0], [2.0]]]])).squeeze()
        tensor([[1., 1., 2., 2.],
                [1., 1., 2., 2.]])
    """

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.size = sizes(size, "size", "UpSampling2D", 2)
        word = interpolation.lower() if isinstance(interpolation, str) else interpolation
        if word in ("lanczos3", "lanczos5"):
            raise InputError(
                "`interpolation` of UpSampling2D is not to be had: PyTorch has no Lanczos kernel",
                expected="'nearest', 'bilinear' or 'bicubic'",
                got=repr(word),
                fix='Use "bicubic", which is the nearest to it.',
            )
        choices = ("nearest", "bilinear", "bicubic")
        self.interpolation: str = one_of(word, "interpolation", "UpSampling2D", choices)
        self._align_corners = None if self.interpolation == "nearest" else False

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        images = self.as_images(inputs)
        height, width = images.shape[2:]
        return self.from_images(
            F.interpolate(
                images,
                size=(height * self.size[0], width * self.size[1]),
                mode=self.interpolation,
                align_corners=self._align_corners,
            )
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        space = tuple(
            None if own is None else own * factor
            for own, factor in zip(self.space_of(input_shape), self.size, strict=True)
        )
        return self.shape_with(input_shape[0], space, input_shape[self._channel_axis])
