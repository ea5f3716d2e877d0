"""A window of the images."""

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional

from latih import random
from latih.arguments import whole
from latih.layers.augmentation.base import Augmentation


class RandomCrop(Augmentation):
    """In training, cut a window at a random place, one for the whole batch.

    ``x[i, top + j, left + k]``, top and left drawn evenly. Outside training the largest window of
    the same proportions about the centre is cut and resized, as Keras documents (its release
    3.15.1 leaves the images as they are, which no later layer could take). Images that are not
    larger than the window in both directions are not cut at random: what of the window lies inside
    them is resized.

    Args:
        height: of the window, in pixels.
        width: of the window, in pixels.
        seed: a whole number; None takes the next of the process's one seed.
        data_format: ``"channels_last"``, which None means, or ``"channels_first"``.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, h, w, channels)``, or one image without n; or a mapping with them as ``images``;
        out: ``(n, height, width, channels)``.

    Raises:
        InputError: height or width is no whole number above 0.

    Example:
        >>> layer = RandomCrop(2, 2, seed=1)
        >>> layer(torch.zeros(8, 4, 4, 3), training=True).shape
        torch.Size([8, 2, 2, 3])
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        # As in Keras, a seed that was not given is drawn here, and goes into files.
        seed = random.make_seed() if seed is None else seed
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.height = whole(height, "height", "RandomCrop", least=1)
        self.width = whole(width, "width", "RandomCrop", least=1)

    def draw(self, images: torch.Tensor) -> tuple[int, int]:
        """Draw the window's top and left."""
        height, width = images.shape[self.height_axis], images.shape[self.width_axis]
        top, left = (self.seed_generator.next() for _ in range(2))
        if height > self.height and width > self.width:
            return top % (height - self.height + 1), left % (width - self.width + 1)
        top, left, _, _ = self._largest_window(height, width)
        return top, left

    def transform_images(
        self, images: torch.Tensor, transformation: tuple[int, int]
    ) -> torch.Tensor:
        """Do what was drawn to a batch of images."""
        return self._cut(images, *transformation, self.height, self.width)

    def infer(self, images: torch.Tensor) -> torch.Tensor:
        """Return the largest window of the same proportions, resized."""
        height, width = images.shape[self.height_axis], images.shape[self.width_axis]
        return self._cut(images, *self._largest_window(height, width))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs."""
        shape = list(self._images_of(input_shape))
        shape[self.height_axis], shape[self.width_axis] = self.height, self.width
        if isinstance(input_shape, Mapping):
            return {**input_shape, "images": tuple(shape)}
        return tuple(shape)

    def _largest_window(self, height: int, width: int) -> tuple[int, int, int, int]:
        # Top, left, height and width; Keras truncates each of them.
        tall = max(min(height, int(width * self.height / self.width)), 1)
        wide = max(min(width, int(height * self.width / self.height)), 1)
        return (height - tall) // 2, (width - wide) // 2, tall, wide

    def _cut(
        self, images: torch.Tensor, top: int, left: int, height: int, width: int
    ) -> torch.Tensor:
        # What would reach beyond the image is left out.
        high, across = images.shape[self.height_axis], images.shape[self.width_axis]
        height, width = min(height, high - top), min(width, across - left)
        cut = images.narrow(self.height_axis, top, height).narrow(self.width_axis, left, width)
        if (height, width) == (self.height, self.width):
            return cut
        last = self.data_format == "channels_last"
        batch = cut.reshape(-1, *cut.shape[-3:])
        batch = batch.movedim(-1, 1) if last else batch
        resized = functional.interpolate(batch, (self.height, self.width), mode="bilinear")
        resized = resized.movedim(1, -1) if last else resized
        return resized.reshape(*cut.shape[:-3], *resized.shape[1:])
