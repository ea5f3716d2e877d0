"""Pictures as people keep them, in all sizes and colours, as one array."""

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latih.data.image_files import FORMATS, class_folders, eight_bits, find_images, pillow_image
from latih.errors import FileFormatError, InputError

MOST_THREADS = 8
SHOWN = 5


@dataclass(frozen=True)
class Pictures:
    """What was read.

    Args:
        x: the pixels, uint8: ``(n, height, width, 3)``.
        paths: where each came from.
        skipped: the files that could not be read.
        converted: how many were grey, or had an alpha channel.
    """

    x: np.ndarray
    paths: tuple[str, ...]
    skipped: tuple[str, ...]
    converted: dict[str, int]

    def remarks(self) -> list[str]:
        """Return what is to be said of them, a sentence each."""
        told: list[str] = []
        if self.skipped:
            more = len(self.skipped) - SHOWN
            names = ", ".join(self.skipped[:SHOWN]) + (f" and {more} more" if more > 0 else "")
            told.append(f"Skipped {len(self.skipped)} files that hold no image: {names}.")
        grey, clear = self.converted.get("grey", 0), self.converted.get("transparent", 0)
        if grey:
            told.append(f"{grey} grey pictures were given three equal channels.")
        if clear:
            told.append(f"{clear} pictures with transparency were laid on white ground.")
        return told


@dataclass(frozen=True)
class PictureClasses:
    """Pictures, and what is on them.

    Args:
        pictures: the pictures.
        labels: the number of each one's class.
        class_names: the names of the folders, sorted.
    """

    pictures: Pictures
    labels: np.ndarray
    class_names: tuple[str, ...]


def read_picture_classes(
    directory: str | os.PathLike[str], size: int, *, strict: bool = False
) -> PictureClasses:
    """Read a directory with a folder of pictures for each class.

    Args:
        directory: the directory.
        size: the height and width that each picture is stretched to.
        strict: whether a file that cannot be read is refused; else it is skipped.

    Raises:
        InputError: there is no such directory, there are fewer than two classes, or one has fewer
            than two pictures.
        FileFormatError: a file cannot be read, and ``strict`` is asked for.
        MissingExtraError: the package pillow is not installed.
    """
    place = Path(directory)
    names = class_folders(place)
    files = find_images(place, names, follow_links=False)
    found = [(name, part) for name, part in zip(names, files, strict=True) if part]
    if len(found) < 2:
        raise InputError(
            f"there are not enough classes in {str(place)!r}",
            expected="a folder of pictures for each of two classes or more",
            got=f"the folder {found[0][0]!r} alone" if found else "no folder with pictures",
            fix="Sort the pictures into folders, such as cats/ and dogs/.",
        )
    paths = [path for _, part in found for path in part]
    pictures = read_pictures(paths, (size, size), strict=strict)
    folders = {path: place for place, (_, part) in enumerate(found) for path in part}
    labels = np.array([folders[path] for path in pictures.paths], np.int64)
    counts = np.bincount(labels, minlength=len(found)).tolist()
    few = [f"{name!r} ({n})" for (name, _), n in zip(found, counts, strict=True) if n < 2]
    if few:
        raise InputError(
            f"there are classes in {str(place)!r} with fewer than two pictures",
            expected="two of each at least: one to learn from, one to judge by",
            got=", ".join(few[:SHOWN]),
            fix="Give more pictures of them, or take the folders away.",
        )
    return PictureClasses(pictures, labels, tuple(name for name, _ in found))


def read_pictures(paths: Sequence[str], size: tuple[int, int], *, strict: bool = False) -> Pictures:
    """Read picture files.

    Args:
        paths: where they are.
        size: the height and the width that each is stretched to.
        strict: whether a file that cannot be read is refused; else it is skipped.

    Raises:
        FileFormatError: a file cannot be read, and ``strict`` is asked for; or none can.
        MissingExtraError: the package pillow is not installed.
    """
    pillow = pillow_image()
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1), "latih-images") as pool:
        read = list(pool.map(lambda path: _read(path, size, pillow), paths))
    bad = [path for path, one in zip(paths, read, strict=True) if isinstance(one, str)]
    if bad and (strict or len(bad) == len(paths)):
        reason = next(one for one in read if isinstance(one, str))
        raise FileFormatError(
            f"{bad[0]!r} holds no image that can be read"
            + (f", nor do {len(bad) - 1} other files" if len(bad) > 1 else ""),
            expected="whole BMP, GIF, JPEG or PNG files",
            got=reason,
            fix="Remove it, or write it anew." if not strict else "Leave out --strict to skip it.",
        )
    good = [one for one in read if not isinstance(one, str)]
    return Pictures(
        np.stack([pixels for pixels, _ in good]) if good else np.empty((0, *size, 3), np.uint8),
        tuple(path for path, one in zip(paths, read, strict=True) if not isinstance(one, str)),
        tuple(bad),
        dict(Counter(kind for _, kind in good if kind)),
    )


def _read(path: str, size: tuple[int, int], pillow: Any) -> tuple[np.ndarray, str] | str:
    """Return the pixels and what was converted, or why there are none."""
    try:
        with pillow.open(path, formats=FORMATS) as opened:
            image, kind = _coloured(opened, pillow)
            if image.size != size[::-1]:
                image = image.resize(size[::-1], pillow.Resampling.BILINEAR)
            return np.asarray(image), kind
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        return str(error)


def _coloured(image: Any, pillow: Any) -> tuple[Any, str]:
    image = eight_bits(image, pillow)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        clear = image.convert("RGBA")
        ground = pillow.new("RGBA", clear.size, "white")
        ground.alpha_composite(clear)
        return ground.convert("RGB"), "transparent"
    return image.convert("RGB"), "grey" if image.mode in ("1", "L", "F") else ""
