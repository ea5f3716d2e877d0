"""Image files: found in directories, and made arrays of one size."""

import contextlib
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latih.errors import FileFormatError, InputError, MissingExtraError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
FORMATS = ("BMP", "GIF", "JPEG", "PNG")
NOT_READ = (".avif", ".heic", ".heif", ".jp2", ".tif", ".tiff", ".webp")
"""How files end that hold images, of kinds that are not read."""

CHANNELS = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
"""Pillow's name for each colour mode; its length is the number of channels."""

FILTERS = {
    "bilinear": "BILINEAR",
    "nearest": "NEAREST",
    "bicubic": "BICUBIC",
    "area": "BOX",
    "lanczos3": "LANCZOS",
}
"""Pillow's name for each interpolation."""


@dataclass(frozen=True)
class Decoding:
    """How an image becomes an array.

    Args:
        size: height and width, in pixels.
        color_mode: ``"grayscale"``, ``"rgb"`` or ``"rgba"``.
        interpolation: one of :data:`FILTERS`.
        fit: how an image of other proportions is made to fit: ``"stretch"``, ``"crop"`` or
            ``"pad"``.
    """

    size: tuple[int, int]
    color_mode: str = "rgb"
    interpolation: str = "bilinear"
    fit: str = "stretch"

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of an image: height, width, channels."""
        return (*self.size, len(CHANNELS[self.color_mode]))

    def decode(self, path: str) -> np.ndarray:
        """Return the pixels of a file, 0 to 255.

        Shapes:
            returns: ``(height, width, channels)``.

        Raises:
            FileFormatError: it holds no image of a known format, or a damaged one.
        """
        pillow = pillow_image()
        try:
            with pillow.open(path, formats=FORMATS) as opened:
                image = self._resized(eight_bits(opened, pillow), pillow)
        except unreadable(pillow) as error:
            raise FileFormatError(
                f"{path!r} holds no image that can be read",
                expected="a whole BMP, GIF, JPEG or PNG file",
                got=str(error),
                fix="Remove it, or write it anew.",
            ) from error
        return np.asarray(image).reshape(self.shape)

    def _resized(self, image: Any, pillow: Any) -> Any:
        image = image.convert(CHANNELS[self.color_mode])
        height, width = self.size
        if self.fit != "stretch":
            # The largest part, or the smallest frame, of the proportions that are asked for.
            choose = min if self.fit == "crop" else max
            box_height = max(1, choose(image.height, int(image.width * height / width)))
            box_width = max(1, choose(image.width, int(image.height * width / height)))
            left, top = (int((image.width - box_width) / 2), int((image.height - box_height) / 2))
            # What lies outside of the image is black.
            image = image.crop((left, top, left + box_width, top + box_height))
        if image.size == (width, height):
            return image
        return image.resize(
            (width, height), getattr(pillow.Resampling, FILTERS[self.interpolation])
        )


def unreadable(pillow: Any) -> tuple[type[Exception], ...]:
    """Return what is raised at a file that holds no image, or a damaged one.

    Args:
        pillow: what :func:`pillow_image` returns.
    """
    return OSError, ValueError, SyntaxError, pillow.DecompressionBombError


def find_images(
    directory: Path,
    folders: Sequence[str],
    follow_links: bool,
    suffixes: tuple[str, ...] = SUFFIXES,
) -> list[list[str]]:
    """Return the paths of the images in each of some folders, deep ones too, in sorted order.

    Args:
        directory: where the folders are.
        folders: their names.
        follow_links: whether links to folders are followed.
        suffixes: how the names of images end.

    Example:
        >>> find_images(Path("/nowhere"), ["cats"], False)
        [[]]
    """
    found: list[list[str]] = []
    for folder in folders:
        walked = os.walk(directory / folder, followlinks=follow_links)
        found.append(
            [
                os.path.join(root, name)
                for root, _, names in sorted(walked, key=lambda entry: entry[0])
                for name in sorted(names)
                if name.lower().endswith(suffixes)
            ]
        )
    return found


def class_folders(directory: Path) -> list[str]:
    """Return the names of the folders in a directory, which are its classes, sorted.

    Raises:
        InputError: it is no directory.
    """
    if not directory.is_dir():
        raise InputError(
            f"there is no directory {str(directory)!r}",
            expected="a directory with a folder of images for each class",
            got="a file" if directory.exists() else "nothing",
        )
    return sorted(
        entry.name for entry in directory.iterdir() if entry.is_dir() and entry.name[0] != "."
    )


def pillow_image() -> Any:
    """Return pillow's module of images.

    Raises:
        MissingExtraError: the package pillow is not installed.
    """
    try:
        # Deferred because pillow is an extra: whoever never reads images must not need it.
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError.of("images cannot be read", "pillow", "data", error) from error
    return Image


def turn_upright(image: Any, pillow: Any) -> None:
    """Turn an image of pillow's as it is looked at.

    Cameras write a picture as it lay on the sensor, and beside it which side is up. Where that
    entry is damaged the picture stays as it lies.

    Raises:
        OSError: the picture itself is damaged.
    """
    # Deferred as pillow_image() is, which was called before: there is an image.
    from PIL import ImageOps

    image.load()  # so that what is raised below is of the entry
    with contextlib.suppress(struct.error, *unreadable(pillow)):
        ImageOps.exif_transpose(image, in_place=True)


def eight_bits(image: Any, pillow: Any) -> Any:
    """Return an image of pillow's whose numbers end at 255; it would cut 16 bits off there."""
    if image.mode.startswith("I;16") or image.mode == "I":
        return pillow.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image
