"""Writing files so that a reader never meets half of one."""

import os
import secrets
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from latih.errors import UnwritableError


@contextmanager
def write_atomically(path: str | os.PathLike[str]) -> Generator[BinaryIO]:
    """Open a file beside ``path`` that takes its place, whole, when the block ends well.

    The bytes are written aside in the same directory, fsynced, and renamed over ``path``; the
    directory is fsynced too. A crash at any instant leaves the old file or the new one, never a
    part; an exception inside the block leaves the old one and no rubbish.

    Args:
        path: where the whole file shall stand; its directory is made if it is missing.

    Yields:
        A binary file open for writing.

    Raises:
        UnwritableError: the directory cannot be made or written.

    Example:
        >>> import pathlib, tempfile
        >>> target = pathlib.Path(tempfile.mkdtemp()) / "note.txt"
        >>> with write_atomically(target) as file:
        ...     _ = file.write(b"whole")
        >>> target.read_bytes()
        b'whole'
    """
    target = Path(path)
    require_writable(target.parent, argument=str(path))
    if target.is_dir():
        raise UnwritableError(
            f"cannot write the file {str(path)!r}",
            expected="the name of a file",
            got="a directory of that name",
            fix="Choose another name, or move the directory away.",
        )
    # Cut short, since a name that just fits must fit with what is added to it too.
    aside = target.parent / f".{target.name[:60]}.{secrets.token_hex(6)}"
    try:
        with open(aside, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, target)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise UnwritableError(
            f"cannot write the file {str(path)!r}",
            expected="a place with room for it",
            got=f"{type(error).__name__}: {error.strerror or error}",
            fix="Make room, or choose another place; what stood there before is whole.",
        ) from error
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    fsync_directory(target.parent)


def require_writable(directory: str | os.PathLike[str], *, argument: str) -> Path:
    """Make ``directory`` if need be, and refuse it now if it cannot be written later.

    Args:
        directory: the directory that will receive files.
        argument: what the user wrote, for the error's sentence.

    Returns:
        The directory as a path.

    Raises:
        UnwritableError: it cannot be made, is not a directory, or may not be written.
    """
    folder = Path(directory)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Asking the permission bits is not enough: a read-only disk, and root, answer otherwise.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UnwritableError(
            f"cannot write to the directory {str(folder)!r} (asked for by {argument!r})",
            expected="a directory that can be made and written",
            got=f"{type(error).__name__}: {error.strerror}",
            fix="Choose another directory or change its permissions.",
        ) from error
    return folder


def fsync_directory(directory: str | os.PathLike[str]) -> None:
    """Let the names in a directory, as they are now, outlast a crash of the machine."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
