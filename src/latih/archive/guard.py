"""What a file may say, and no more: zip archives and JSON.

Every hole ever found in a loader of models was one thing: the file named code, a path or a size,
and the loader obeyed. So nothing here follows a name to another file, and nothing is allocated
because a file declares it.
"""

import io
import json
import os
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from latih.errors import FileFormatError

LARGEST_CONFIG = 16 * 2**20
LARGEST_METADATA = 2**20
LARGEST_DIRECTORY = 4 * 2**20
LARGEST_ARCHIVE_MEMBERS = 10_000
LARGEST_SWELLING = 16
MOST_VALUES = 500_000
MOST_VALUES_TO_COMPILE = 10_000
DEEPEST_NESTING = 200

COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"

# Names that would lead out of a directory, if anybody unpacked the archive there.
_UNSAFE_MEMBER = re.compile(r"^[/~]|^[A-Za-z]:|\\|(^|/)\.\.(/|$)|[\x00-\x1f]")


def open_archive(
    path: str | os.PathLike[str],
    members: Collection[str] = ("metadata.json", "config.json", "model.weights.h5"),
) -> zipfile.ZipFile:
    """Open an archive for reading, by default a ``.keras`` one.

    Args:
        path: the file.
        members: what must be in it.

    Raises:
        FileFormatError: it does not exist, is no archive, lacks a member or has one twice, or has
            one that is called like a path out of the archive.
    """
    file = Path(path)
    require_file(file, "a .keras file")
    refuse_legacy(file)
    archive = open_zip(file)
    names = archive.namelist()
    surplus = [name for name in names if _UNSAFE_MEMBER.search(name)]
    missing = set(members) - set(names)
    got = ""
    if len(names) > LARGEST_ARCHIVE_MEMBERS or len(set(names)) != len(names):
        got = f"{len(names)} members, some twice or too many"
    elif surplus:
        got = f"a member called {surplus[0]!r}"
    elif missing:
        got = f"an archive without {', '.join(sorted(missing))}"
    if got:
        archive.close()
        raise not_keras(path, got)
    return archive


def require_file(file: Path, expected: str) -> None:
    """Refuse a path at which no file stands.

    Raises:
        FileFormatError: nothing or a directory stands there.
    """
    try:
        there = file.is_file()
        got = "a directory" if file.is_dir() else "nothing"
    except (OSError, ValueError) as error:  # a name that no file can have
        there, got = False, str(error)
    if not there:
        raise FileFormatError(
            f"there is no file {os.fspath(file)!r}",
            expected=expected,
            got=got,
            fix="Check the path.",
        )


def refuse_legacy(file: Path) -> None:
    """Refuse a whole model in HDF5, which Keras 2 wrote and which may hold code.

    Raises:
        FileFormatError: it is one, or weights alone.
    """
    with open(file, "rb") as opened:
        if opened.read(len(HDF5_SIGNATURE)) != HDF5_SIGNATURE:
            return
    raise FileFormatError(
        f"{os.fspath(file)!r} is an HDF5 file, not a .keras file",
        expected="a zip archive with metadata.json, config.json and model.weights.h5",
        got="weights alone, or a whole model in the form of Keras 2, which is not read",
        fix=(
            "Weights alone are read by model.load_weights(); a whole model by Keras, whose "
            "model.save('name.keras') writes what is read here."
        ),
    )


