"""IDX, the format of MNIST's files: a magic number, the dimensions, and the bytes of the array.

The format's description is on MNIST's page, http://yann.lecun.com/exdb/mnist/: two zero bytes, a
byte for the type (8 is unsigned byte, the only one read here), a byte for the number of dimensions,
the size of each as four bytes with the highest first, then the values with the last index fastest.
"""

import gzip
import math
import os
import struct
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from latih.errors import DataUnavailableError, FileFormatError, InputError
from latih.files import write_atomically

_UNSIGNED_BYTE = 8
_CHUNK_BYTES = 1 << 20
_FETCH_AGAIN = "Fetch the file again from where it came."

LARGEST_BYTES = 1 << 30
"""No array above this is read: a file of 1 MB can hold 1 GB of zeros, honestly declared."""


def read_idx(
    path: str | os.PathLike[str], *, dimensions: int, largest_bytes: int = LARGEST_BYTES
) -> NDArray[np.uint8]:
    """Read the array out of an IDX file, gzip'ed or plain.

    Args:
        path: the file.
        dimensions: how many dimensions it must have: 3 for images, 1 for labels.
        largest_bytes: the most that the array may take.

    Returns:
        The array, in the shape that the file declares.

    Raises:
        FileFormatError: it is no such file, is damaged, or does not hold what it declares.
        DataUnavailableError: the file is missing or may not be read.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "labels.gz"
        >>> write_idx(path, np.array([9, 0, 3], dtype=np.uint8))
        >>> read_idx(path, dimensions=1)
        array([9, 0, 3], dtype=uint8)
    """
    try:
        with Path(path).open("rb") as file:
            return parse_idx(
                file, name=str(path), dimensions=dimensions, largest_bytes=largest_bytes
            )
    except OSError as error:
        raise DataUnavailableError(
            f"cannot read {str(path)!r}",
            expected="a file that is there and may be read",
            got=f"{type(error).__name__}: {error.strerror}",
            fix="Put the file there, or change its permissions.",
        ) from error


def parse_idx(
    file: BinaryIO, *, name: str, dimensions: int, largest_bytes: int = LARGEST_BYTES
) -> NDArray[np.uint8]:
    """Read the array out of an open IDX file, gzip'ed or plain, believing nothing it declares.

    The memory taken grows with the bytes that really come, and ends at what was declared: neither a
    great declared size nor a great real one alone makes this allocate.

    Args:
        file: the bytes, as they are stored.
        name: what to call the file in an error.
        dimensions: how many dimensions it must have.
        largest_bytes: the most that the array may take.

    Returns:
        The array, in the shape that the file declares.

    Raises:
        FileFormatError: as for `read_idx`.
    """
    try:
        with _uncompressed(file) as stream:
            shape = _read_shape(stream, name=name, dimensions=dimensions)
            declared = math.prod(shape)
            if declared > largest_bytes:
                raise FileFormatError(
                    f"{name!r} declares too large an array",
                    expected=f"at most {largest_bytes} bytes",
                    got=f"shape {shape}, {declared} bytes",
                    fix=_FETCH_AGAIN,
                )
            content = bytearray()
            # One byte more than declared is asked for, so that bytes too many show themselves, and
            # so that gzip reads on to its own checksum at the end.
            while chunk := stream.read(min(_CHUNK_BYTES, declared + 1 - len(content))):
                content += chunk
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FileFormatError(
            f"{name!r} cannot be uncompressed",
            expected="a whole gzip file",
            got=f"{type(error).__name__}: {error}",
            fix=_FETCH_AGAIN,
        ) from error
    if len(content) != declared:
        raise FileFormatError(
            f"{name!r} does not hold what it declares",
            expected=f"{declared} bytes for shape {shape}",
            got="more" if len(content) > declared else f"{len(content)} bytes",
            fix=_FETCH_AGAIN,
        )
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def write_idx(path: str | os.PathLike[str], array: NDArray[np.uint8]) -> None:
    """Write an array as a gzip'ed IDX file whose bytes depend on the array alone.

    Neither the time nor the file's name goes in, so the same array gives the same bytes (as long as
    the zlib below Python stays the same).

    Args:
        path: the file to write.
        array: the values, of 1 to 255 dimensions.

    Raises:
        InputError: the array is not of unsigned bytes, or has no dimension or too large a one.
        UnwritableError: the directory cannot be written.
    """
    header = idx_header(array)
    with write_atomically(path) as file:
        compressor = gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=file, mtime=0)
        with compressor:
            compressor.write(header)
            compressor.write(array.tobytes())


