"""What all layers that change images at random share: when they act, on what, from which draws."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from latih import config, random
from latih.arguments import one_of, whole
from latih.errors import InputError
from latih.layers.base import Layer

NOT_FOLLOWED = ("bounding_boxes", "segmentation_masks")
"""What Keras's layers can move along with the images, and these cannot."""


class Augmentation(Layer):
    """The base of layers that change images in training: define the draw and the change apart.

    The draw (:meth:`draw`) is a pure function of the seed and of the number of draws before; the
    change (:meth:`transform_images`, :meth:`transform_labels`) one of the images and what was
    drawn.

    Args:
        seed: a whole number; None takes the next of the process's one seed.
        data_format: where the channels stand: ``"channels_last"``, which None means, or
            ``"channels_first"``.
        kwargs: arguments of :class:`~latih.layers.Layer`.
    """

    neutral_config = {"bounding_box_format": None}

    def __init__(
        self, *, seed: int | None = None, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        owner = type(self).__name__
        self.seed = None if seed is None else whole(seed, "seed", owner)
        self.seed_generator = random.SeedGenerator(self.seed)
        self.data_format = one_of(
            config.image_data_format() if data_format is None else data_format,
            "data_format",
            owner,
            ["channels_last", "channels_first"],
        )
        last = self.data_format == "channels_last"
        self.height_axis, self.width_axis = (-3, -2) if last else (-2, -1)

    def build(self, input_shape: Any) -> None:
        """Refuse what is no image."""
        shape = self._images_of(input_shape)
        if len(shape) not in (3, 4):
            raise InputError(
                f"{self.name!r} cannot take its inputs",
                expected="a batch of images, 4 axes, or one image, 3 axes",
                got=f"{len(shape)} axes: shape {tuple(shape)}",
            )

    def get_build_config(self) -> dict[str, Any] | None:
        """Return the images' shape that the layer was built for, or None."""
        if self._build_shape is None:
            return None
        return {"input_shape": list(self._images_of(self._build_shape))}

    def call(self, inputs: Any, training: bool = True) -> Any:
        """Return the outputs of a batch: images, or a mapping with them as it came."""
        if not isinstance(inputs, Mapping):
            return self._augmented(inputs, None, training)[0]
        images, labels = self._augmented(self._images_of(inputs), inputs.get("labels"), training)
        changed = {"images": images} if labels is None else {"images": images, "labels": labels}
        return {**inputs, **changed}

    def draw(self, images: torch.Tensor) -> Any:
        """Draw what is to be done to each image of a batch."""
        raise NotImplementedError

    def transform_images(self, images: torch.Tensor, transformation: Any) -> torch.Tensor:
        """Do what was drawn to a batch of images."""
        raise NotImplementedError

    def transform_labels(self, labels: torch.Tensor, transformation: Any) -> torch.Tensor:
        """Do what was drawn to the labels; most layers leave them."""
        return labels

    def infer(self, images: torch.Tensor) -> torch.Tensor:
        """Return what comes out outside training; most layers leave the images."""
        return images

    def uniform(self, count: int, bounds: Sequence[float], like: torch.Tensor) -> torch.Tensor:
        """Draw numbers evenly between two bounds, where ``like`` is."""
        lower, upper = bounds
        drawn = random.uniform(count, self.seed_generator.next_key(like.device))
        return drawn.mul_(upper - lower).add_(lower)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs."""
        return input_shape

    def _augmented(
        self, images: torch.Tensor, labels: torch.Tensor | None, training: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        # In float32 whatever comes in: sums of weighted neighbours, brightness and contrast.
        images, labels = self._changed(images.float(), labels, training)
        if labels is not None and labels.is_floating_point():
            labels = labels.to(self._compute_type)
        return images.to(self._compute_type), labels

    def _changed(
        self, images: torch.Tensor, labels: torch.Tensor | None, training: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        if not training:
            return self.infer(images), labels
        single = images.ndim == 3
        if single:
            images = images.unsqueeze(0)
            labels = None if labels is None else labels.unsqueeze(0)
        transformation = self.draw(images)
        images = self.transform_images(images, transformation)
        if labels is not None:
            labels = self.transform_labels(labels, transformation)
        if single:
            return images.squeeze(0), None if labels is None else labels.squeeze(0)
        return images, labels

    def _images_of(self, inputs: Any) -> Any:
        if not isinstance(inputs, Mapping):
            return inputs
        unfollowed = [name for name in NOT_FOLLOWED if name in inputs]
        if "images" not in inputs or unfollowed:
            raise InputError(
                f"{self.name!r} cannot take its inputs",
                expected="images, or a mapping with `images` and perhaps `labels`",
                got=f"a mapping with {', '.join(repr(name) for name in inputs)}",
                fix=f"Take out {' and '.join(unfollowed)}: they would not move with the images."
                if unfollowed
                else "",
            )
        return inputs["images"]
