"""Snapshots of a run: whole, checked and numbered, whatever happens while one is written.

A snapshot is a directory: ``tensors.safetensors``, ``state.json``, and ``manifest.json`` with the
lengths and SHA-256 sums of both. It is written aside, fsynced, and renamed to its number. So under
a number there is a whole one or, if the disk lost bytes later, one whose sums betray it. Numbers
only grow and no clock is asked: to set one back changes nothing.
"""

import errno
import hashlib
import json
import os
import re
import secrets
import stat
import warnings
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latih.archive import guard, safetensors_file, state_tree
from latih.arguments import whole
from latih.errors import FileFormatError, InputError, LatihWarning, UnwritableError
from latih.files import fsync_directory
from latih.version import __version__

FORMAT = 1
TENSORS, STATE, MANIFEST = "tensors.safetensors", "state.json", "manifest.json"
LARGEST_MANIFEST = 2**16

_NUMBERED = re.compile(r"(damaged-)?([0-9]{6,12})")
_REST = re.compile(r"\.(writing|removing)-[0-9]{6,12}-[0-9a-f]{12}")

# What the system answers when the bytes are not there, and not: somebody forbids to read them.
_LOST = {errno.ENOENT, errno.EIO, errno.ELOOP, errno.ENOTDIR, errno.EISDIR}


@dataclass(frozen=True)
class Snapshot:
    """A state that was found whole.

    Args:
        path: the directory that holds it.
        state: what was given to :meth:`SnapshotStore.write`.
    """

    path: Path
    state: Any


