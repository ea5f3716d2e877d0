"""Files of JSON that a crash cannot make lie: one object, or one object a line."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from latih.errors import FileFormatError, UnwritableError
from latih.files import write_atomically


@dataclass(frozen=True)
class JsonObject:
    """A file that holds one object, whole or not at all.

    Args:
        path: where it stands.

    Example:
        >>> import tempfile
        >>> file = JsonObject(Path(tempfile.mkdtemp()) / "scores.json")
        >>> file.write({"loss": 0.5, "other": math.nan})
        >>> file.read()
        {'loss': 0.5, 'other': None}
    """

    path: Path

    def write(self, record: Mapping[str, Any]) -> None:
        """Put an object into it; NaN and infinities are written as null, which JSON can hold.

        Raises:
            UnwritableError: there is no room, or the file may not be written.
        """
        with write_atomically(self.path) as opened:
            opened.write(_as_json(record))

    def read(self) -> dict[str, Any]:
        """Return what it holds; an empty object if it is not there.

        Raises:
            FileFormatError: it holds something else.
        """
        if not self.path.is_file():
            return {}
        try:
            return _object_of(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise damaged(self.path, "a JSON object", str(error)) from error


@dataclass(frozen=True)
class JsonLines:
    """A file that grows by an object a line, of which a crash costs the last line at most.

    A line is whole when its end is written. Half a line is never taken for one: readers pass over
    it, and the next line takes its place.

    Args:
        path: where it stands.

    Example:
        >>> import tempfile
        >>> file = JsonLines(Path(tempfile.mkdtemp()) / "log.jsonl")
        >>> file.append({"epoch": 1, "loss": 0.5})
        >>> file.read()
        [{'epoch': 1, 'loss': 0.5}]
    """

    path: Path

    def start(self, records: Sequence[Mapping[str, Any]] = ()) -> None:
        """Begin it with what was written before, or empty.

        Raises:
            UnwritableError: there is no room, or the file may not be written.
        """
        with write_atomically(self.path) as opened:
            opened.writelines(_as_json(record) + b"\n" for record in records)

    def append(self, record: Mapping[str, Any]) -> None:
        """Add one line; NaN and infinities are written as null, which JSON can hold.

        Raises:
            UnwritableError: there is no room, or the file may not be written.
        """
        try:
            with self.path.open("ab+") as opened:
                _cut_torn_line(opened)
                opened.write(_as_json(record) + b"\n")
        except OSError as error:
            raise UnwritableError(
                f"cannot add a line to {str(self.path)!r}",
                expected="a file that can be written, with room for it",
                got=error.strerror or str(error),
                fix="Make room, or make it writable again.",
            ) from error

    def read(self) -> list[dict[str, Any]]:
        """Return the objects of all whole lines; none if the file is not there.

        Raises:
            FileFormatError: a line holds something else, and no crash can have cut it short.
        """
        if not self.path.is_file():
            return []
        try:
            lines = self.path.read_text(encoding="utf-8").split("\n")[:-1]
        except (OSError, ValueError) as error:
            raise damaged(self.path, "text in UTF-8", str(error)) from error
        records: list[dict[str, Any]] = []
        for number, line in enumerate(lines, start=1):
            try:
                records.append(_object_of(line))
            except (ValueError, RecursionError) as error:
                if number == len(lines):  # a disk may keep a line's end and lose its middle
                    break
                got = f"line {number}: {line[:60]!r}"
                raise damaged(self.path, "one JSON object a line", got) from error
        return records


def damaged(file: Path, expected: str, got: str) -> FileFormatError:
    """Make the error for a file of a run that holds what it cannot."""
    return FileFormatError(
        f"{str(file)!r} cannot be read",
        expected=expected,
        got=got,
        fix="The file is damaged: train into a new directory.",
    )


def plain(value: Any) -> Any:
    """Return Python's own number for one of NumPy's or torch's, or lists for an array of theirs."""
    return value.tolist() if hasattr(value, "tolist") else value


def _as_json(record: Mapping[str, Any]) -> bytes:
    return json.dumps(finite(record), allow_nan=False).encode()


def _object_of(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"a {type(value).__name__} instead of an object")
    return value


def finite(value: Any) -> Any:
    """Return data that JSON can hold: NaN and infinities become None."""
    value = plain(value)
    if isinstance(value, Mapping):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _cut_torn_line(file: BinaryIO) -> None:
    # A crash may have left half a line at the end: it is lost, and must not spoil the next.
    size = file.seek(0, os.SEEK_END)
    if not size:
        return
    file.seek(size - 1)
    if file.read(1) != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
