"""Zeros around an image."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from latih.arguments import whole
from latih.errors import InputError
from latih.layers.spatial import SpatialLayer
from latih.layers.window import sizes
from latih.tensors import Shape


class ZeroPadding2D(SpatialLayer):
    """Rows and columns of zeros around every image.

    Args:
        padding: how many: one number for all four sides, ``(rows, columns)`` for both sides of
            each, or ``((top, bottom), (left, right))``; >= 0.
        data_format: ``"channels_last"``, the default, or ``"channels_first"``.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, height, width, c)``; out: ``(n, height + top + bottom, width + left + right, c)``.

    Raises:
        InputError: ``padding`` is none of these.

    Example:
        >>> ZeroPadding2D(((0, 1), 2))(torch.zeros(2, 8, 8, 3)).shape
        torch.Size([2, 9, 12, 3])
    """

    def __init__(
        self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format, **kwargs)
        if not isinstance(padding, Sequence):
            padding = (whole(padding, "padding", "ZeroPadding2D", least=0),) * 2
        if isinstance(padding, str) or len(padding) != 2:
            raise InputError(
                "`padding` of ZeroPadding2D cannot be used",
                expected="a number, two numbers or two pairs of numbers",
                got=repr(padding),
            )
        rows, columns = (sizes(side, "padding", "ZeroPadding2D", 2, least=0) for side in padding)
        self.padding = (rows, columns)
        # PyTorch's list begins with the last axis.
        self._pads = (*columns, *rows)
        if self._channels_are_last:
            self._pads = (0, 0, *self._pads)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs of a batch."""
        if inputs.ndim != 4:
            self.refuse(inputs.shape)
        return F.pad(inputs, self._pads)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        space = tuple(
            None if size is None else size + before + after
            for size, (before, after) in zip(self.space_of(input_shape), self.padding, strict=True)
        )
        return self.shape_with(input_shape[0], space, input_shape[self._channel_axis])