class SnapshotStore:
    """A directory that keeps the last few snapshots of one run.

    One process at a time may write into it; the caller holds the lock. What it did not write, it
    neither reads nor removes.

    Args:
        directory: where; made when the first snapshot is written.
        keep: how many are kept, at least 1. The one before the last is there for a disk that loses
            bytes.

    Raises:
        InputError: `keep` cannot be used.

    Example:
        >>> import tempfile
        >>> store = SnapshotStore(tempfile.mkdtemp())
        >>> store.write({"epoch": 3}).name
        '000001'
        >>> store.newest().state
        {'epoch': 3}
    """

    def __init__(self, directory: str | os.PathLike[str], keep: int = 2) -> None:
        # A script may change its working directory while it trains.
        self.directory = Path(directory).absolute()
        self.keep = whole(keep, "keep", "SnapshotStore", least=1)

    def write(self, state: Any) -> Path:
        """Write a snapshot, then remove those that are older than the last ``keep``.

        Args:
            state: what :func:`~latih.archive.state_tree.copied` returned: it must not change.

        Returns:
            The snapshot's directory.

        Raises:
            InputError: something in the state cannot be stored; nothing is written.
            UnwritableError: the disk is full, read-only, or gone. All earlier ones are whole.
        """
        value, tensors = state_tree.encode(state)
        text = _as_text(value)
        with _told("write a snapshot", self.directory, "No earlier one was touched"):
            if not self.directory.is_dir():
                self.directory.mkdir(parents=True)
                fsync_directory(self.directory.parent)
            name = f"{1 + max(self._numbers(), default=0):06d}"
            aside = self.directory / f".writing-{name}-{secrets.token_hex(6)}"
            try:
                aside.mkdir()
                _write_files(aside, text, safetensors_file.as_chunks(tensors))
                path = aside.rename(self.directory / name)
            except BaseException:
                with suppress(OSError):
                    _remove(aside)
                raise
            fsync_directory(self.directory)
        with _told("remove an old snapshot", self.directory, "The new one is written"):
            for old in self._snapshots()[: -self.keep]:
                self._discard(old)
        return path

    def newest(self) -> Snapshot | None:
        """Read the newest snapshot that is whole.

        Damaged ones above it are named in a warning and set aside as ``damaged-<number>``.

        Returns:
            The snapshot, or None when there is none at all.

        Raises:
            FileFormatError: all are damaged; or the newest is of another format, or may not be
                read, which is no reason to go back behind it.
        """
        damaged: list[tuple[Path, _Damage]] = []
        try:
            paths = self._snapshots()
            for path in reversed(paths):
                try:
                    state = _read(path)
                except _Damage as damage:
                    damaged.append((path, damage))
                    continue
                for other, damage in damaged:
                    _set_aside(other, damage, path)
                return Snapshot(path, state)
        except OSError as error:
            raise FileFormatError(
                f"cannot read the snapshots in {str(self.directory)!r}",
                expected="a directory and files that may be read",
                got=error.strerror or str(error),
                fix="Change the permissions, or give another directory.",
            ) from error
        if not damaged:
            return None
        # They keep their names: set aside, they would be no snapshots, and the next try would begin
        # anew without a word.
        path, damage = damaged[0]
        raise FileFormatError(
            f"the snapshot {str(path)!r} is damaged, and no whole one is left",
            expected=damage.expected,
            got=damage.got,
            fix=f"Move {str(self.directory)!r} away to begin anew.",
        )

    def clean(self) -> None:
        """Remove what a killed process left half-written or half-removed.

        Raises:
            UnwritableError: it cannot be removed.
        """
        with _told("remove half a snapshot", self.directory, "No whole one was touched"):
            for path in self._entries():
                if _REST.fullmatch(path.name) and _is_ours_alone(path):
                    _remove(path)

    def clear(self) -> None:
        """Remove all snapshots, damaged ones too, and then the directory if nothing else is there.

        Raises:
            UnwritableError: something cannot be removed.
        """
        self.clean()
        with _told("remove the snapshots", self.directory, "Some may stand there still"):
            # The oldest first: whenever this is cut short, the newest is there.
            for path in self._snapshots(damaged=True):
                self._discard(path)
            if self.directory.is_dir() and not os.listdir(self.directory):
                self.directory.rmdir()

    def _entries(self) -> list[Path]:
        """Return the directories in the store, but no links to any."""
        try:
            with os.scandir(self.directory) as entries:
                return [Path(e.path) for e in entries if e.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            return []

    def _snapshots(self, *, damaged: bool = False) -> list[Path]:
        """Return the snapshots, the oldest first."""
        numbered = [(_number(path.name), path) for path in self._entries()]
        known = [
            (number, path)
            for number, path in numbered
            if number and (damaged or path.name.isdecimal()) and _may_be_ours(path)
        ]
        return [path for _, path in sorted(known)]

    def _numbers(self) -> Iterator[int]:
        # Of all that is there, also the user's own: no name is given twice.
        return (_number(name) for name in os.listdir(self.directory))

    def _discard(self, path: Path) -> None:
        """Remove a snapshot, unless something that is not its own was put into it."""
        if not _is_ours_alone(path):
            return
        rest = f".removing-{path.name.removeprefix('damaged-')}-{secrets.token_hex(6)}"
        # First it loses its number, durably: under a number stands never a half-removed one.
        removing = path.rename(self.directory / rest)
        fsync_directory(self.directory)
        _remove(removing)


def _number(name: str) -> int:
    """Return the number that a directory is called by; 0 if it has another name."""
    found = _NUMBERED.fullmatch(name)
    return int(found[2]) if found else 0


def _may_be_ours(path: Path) -> bool:
    names = os.listdir(path)
    return not names or not {TENSORS, STATE, MANIFEST}.isdisjoint(names)


def _is_ours_alone(path: Path) -> bool:
    with os.scandir(path) as entries:
        return all(
            entry.name in (TENSORS, STATE, MANIFEST) and not entry.is_dir(follow_symlinks=False)
            for entry in entries
        )


def _remove(directory: Path) -> None:
    for name in (MANIFEST, STATE, TENSORS):
        (directory / name).unlink(missing_ok=True)
    directory.rmdir()


@contextmanager
def _told(what: str, directory: Path, left: str) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise UnwritableError(
            f"cannot {what} in {str(directory)!r}",
            expected="a directory that can be written, with room for it",
            got=error.strerror or str(error),
            fix=f"{left}; make room, or make the directory writable again.",
        ) from error


def _as_text(value: Any) -> bytes:
    text = json.dumps({"state": value}, allow_nan=False).encode()
    # What is written must be readable: the reader counts too.
    values = guard.count_values(text)
    if values > guard.MOST_VALUES:
        raise InputError(
            "the state is too large for a snapshot",
            expected=f"at most {guard.MOST_VALUES} values beside its tensors",
            got=str(values),
            fix="Keep many numbers in arrays or tensors, not in dicts and nested lists.",
        )
    return text


def _write_files(directory: Path, text: bytes, chunks: Iterable[bytes | memoryview]) -> None:
    files = {
        TENSORS: _write_file(directory / TENSORS, chunks),
        STATE: _write_file(directory / STATE, [text]),
    }
    manifest = {"format": FORMAT, "latih": __version__, "files": files}
    _write_file(directory / MANIFEST, [json.dumps(manifest, indent=1).encode()])
    fsync_directory(directory)


def _write_file(path: Path, chunks: Iterable[bytes | memoryview]) -> dict[str, Any]:
    """Write and fsync a file, and return its length and sum."""
    digest, length = hashlib.sha256(), 0
    # 300 MB take 1 s beside a thread that counts, which never stands still for more than 20 ms:
    # neither write() nor update() holds the interpreter's lock. safetensors' own save_file() does
    # not either, but it gives no sum on the way, and tells a full disk by another error.
    with open(path, "xb") as file:
        for chunk in chunks:
            file.write(chunk)
            digest.update(chunk)
            length += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    return {"bytes": length, "sha256": digest.hexdigest()}


class _Damage(Exception):
    """A snapshot is not what was written."""

    def __init__(self, expected: str, got: str) -> None:
        self.expected, self.got = expected, got
        super().__init__(expected, got)


def _read(path: Path) -> Any:
    """Return the state of a snapshot, of which every byte was checked.

    Raises:
        _Damage: a byte is not as it was written.
        FileFormatError: it is of a format that is not known.
        OSError: it may not be read.
    """
    try:
        _check_files(path, _read_manifest(path))
        content = guard.parse_json((path / STATE).read_bytes())
        tensors = safetensors_file.read_tensors(
            path / TENSORS, safetensors_file.read_header(path / TENSORS)
        )
        # The library maps the file, which may be removed while the tensors are in use.
        return state_tree.decode(
            content["state"], {name: tensor.clone() for name, tensor in tensors.items()}
        )
    except _UnknownFormatError:
        raise
    except FileFormatError as error:
        raise _Damage(error.expected, error.got) from error
    except (ValueError, KeyError, RecursionError) as error:
        raise _Damage(f"a state in {STATE}", str(error)) from error
    except OSError as error:
        if error.errno not in _LOST:
            raise
        raise _Damage("files that can be read", error.strerror or str(error)) from error


class _UnknownFormatError(FileFormatError):
    """Another release wrote it: it is not damaged, and going back behind it would lose work."""


def _read_manifest(path: Path) -> dict[str, Any]:
    size = _size(path / MANIFEST)
    if size > LARGEST_MANIFEST:
        raise _Damage(f"{MANIFEST} of at most {LARGEST_MANIFEST} bytes", f"{size} bytes")
    try:
        manifest = guard.parse_json((path / MANIFEST).read_bytes())
        written, files = manifest["format"], manifest["files"]
    except (ValueError, KeyError, RecursionError) as error:
        got = f"{MANIFEST} that is no such JSON: {error}"
        raise _Damage("a manifest with the files' lengths and sums", got) from error
    if type(written) is not int or written != FORMAT:
        raise _UnknownFormatError(
            f"the snapshot {str(path)!r} is of a format that this Latih does not read",
            expected=f"format {FORMAT}",
            got=f"format {str(written)[:20]!r} of Latih {str(manifest.get('latih'))[:20]}",
            fix="Go on with the Latih that wrote it, or begin in a new directory.",
        )
    return files


def _check_files(path: Path, files: Any) -> None:
    # Only the two names that are known here are opened, whatever the manifest names.
    if not isinstance(files, dict) or set(files) != {TENSORS, STATE}:
        raise _Damage(f"a manifest of {TENSORS} and {STATE}", f"{str(files)[:60]}")
    for name in (STATE, TENSORS):
        size, entry = _size(path / name), files[name]
        if not isinstance(entry, dict) or set(entry) != {"bytes", "sha256"}:
            raise _Damage(f"the length and sum of {name}", f"{str(entry)[:60]}")
        if entry["bytes"] != size:
            raise _Damage(f"{name} of {str(entry['bytes'])[:20]} bytes", f"{size} bytes")
        with open(path / name, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if entry["sha256"] != found:
            expected = str(entry["sha256"])[:12]
            raise _Damage(f"{name} with the SHA-256 sum {expected}...", f"{found[:12]}...")


def _size(file: Path) -> int:
    """Return a file's length; a link, a pipe or a device is none of ours, and never opened."""
    status = file.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise _Damage(f"a file {file.name}", "a link or something else that is no file")
    return status.st_size


def _set_aside(path: Path, damage: _Damage, used: Path) -> None:
    aside = path.with_name(f"damaged-{path.name}")
    try:
        path.rename(aside)
        done = f"it is set aside as {aside.name}"
    except OSError as error:
        done = f"it cannot be set aside ({error.strerror})"
    warnings.warn(
        f"the snapshot {str(path)!r} is damaged: expected {damage.expected}, got {damage.got}; "
        f"{done}, and {used.name} is used",
        LatihWarning,
        stacklevel=3,
    )
