"""Pictures as people keep them, in all sizes and colours, as one array."""

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from latih.arguments import whole
from latih.data.image_files import (
    FORMATS,
    NOT_READ,
    class_folders,
    eight_bits,
    find_images,
    pillow_image,
    turn_upright,
    unreadable,
)
from latih.errors import FileFormatError, InputError
from latih.transfer.copies import fingerprint

MOST_THREADS = 8
WRITE_ANEW = "Write them anew as PNG or JPEG files."
SHOWN = 5


@dataclass(frozen=True)
class Pictures:
    """What was read.

    Args:
        x: the pixels, uint8: ``(n, height, width, 3)``.
        paths: where each came from.
        skipped: the files that could not be read.
        converted: how many were grey, or had an alpha channel.
        resized: how many were of another size.
    """

    x: np.ndarray
    paths: tuple[str, ...]
    skipped: tuple[str, ...]
    converted: dict[str, int]
    resized: int

    def remarks(self) -> list[str]:
        """Return what is to be said of them, a sentence each."""
        told: list[str] = []
        if self.skipped:
            files = _counted(len(self.skipped), "file that holds", "files that hold")
            told.append(f"Skipped {files} no image: {_listed(self.skipped)}.")
        grey, clear = self.converted.get("grey", 0), self.converted.get("transparent", 0)
        if grey:
            pictures = _counted(grey, "grey picture was", "grey pictures were")
            told.append(f"{pictures} given three equal channels.")
        if clear:
            pictures = _counted(
                clear, "picture with transparency was", "pictures with transparency were"
            )
            told.append(f"{pictures} laid on white ground.")
        return told


