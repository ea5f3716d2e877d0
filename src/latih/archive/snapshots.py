"""Snapshots of a run: whole, checked and numbered, whatever happens while one is written.

A snapshot is a directory that is written aside, fsynced, and renamed to its number. So under a
number there is a whole one or, if the disk lost bytes later, one whose sums betray it. Numbers only
grow and no clock is asked: to set one back changes nothing.
"""

import os
import re
import secrets
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latih.archive import safetensors_file, state_tree
from latih.archive.snapshot_files import (
    MANIFEST,
    STATE,
    TENSORS,
    Damage,
    as_text,
    read_files,
    write_files,
)
from latih.arguments import whole
from latih.errors import FileFormatError, LatihWarning, UnwritableError
from latih.files import fsync_directory

_NUMBERED = re.compile(r"(damaged-)?([0-9]{6,12})")
_REST = re.compile(r"\.(writing|removing)-[0-9]{6,12}-[0-9a-f]{12}")


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
        text = as_text(value)
        with _told("write a snapshot", self.directory, "No earlier one was touched"):
            if not self.directory.is_dir():
                self.directory.mkdir(parents=True)
                fsync_directory(self.directory.parent)
            name = f"{1 + max(self._numbers(), default=0):06d}"
            aside = self.directory / f".writing-{name}-{secrets.token_hex(6)}"
            try:
                aside.mkdir()
                write_files(aside, text, safetensors_file.as_chunks(tensors))
                path = aside.rename(self.directory / name)
            except BaseException:
                with suppress(OSError):
                    _remove(aside)
                raise
            fsync_directory(self.directory)
        self._remove_old()
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
        damaged: list[tuple[Path, Damage]] = []
        try:
            paths = self._snapshots()
            for path in reversed(paths):
                try:
                    state = read_files(path)
                except Damage as damage:
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
            fix="Begin anew in another directory; what stands in this one is left as it is.",
        )

    def clean(self) -> None:
        """Remove what a killed process left half-written or half-removed, or more than ``keep``.

        Raises:
            UnwritableError: it cannot be removed.
        """
        self._remove_rests()
        self._remove_old()

    def clear(self) -> None:
        """Remove all snapshots, damaged ones too, and then the directory if nothing else is there.

        Raises:
            UnwritableError: something cannot be removed.
        """
        self._remove_rests()
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

    def _remove_rests(self) -> None:
        with _told("remove half a snapshot", self.directory, "No whole one was touched"):
            for path in self._entries():
                if _REST.fullmatch(path.name) and _is_ours_alone(path):
                    _remove(path)

    def _remove_old(self) -> None:
        with _told("remove an old snapshot", self.directory, "The newer ones are whole"):
            for old in self._snapshots()[: -self.keep]:
                self._discard(old)

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


def _set_aside(path: Path, damage: Damage, used: Path) -> None:
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