def read_idx_directory(directory: str | os.PathLike[str]) -> dict[str, NDArray[np.uint8]]:
    """Read images and labels from a directory of IDX files, as MNIST and its kin come.

    Args:
        directory: with files such as ``train-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``,
            gzip'ed (``.gz``) or plain; a dot may stand before ``idx``.

    Returns:
        ``x`` and ``y``; ``x_test`` and ``y_test`` too where there are such files.

    Raises:
        DataUnavailableError: there are no images to train on, or no labels for them.
        FileFormatError: a file is damaged, or is none.

    Example:
        >>> import pathlib, tempfile
        >>> place = pathlib.Path(tempfile.mkdtemp())
        >>> write_idx(place / "train-images-idx3-ubyte.gz", np.zeros((3, 2, 2), dtype=np.uint8))
        >>> write_idx(place / "train-labels-idx1-ubyte.gz", np.zeros(3, dtype=np.uint8))
        >>> {name: array.shape for name, array in read_idx_directory(place).items()}
        {'x': (3, 2, 2), 'y': (3,)}
    """
    place = Path(directory)
    arrays: dict[str, NDArray[np.uint8]] = {}
    for name, part, dimensions in (
        *(("x", "train-images", 3), ("y", "train-labels", 1)),
        *(("x_test", "t10k-images", 3), ("y_test", "t10k-labels", 1)),
    ):
        stem = f"{part}[-.]idx{dimensions}-ubyte"
        found = [*place.glob(stem), *place.glob(f"{stem}.gz")]
        if found:
            arrays[name] = read_idx(found[0], dimensions=dimensions)
    missing = {"x": "images", "y": "labels"}
    for name, called in missing.items():
        if name not in arrays:
            raise DataUnavailableError(
                f"there are no training {called} in {str(directory)!r}",
                expected=f"a file train-{called}-idx{3 if name == 'x' else 1}-ubyte, or with .gz",
                got="no such file",
                fix="Put the four files of MNIST, or of a set like it, into one directory.",
            )
    return arrays


def idx_header(array: NDArray[np.uint8]) -> bytes:
    """Tell the bytes that stand before an array's values in an IDX file.

    Args:
        array: the values, of 1 to 255 dimensions.

    Returns:
        The magic number and the dimensions.

    Raises:
        InputError: as for `write_idx`.

    Example:
        >>> idx_header(np.zeros((2, 3), dtype=np.uint8)).hex(" ", 4)
        '00000802 00000002 00000003'
    """
    if array.dtype != np.uint8 or not 1 <= array.ndim <= 255 or max(array.shape) >= 1 << 32:
        raise InputError(
            "the array cannot be written as IDX",
            expected="dtype uint8, 1 to 255 dimensions, each under 2**32",
            got=f"dtype {array.dtype}, shape {array.shape}",
            fix="Convert it with `array.astype('uint8')` after scaling it to 0..255.",
        )
    return struct.pack(f">HBB{array.ndim}I", 0, _UNSIGNED_BYTE, array.ndim, *array.shape)


@contextmanager
def _uncompressed(file: BinaryIO) -> Generator[BinaryIO]:
    # A plain file begins with two zeros, a gzip'ed one never does.
    is_plain = file.read(2) == b"\0\0"
    file.seek(0)
    if is_plain:
        yield file
    else:
        with gzip.GzipFile(fileobj=file, mode="rb") as stream:
            yield cast(BinaryIO, stream)


def _read_shape(stream: BinaryIO, *, name: str, dimensions: int) -> tuple[int, ...]:
    magic = stream.read(4)
    wanted = bytes([0, 0, _UNSIGNED_BYTE, dimensions])
    if magic != wanted:
        raise FileFormatError(
            f"{name!r} is not an IDX file of unsigned bytes in {dimensions} dimension(s)",
            expected=f"the magic number 0x{wanted.hex()}",
            got=f"0x{magic.hex()}" if magic else "an empty file",
            fix="Check that images and labels have not been exchanged, or fetch the file again.",
        )
    sizes = stream.read(4 * dimensions)
    if len(sizes) != 4 * dimensions:
        raise FileFormatError(
            f"{name!r} ends inside its dimensions",
            expected=f"{4 * dimensions} bytes of them",
            got=f"{len(sizes)} bytes",
            fix=_FETCH_AGAIN,
        )
    return struct.unpack(f">{dimensions}I", sizes)