class _OfBoundedReads(io.FileIO):
    """A file that gives no more at once than a zip's directory may hold."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > LARGEST_DIRECTORY:
            raise OSError(f"a directory of {size} bytes")
        return super().read(size)


def open_zip(file: Path) -> zipfile.ZipFile:
    """Open a zip archive, without believing what it says of its own directory.

    Raises:
        FileFormatError: it is none, or its directory is larger than any honest one.
    """
    try:
        # An entry costs memory many times its bytes, and all are made before one can be counted.
        with _OfBoundedReads(file) as bounded, zipfile.ZipFile(bounded) as directory:
            directory.namelist()
        return zipfile.ZipFile(file)
    except _DAMAGE as error:
        raise not_keras(file, str(error) or type(error).__name__) from error


# What reading a damaged zip raises, whatever kind its members are packed by.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    ValueError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    IndexError,
    MemoryError,
)


def read_member(archive: zipfile.ZipFile, name: str, largest: int) -> bytes:
    """Read a member of an archive, unless it is larger than it may be.

    Args:
        archive: the archive.
        name: the member's name.
        largest: the bytes allowed, counted as they come out, whatever the file declares.

    Raises:
        FileFormatError: it is larger, damaged, or packed in a way that takes memory by itself.
    """
    if archive.getinfo(name).compress_type not in COMPRESSIONS:
        raise not_keras(str(archive.filename), f"{name}, packed in another way than deflate")
    try:
        with archive.open(name) as member:
            content = member.read(largest + 1)
    except _DAMAGE as error:
        raise not_keras(str(archive.filename), f"{name}: {error}") from error
    if len(content) > largest:
        raise not_keras(str(archive.filename), f"{name} of more than {largest} bytes")
    return content


def read_weights_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Read the member that holds the weights, unless it is blown up out of next to nothing.

    Arrays of floats hardly shrink, so that what comes out many times larger than the whole file
    was made to; how large it says it is does not matter.

    Raises:
        FileFormatError: it is, or it is damaged.
    """
    whole_file = os.stat(str(archive.filename)).st_size
    return read_member(archive, name, LARGEST_SWELLING * whole_file)


def read_json(archive: zipfile.ZipFile, name: str, largest: int) -> dict[str, Any]:
    """Read a member that is a JSON object.

    Raises:
        FileFormatError: it is none, or nested or filled beyond reason.
    """
    content = read_member(archive, name, largest)
    try:
        return parse_json(content)
    except (ValueError, RecursionError) as error:
        raise not_keras(str(archive.filename), f"{name}: {error}") from error


def parse_json(content: bytes) -> dict[str, Any]:
    """Return the object that JSON describes.

    Raises:
        ValueError: it is none, has a name twice, or is nested or filled beyond reason.

    Example:
        >>> parse_json(b'{"units": 3}')
        {'units': 3}
        >>> parse_json(b'{"units": 3, "units": 4}')
        Traceback (most recent call last):
        ...
        ValueError: 'units' stands twice in one object
    """
    values = count_values(content)
    if values > MOST_VALUES:
        raise ValueError(f"{values} values, where a config has {MOST_VALUES} at most")
    value = json.loads(content, object_pairs_hook=_each_name_once)
    if not isinstance(value, dict):
        raise ValueError(f"a {type(value).__name__} where an object is expected")
    _refuse_depth(value)
    return value


def count_values(content: bytes) -> int:
    """Return how many values a text in JSON holds at most.

    Counted in the bytes, since three of them are a list that takes twenty times as much.

    Example:
        >>> count_values(b'{"units": [3, 4]}')
        3
    """
    return sum(content.count(sign) for sign in (b",", b"[", b"{"))


def _each_name_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    # Two readers might take two different ones of them.
    read = dict(pairs)
    if len(read) != len(pairs):
        ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"{twice!r} stands twice in one object")
    return read


def refuse_many_values(compile_config: Any) -> None:
    """Refuse to compile a model for thousands of losses and metrics.

    Each of them takes much more memory than the name that asks for it.

    Raises:
        ValueError: there are too many values.
    """
    values = sum(len(level) for level in _levels([compile_config]))
    if values > MOST_VALUES_TO_COMPILE:
        raise ValueError(f"{values} values, where {MOST_VALUES_TO_COMPILE} would do")


def _refuse_depth(value: Any) -> None:
    for depth, _ in enumerate(_levels([value]), start=1):
        if depth > DEEPEST_NESTING:
            raise ValueError(f"nested deeper than {DEEPEST_NESTING} levels")


def _levels(outermost: list[Any]) -> Iterator[list[Any]]:
    """Yield the values of JSON level by level, from the outside in; without recursion."""
    level = outermost
    while level:
        yield level
        containers = [value for value in level if isinstance(value, dict | list)]
        level = [
            inner
            for outer in containers
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]


def not_keras(path: str | os.PathLike[str], got: str) -> FileFormatError:
    """Return the error that a file is no ``.keras`` archive that can be read."""
    return FileFormatError(
        f"{os.fspath(path)!r} is not a .keras file that can be read",
        expected="a zip archive with metadata.json, config.json and model.weights.h5",
        got=got,
        fix="Save the model again with model.save('name.keras').",
    )
