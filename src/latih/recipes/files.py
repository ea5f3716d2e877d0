"""Files and directories of examples, as arrays."""

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latih import datasets
from latih.data.image_files import Decoding, pillow_image
from latih.data.images import ImageDataset, image_dataset_from_directory
from latih.data.parquet import table_dataset_from_parquet
from latih.data.parquet_files import ParquetFiles
from latih.datasets.catalogue import Dataset
from latih.datasets.idx import read_idx_directory
from latih.errors import FileFormatError, InputError, UnknownNameError

MOST_PIXELS = 64
"""How high and wide images are at most: a dense net has a weight for each pixel and unit."""

ROWS_AT_ONCE = 2**16


def find_dataset(source: str | os.PathLike[str]) -> Dataset:
    """Return the known data set of a name that is no file's.

    Raises:
        UnknownNameError: there is none.
    """
    try:
        return datasets.find(str(source))
    except UnknownNameError as error:
        raise UnknownNameError(
            f"{str(source)!r} is neither a file nor a data set that Latih knows", fix=error.fix
        ) from error


def read_data(path: Path) -> tuple[dict[str, np.ndarray], Sequence[str] | None]:
    """Read the examples of a file or a directory.

    Args:
        path: an ``.npz`` file with the arrays ``x`` and ``y`` and, if it has them, ``x_test`` and
            ``y_test``; a directory with such arrays as ``x.npy`` and so on, which stay on the
            disk; a directory of IDX files, as MNIST's; a ``.parquet`` file or a directory of them,
            in which ``y`` is the column of that name or else the last; or a directory with a folder
            of images for each class.

    Returns:
        The arrays by their names, and what the classes are called if the files tell.

    Raises:
        FileFormatError: it holds something else.
        InputError: there is nothing in it.
        MissingExtraError: a package that it takes is not installed.
    """
    names: Sequence[str] | None = None
    if path.suffix == ".parquet" or (path.is_dir() and any(path.glob("*.parquet"))):
        arrays = _table(path)
    elif path.is_dir() and any(path.glob("*.npy")):
        arrays = {file.stem: _mapped(file) for file in sorted(path.glob("*.npy"))}
    elif path.is_dir() and any(path.glob("train-images?idx3-ubyte*")):
        arrays = dict(read_idx_directory(path))
    elif path.is_dir():
        arrays, names = _images(path)
    else:
        arrays = read_arrays(path)
    missing = {"x", "y"} - set(arrays)
    if missing:
        raise FileFormatError(
            f"{str(path)!r} lacks {' and '.join(sorted(missing))}",
            expected="the arrays x and y",
            got=", ".join(sorted(arrays)) or "none",
            fix="Write it with numpy.savez('data.npz', x=x, y=y).",
        )
    return arrays, names


def holds_arrays(directory: Path) -> bool:
    """Say whether a directory holds arrays, IDX files or tables: pictures beside them are none."""
    patterns = ("*.npy", "*.parquet", "train-images?idx3-ubyte*")
    return any(any(directory.glob(pattern)) for pattern in patterns)


def read_arrays(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read the arrays of an ``.npz`` file; objects, which would be pickles, are refused.

    Raises:
        FileFormatError: it is no such file, or holds objects.
    """
    if not Path(path).is_file():
        raise FileFormatError(
            f"there is no file {os.fspath(path)!r}",
            expected="an .npz file with the array x",
            fix="Write one with numpy.savez('data.npz', x=x, y=y).",
        )
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("not the archive that numpy.savez writes")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
        raise FileFormatError(
            f"{os.fspath(path)!r} holds no arrays that can be read",
            expected="an .npz file with arrays of numbers",
            got=str(error),
            fix="Write it with numpy.savez('data.npz', x=x, y=y).",
        ) from error


def _mapped(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise FileFormatError(
            f"{str(path)!r} holds no array that can be read",
            expected="an .npy file of numbers",
            got=str(error),
            fix="Write it with numpy.save('x.npy', x).",
        ) from error


def _table(path: Path) -> dict[str, np.ndarray]:
    columns = ParquetFiles(path).schema.names
    target = "y" if "y" in columns else columns[-1]
    data = table_dataset_from_parquet(path, target, batch_size=ROWS_AT_ONCE, shuffle=False)
    return _whole(data)


def _images(path: Path) -> tuple[dict[str, np.ndarray], Sequence[str]]:
    found = image_dataset_from_directory(path, image_size=1, shuffle=False, verbose=False)
    if len(found.class_names) < 2:
        raise InputError(
            f"there are no classes in {str(path)!r}",
            expected="a folder of images for each of two classes or more",
            got=", ".join(found.class_names) or "no folder",
        )
    return {"x": _pixels(found.file_paths), "y": np.asarray(found.labels)}, found.class_names


def _pixels(paths: Sequence[str]) -> np.ndarray:
    data = ImageDataset(list(paths), None, None, "int", _decoding(paths[0]), shuffle=False)
    pixels = np.concatenate([batch.numpy() for batch in data]).astype(np.uint8)
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def _decoding(path: str) -> Decoding:
    """Return how images like the first are decoded: in its size and its colours, if it is small."""
    with pillow_image().open(path) as first:
        size = min(first.height, MOST_PIXELS), min(first.width, MOST_PIXELS)
        return Decoding(size, "grayscale" if first.mode in ("1", "L") else "rgb")


def _whole(data: Any) -> dict[str, np.ndarray]:
    items = [[part.numpy() for part in item] for item in data]
    x, y = (np.concatenate(parts) for parts in zip(*items, strict=True))
    return {"x": x, "y": y}
