"""Writing files so that a reader never meets half of one."""

import os
import re
import secrets
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from latih.errors import UnwritableError

if sys.platform != "win32":
    import fcntl

# What a file is called while it is written: its own name, the process that writes, chance.
_ASIDE = re.compile(r"\.(?P<name>.{1,60})\.(?P<process>[1-9][0-9]{0,8})-[0-9a-f]{12}", re.DOTALL)
_written_here: set[str] = set()


def cache_directory() -> Path:
    """Return where Latih keeps what can be had again: ``latih`` in the user's cache.

    That is ``$XDG_CACHE_HOME`` or ``~/.cache``. It need not exist.
    """
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG specification: a relative path is invalid and must be ignored.
    cache = named if named.is_absolute() else Path.home() / ".cache"
    return cache / "latih"


@contextmanager
def write_atomically(path: str | os.PathLike[str]) -> Generator[BinaryIO]:
    """Open a file beside ``path`` that takes its place, whole, when the block ends well.

    The bytes are written aside in the same directory, fsynced, and renamed over ``path``; the
    directory is fsynced too. A crash at any instant leaves the old file or the new one, never a
    part; an exception inside the block leaves the old one and no rubbish. What a process that was
    killed left of the same file is removed.

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
    remove_leftovers(target.parent, of=target.name)
    # Cut short, since a name that just fits must fit with what is added to it too.
    aside = target.parent / f".{target.name[:60]}.{os.getpid()}-{secrets.token_hex(6)}"
    _written_here.add(aside.name)
    try:
        with open(aside, "xb") as file:
            _is_locked_here(file)
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
    finally:
        _written_here.discard(aside.name)
    fsync_directory(target.parent)


def remove_leftovers(directory: str | os.PathLike[str], of: str | None = None) -> None:
    """Remove what processes that were killed in :func:`write_atomically` have left.

    Only files with exactly such names are touched, whose process is no more on this machine and
    that no process, of another machine on the same disk say, is writing. On Windows, which has
    neither question to ask, they stay. So does what cannot be removed.

    Args:
        directory: where to look; not in the directories below it.
        of: the name of the file whose leftovers alone are removed; None for all.

    Example:
        >>> import tempfile
        >>> remove_leftovers(tempfile.mkdtemp())
    """
    if sys.platform == "win32":
        return
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            named = _ASIDE.fullmatch(entry.name)
            if named is None or (of is not None and named["name"] != of[:60]):
                continue
            # A process may have the number that one of before had, in a container above all.
            if entry.name in _written_here or _is_another_alive(int(named["process"])):
                continue
            with suppress(OSError):
                if entry.is_file(follow_symlinks=False) and _is_given_up(entry.path):
                    os.unlink(entry.path)


def _is_another_alive(process: int) -> bool:
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    return True


def _is_given_up(path: str) -> bool:
    with open(path, "r+b") as file:
        return _is_locked_here(file)


def _is_locked_here(file: BinaryIO) -> bool:
    # This kind of lock is of the process alone: the children that it forks do not go on holding it.
    if sys.platform == "win32":
        return False
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held by another, or the disk knows no locks
        return False
    return True


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