def _listed(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _counted(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


@dataclass(frozen=True)
class PictureClasses:
    """Pictures, and what is on them.

    Args:
        pictures: the pictures.
        labels: the number of each one's class.
        class_names: the names of the folders, sorted.
        empty: the names of folders without pictures, which are no classes.
        not_read: files of pictures of kinds that are not read.
    """

    pictures: Pictures
    labels: np.ndarray
    class_names: tuple[str, ...]
    empty: tuple[str, ...] = ()
    not_read: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """Return how many pictures each class has."""
        counts = np.bincount(self.labels, minlength=len(self.class_names)).tolist()
        return dict(zip(self.class_names, counts, strict=True))

    def file_names(self) -> list[str]:
        """Return what each picture is called: the way to it from where all of them are."""
        place = os.path.commonpath(self.pictures.paths)
        return [os.path.relpath(path, place) for path in self.pictures.paths]

    def remarks(self) -> list[str]:
        """Return what is to be said of them, a sentence each."""
        told = self.pictures.remarks()
        told += _not_read(self.not_read)
        if self.empty:
            told.append(f"Folders without pictures are left out: {_listed(self.empty)}.")
        copies = self._copies()
        if copies:
            (copy, first), count = copies[0], len(copies)
            many = "1 picture is a copy" if count == 1 else f"{count} pictures are copies"
            told.append(
                f"{many} of others, such as {copy} of {first}: where they are on both sides of a "
                "split, what was learnt by heart counts as known. Take them out."
            )
        return told

    def _copies(self) -> list[tuple[str, str]]:
        """Return the files of pictures that come twice, each with the first, in another class too.

        They are compared in the size that they are used in.
        """
        met: dict[bytes, str] = {}
        found: list[tuple[str, str]] = []
        for pixels, path in zip(self.pictures.x, self.pictures.paths, strict=True):
            first = met.setdefault(fingerprint(pixels), path)
            if first != path:
                found.append((path, first))
        return found


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
        FileFormatError: a file cannot be read, or is of a kind that is not, and ``strict`` is asked
            for; or none can.
        MissingExtraError: the package pillow is not installed.
    """
    side = whole(size, "size", "a picture", least=1)
    place = Path(directory)
    names = class_folders(place)
    files = find_images(place, names, follow_links=False)
    unread = find_images(place, names, follow_links=False, suffixes=NOT_READ)
    others = tuple(path for part in unread for path in part)
    found = [(name, part) for name, part in zip(names, files, strict=True) if part]
    if len(found) < 2:
        raise InputError(
            f"there are not enough classes in {str(place)!r}",
            expected="a folder of pictures for each of two classes or more",
            got=(f"the folder {found[0][0]!r} alone" if found else "no folder with pictures")
            + (f", and {others[0]!r}, of a kind that is not read" if others else ""),
            fix=WRITE_ANEW
            if others
            else "Sort the pictures into folders, such as cats/ and dogs/.",
        )
    if strict:
        _require_kinds_that_are_read(others)
    paths = [path for _, part in found for path in part]
    pictures = read_pictures(paths, (side, side), strict=strict)
    folders = {path: place for place, (_, part) in enumerate(found) for path in part}
    labels = np.array([folders[path] for path in pictures.paths], np.int64)
    counts = np.bincount(labels, minlength=len(found)).tolist()
    few = [
        f"{name!r} ({count})" if count == len(part) else f"{name!r} ({count} of {len(part)} files)"
        for (name, part), count in zip(found, counts, strict=True)
        if count < 2
    ]
    if few:
        raise InputError(
            f"there are classes in {str(place)!r} with fewer than two pictures",
            expected="two of each at least that can be read: one to learn from, one to judge by",
            got=", ".join(few[:SHOWN]),
            fix="Give more pictures of them, or take the folders away.",
        )
    empty = tuple(name for name, part in zip(names, files, strict=True) if not part)
    return PictureClasses(pictures, labels, tuple(name for name, _ in found), empty, others)


def read_unlabelled_pictures(
    directory: str | os.PathLike[str], most_side: int, *, strict: bool = False
) -> tuple[np.ndarray, list[str]]:
    """Read the pictures of a directory and of the folders in it, whatever these are called.

    Args:
        directory: the directory.
        most_side: how high and wide they may be. They are stretched to the size of the first one,
            within that.
        strict: whether a file that cannot be read is refused; else it is skipped.

    Shapes:
        returns: ``(n, height, width, 3)``, or ``(n, height, width)`` where all are grey.

    Returns:
        The pixels, and what is to be said of them, a sentence each.

    Raises:
        FileFormatError: a file cannot be read, or is of a kind that is not, and ``strict`` is asked
            for; or none can.
        MissingExtraError: the package pillow is not installed.
    """
    place = Path(directory)
    (paths,) = find_images(place, [""], follow_links=False)
    (others,) = find_images(place, [""], follow_links=False, suffixes=NOT_READ)
    if strict:
        _require_kinds_that_are_read(others)
    size = _size_of_first(paths)
    pictures = read_pictures(paths, _within(size, most_side), strict=strict)
    are_grey = pictures.converted.get("grey", 0) == len(pictures.x)
    told = replace(pictures, converted={}).remarks() if are_grey else pictures.remarks()
    told += _not_read(others)
    if pictures.resized:
        count = _counted(pictures.resized, "picture was", "pictures were")
        told.append(f"{count} stretched to {' x '.join(map(str, pictures.x.shape[1:3]))}.")
    return np.ascontiguousarray(pictures.x[..., 0]) if are_grey else pictures.x, told


def _within(size: tuple[int, int], most: int) -> tuple[int, int]:
    return min(size[0], most), min(size[1], most)


def _size_of_first(paths: Sequence[str]) -> tuple[int, int]:
    """Return the height and width of the first picture that can be read; 1 and 1 if none can."""
    pillow = pillow_image()
    for path in paths:
        read = _read(path, None, pillow)
        if not isinstance(read, str):
            height, width, _ = read.pixels.shape
            return height, width
    return 1, 1


def _require_kinds_that_are_read(others: Sequence[str]) -> None:
    if others:
        raise FileFormatError(
            f"{others[0]!r} is of a kind that is not read",
            expected="BMP, GIF, JPEG or PNG files",
            got=_counted(len(others), "such file", "such files"),
            fix=f"{WRITE_ANEW} Or leave out --strict to skip them.",
        )


def _not_read(others: Sequence[str]) -> list[str]:
    if not others:
        return []
    files = _counted(len(others), "file of a kind that is", "files of kinds that are")
    return [f"Skipped {files} not read: {_listed(others)}. {WRITE_ANEW}"]


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
        np.stack([one.pixels for one in good]) if good else np.empty((0, *size, 3), np.uint8),
        tuple(path for path, one in zip(paths, read, strict=True) if not isinstance(one, str)),
        tuple(bad),
        dict(Counter(one.kind for one in good if one.kind)),
        sum(one.was_resized for one in good),
    )


@dataclass(frozen=True)
class _Picture:
    pixels: np.ndarray
    kind: str
    was_resized: bool


def _read(path: str, size: tuple[int, int] | None, pillow: Any) -> _Picture | str:
    """Return a picture, in its own size if none is asked for, or why there is none."""
    try:
        with pillow.open(path, formats=FORMATS) as opened:
            turn_upright(opened, pillow)
            image, kind = _coloured(opened, pillow)
            if size is None or image.size == size[::-1]:
                return _Picture(np.asarray(image), kind, False)
            resized = image.resize(size[::-1], pillow.Resampling.BILINEAR)
            return _Picture(np.asarray(resized), kind, True)
    except unreadable(pillow) as error:
        return str(error)


def _coloured(image: Any, pillow: Any) -> tuple[Any, str]:
    image = eight_bits(image, pillow)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        clear = image.convert("RGBA")
        ground = pillow.new("RGBA", clear.size, "white")
        ground.alpha_composite(clear)
        return ground.convert("RGB"), "transparent"
    return image.convert("RGB"), "grey" if image.mode in ("1", "L", "F") else ""
