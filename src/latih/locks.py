"""One process at a time."""

import errno
import os
import warnings
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from latih.errors import InputError, LatihWarning, UnwritableError

# What network disks answer that lock nothing.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


@contextmanager
def locked(path: str | os.PathLike[str]) -> Generator[None]:
    """Let nobody else train into the directory of this file while the block runs.

    The lock is the kernel's, so that it ends with the process that holds it, whatever ends that
    process: what a crash leaves is a file without a lock, which keeps nobody out. Processes that
    are forked in the block, such as a loader's, do not hold it.

    The file stays when the block ends. If it were removed, one process could hold the lock of the
    file that is gone and another that of the new one of the same name. In it stands the number of
    the process that held it last, for the sentence alone.

    Args:
        path: the file that is locked; its directory is made if it is missing.

    Raises:
        InputError: somebody else, or this process in another block, holds the lock.
        UnwritableError: there cannot be such a file.

    Example:
        >>> import pathlib, tempfile
        >>> place = pathlib.Path(tempfile.mkdtemp()) / "lock"
        >>> with locked(place), locked(place):
        ...     pass
        Traceback (most recent call last):
        latih.errors.InputError: another process trains into the directory '...': expected ...
    """
    target = Path(path)
    # A lock that is a file's being there would outlive a crash: better none.
    lock = FileLock(
        target, blocking=False, thread_local=False, fallback_to_soft=False, on_acquired=_sign
    )
    try:
        lock.acquire()
    except Timeout:
        raise InputError(
            f"another process trains into the directory {str(target.parent)!r}",
            expected="one that nobody is training into",
            got=f"one that {_holder(target)} has locked",
            fix="Wait for its end, or choose another directory.",
        ) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise UnwritableError(
                f"cannot lock the directory {str(target.parent)!r}",
                expected=f"a directory in which the file {target.name!r} can be made and written",
                got=f"{type(error).__name__}: {error.strerror or error}",
                fix="Choose another directory, or change its permissions.",
            ) from error
        warnings.warn(
            f"the disk of {str(target.parent)!r} knows no locks: see to it yourself that no other "
            "process trains into that directory.",
            LatihWarning,
            stacklevel=3,
        )
    try:
        yield
    finally:
        lock.release()


def _sign(descriptor: int) -> None:
    # Without it the sentence says less, and the lock is as good: a full disk ends no run.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())


def _holder(path: Path) -> str:
    with suppress(OSError, ValueError):
        number = int(path.read_text(encoding="ascii")[:20])
        return "this process" if number == os.getpid() else f"the process {number}"
    return "a process"
