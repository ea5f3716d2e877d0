"""Images brought to one size inside the model, so that it takes them as they come."""

from typing import Any

import torch
import torch.nn.functional as F

from latih import config
from latih.arguments import one_of, whole
from latih.errors import InputError
from latih.layers.base import Layer
from latih.tensors import Shape


class Resizing(Layer):
    """Stretch or shrink images to a height and a width.

    A pixel's middle stands at a half, and where it falls between four others their weighted mean
    is taken. With ``antialias`` a pixel of a smaller image is the mean of all that it covers.

    Args:
        height: of what comes out, in pixels, >= 1.
        width: the same.
        interpolation: ``"bilinear"`` or ``"nearest"``.
        antialias: whether an image is smoothed as it shrinks; for ``"bilinear"`` only.
        data_format: where the channels stand: ``"channels_last"``, which None means, or
            ``"channels_first"``.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, h, w, channels)``, or one image without n; out: the same with ``(height, width)``.

    Raises:
        InputError: an argument cannot be used.

    Example:
        >>> Resizing(1, 2)(torch.tensor([[[[0.0], [2.0]], [[4.0], [6.0]]]])).flatten()
        tensor([2., 4.])
    """

    neutral_config = {
        "crop_to_aspect_ratio": False,
        "pad_to_aspect_ratio": False,
        "fill_mode": "constant",
        "fill_value": 0.0,
    }

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        *,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.height = whole(height, "height", "Resizing", least=1)
        self.width = whole(width, "width", "Resizing", least=1)
        self.interpolation = one_of(
            interpolation, "interpolation", "Resizing", ("bilinear", "nearest")
        )
        self.antialias = bool(antialias)
        self.data_format = one_of(
            config.image_data_format() if data_format is None else data_format,
            "data_format",
            "Resizing",
            ("channels_last", "channels_first"),
        )
        if self.antialias and interpolation == "nearest":
            raise InputError(
                "`antialias` of Resizing cannot be used",
                expected='False with interpolation="nearest", which takes single pixels',
                got="True",
            )

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        last = self.data_format == "channels_last"
        # In float32 whatever comes in: sums of weighted neighbours.
        images = inputs.float().unsqueeze(0) if inputs.ndim == 3 else inputs.float()
        images = images.movedim(-1, 1) if last else images
        if images.shape[2:] != (self.height, self.width):
            if self.interpolation == "bilinear":
                images = F.interpolate(
                    images, (self.height, self.width), mode="bilinear", antialias=self.antialias
                )
            else:
                images = F.interpolate(images, (self.height, self.width), mode="nearest-exact")
        images = images.movedim(1, -1) if last else images
        images = images.to(self._compute_type)
        return images.squeeze(0) if inputs.ndim == 3 else images

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        if len(input_shape) not in (3, 4):
            raise InputError(
                f"{self.name!r} cannot take its inputs",
                expected="a batch of images, 4 axes, or one image, 3 axes",
                got=f"shape {input_shape}",
            )
        size = (self.height, self.width)
        if self.data_format == "channels_last":
            return (*input_shape[:-3], *size, input_shape[-1])
        return (*input_shape[:-2], *size)
