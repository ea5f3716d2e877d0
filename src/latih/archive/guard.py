"""What a file may say, and no more.

Every hole ever found in a loader of models was one thing: the file named code, a path or a size,
and the loader obeyed. So nothing here follows a name to another file, and nothing is allocated
because a file declares it.
"""

import json
import os
import zipfile
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from latih.errors import FileFormatError, LatihError

LARGEST_CONFIG = 64 * 2**20
LARGEST_METADATA = 2**20
LARGEST_ARCHIVE_MEMBERS = 10_000
LARGEST_SWELLING = 16


def open_archive(
    path: str | os.PathLike[str],
    members: Collection[str] = ("metadata.json", "config.json", "model.weights.h5"),
) -> zipfile.ZipFile:
    """Open an archive for reading, by default a ``.keras`` one.

    Args:
        path: the file.
        members: what must be in it.

    Raises:
        FileFormatError: it does not exist, is no archive, or lacks a member or has one twice.
    """
    file = Path(path)
    if not file.is_file():
        raise FileFormatError(
            f"there is no file {str(path)!r}",
            expected="a .keras file",
            got="a directory" if file.is_dir() else "nothing",
            fix="Check the path.",
        )
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise not_keras(path, str(error)) from error
    names = archive.namelist()
    if len(names) > LARGEST_ARCHIVE_MEMBERS or len(set(names)) != len(names):
        archive.close()
        raise not_keras(path, f"{len(names)} members, some twice or too many")
    missing = set(members) - set(names)
    if missing:
        archive.close()
        raise not_keras(path, f"an archive without {', '.join(sorted(missing))}")
    return archive


def read_member(archive: zipfile.ZipFile, name: str, largest: int) -> bytes:
    """Read a member of an archive, unless it is larger than it may be.

    Args:
        archive: the archive.
        name: the member's name.
        largest: the bytes allowed, counted as they come out, whatever the file declares.

    Raises:
        FileFormatError: it is larger, or damaged.
    """
    try:
        with archive.open(name) as member:
            content = member.read(largest + 1)
    except (
        zipfile.BadZipFile,
        OSError,
        ValueError,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise not_keras(str(archive.filename), f"{name}: {error}") from error
    if len(content) > largest:
        raise not_keras(str(archive.filename), f"{name} of more than {largest} bytes")
    return content


def read_json(archive: zipfile.ZipFile, name: str, largest: int) -> dict[str, Any]:
    """Read a member that is a JSON object.

    Raises:
        FileFormatError: it is none, or nested beyond reason.
    """
    content = read_member(archive, name, largest)
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise not_keras(str(archive.filename), f"{name}: {error}") from error
    if not isinstance(value, dict):
        raise not_keras(str(archive.filename), f"{name} holds a {type(value).__name__}")
    return value


def read_array(group: h5py.Group, name: str, shape: Sequence[int], what: str) -> np.ndarray:
    """Read one array of a weights file: of this shape, stored in this file, as plain numbers.

    Raises:
        FileFormatError: it is missing, or a link, or stored elsewhere, or of another shape or kind.
    """
    dataset = _plain_child(group, name, what)
    if not isinstance(dataset, h5py.Dataset):
        raise FileFormatError(f"{what} is missing", expected="an array", got="a group")
    if dataset.external is not None or dataset.is_virtual:
        raise FileFormatError(f"{what} is stored in another file, which is not opened")
    if dataset.shape is None or tuple(dataset.shape) != tuple(shape):
        raise FileFormatError(
            f"{what} does not fit the model",
            expected=f"shape {tuple(shape)}",
            got="nothing" if dataset.shape is None else f"shape {tuple(dataset.shape)}",
            fix="The weights are another model's: build the model as it was when they were saved.",
        )
    if dataset.dtype.kind not in "fiu" or dataset.dtype.itemsize > 8:
        raise FileFormatError(f"{what} holds no numbers", got=str(dataset.dtype))
    return np.asarray(dataset[()])


def plain_group(group: h5py.Group, path: str, what: str) -> h5py.Group | None:
    """Walk to a group, refusing links on the way; None when it is not there."""
    here: Any = group
    for part in path.split("/"):
        if part not in here:
            return None
        here = _plain_child(here, part, what)
        if not isinstance(here, h5py.Group):
            raise FileFormatError(f"{what} cannot be read", expected="a group", got="an array")
    return here


@contextmanager
def damage_told(named: str) -> Generator[None]:
    """Turn what HDF5's library raises at damaged bytes into one sentence.

    Args:
        named: the file, as the user knows it.
    """
    try:
        yield
    except LatihError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileFormatError(
            f"{named!r} holds weights that are damaged",
            expected="HDF5",
            got=f"{type(error).__name__}: {error}",
            fix="Take another copy of the file, or save the model again.",
        ) from error


def read_weights_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Read the member that holds the weights, unless it is blown up out of next to nothing.

    Arrays of floats hardly shrink, so that what comes out many times larger than the whole file
    was made to; how large it says it is does not matter.

    Raises:
        FileFormatError: it is, or it is damaged.
    """
    whole_file = os.stat(str(archive.filename)).st_size
    return read_member(archive, name, LARGEST_SWELLING * whole_file)


def _plain_child(group: h5py.Group, name: str, what: str) -> Any:
    link = group.get(name, getlink=True)
    if link is None:
        raise FileFormatError(
            f"{what} is missing",
            expected="every weight of the model",
            got="a file without it",
            fix="The weights are another model's: build the model as it was when they were saved.",
        )
    if not isinstance(link, h5py.HardLink):
        raise FileFormatError(f"{what} is a link to another place, which is not followed")
    return group[name]


def not_keras(path: str | os.PathLike[str], got: str) -> FileFormatError:
    """Return the error that a file is no ``.keras`` archive that can be read."""
    return FileFormatError(
        f"{os.fspath(path)!r} is not a .keras file that can be read",
        expected="a zip archive with metadata.json, config.json and model.weights.h5",
        got=got,
        fix="Save the model again with model.save('name.keras').",
    )
