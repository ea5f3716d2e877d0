"""Killing oneself in the midst of a write: at the k-th call that touches a kind of file.

A signal that another process sends rarely falls between the opening of a file and its renaming.
So each call by which a file comes to its place is counted here, and one of them is the last.
"""

import builtins
import io
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CALLS = (
    "fsync",
    "replace",
    "rename",
    "unlink",
    "mkdir",
    "rmdir",
    "truncate",
    "ftruncate",
    "scandir",
)
WRITING = frozenset("wxa+")


@dataclass(frozen=True)
class Death:
    """At which call a process kills itself.

    Args:
        call: the function, ``"open"`` for writing, or ``"read"``: opening for reading.
        file: the kind of file, as :func:`kind_of` names it.
        count: which of these calls, counted from 1.
        when: ``"before"``, ``"after"``, or for ``"open"`` ``"torn"``: half of what is first
            written stands in the file.
    """

    call: str
    file: str
    count: int
    when: str

    def __str__(self) -> str:
        return f"{self.when} {self.call} {self.count} of {self.file}"


def kind_of(path: Any, place: Path) -> str | None:
    """Return what a file in a place is to the run, or None for one elsewhere."""
    if isinstance(path, int):
        path = os.readlink(f"/proc/self/fd/{path}")
    path = os.path.abspath(os.fsdecode(path))
    if not path.startswith(f"{place}/"):
        return None
    parts = path[len(f"{place}/") :].split("/")
    if "snapshots" in parts or "backup" in parts:
        return "snapshots"
    # A name that is written aside has the file's own name in it.
    names = ("best", "final", "log", "run.toml", "report", "table", "lock")
    return next((name for name in names if name in parts[-1]), "run directory")


class Mortal:
    """Counts the calls of this process, and ends it at one of them.

    Args:
        place: where the run is kept; calls on files elsewhere do not count.
        death: at which; None to count only.
    """

    def __init__(self, place: Path, death: Death | None = None) -> None:
        self.place, self.death = place, death
        self.counts: Counter[tuple[str, str]] = Counter()
        self._open = io.open

    def begin(self) -> None:
        """Put the counting functions in the place of the system's, for good."""
        for name in CALLS:
            setattr(os, name, self._counting(name, getattr(os, name)))
        builtins.open = io.open = self._opening

    def _counting(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            # What is renamed is the file that it will be.
            path = given[1] if name in ("replace", "rename") else given[0] if given else "."
            when = self._when(name, path)
            if when == "before":
                die()
            result = call(*given, **named)
            if when is not None:
                die()
            return result

        return counted

    def _opening(self, file: Any, mode: str = "r", *given: Any, **named: Any) -> Any:
        writes = not WRITING.isdisjoint(mode)
        when = None if isinstance(file, int) else self._when("open" if writes else "read", file)
        if when == "before":
            die()
        opened = self._open(file, mode, *given, **named)
        if when == "torn":
            return Torn(opened)
        if when is not None:
            die()
        return opened

    def _when(self, call: str, path: Any) -> str | None:
        kind = kind_of(path, self.place)
        if kind is None:
            return None
        self.counts[call, kind] += 1
        death = self.death
        if death is None or (death.call, death.file) != (call, kind):
            return None
        return death.when if self.counts[call, kind] == death.count else None


class Torn:
    """A file of which half of the first write is there when its process dies."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: Any) -> None:
        self._file.write(data[: len(data) // 2])
        self._file.flush()
        die()

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __enter__(self) -> "Torn":
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def die() -> None:
    """End this process as the kernel would, with nothing put in order."""
    os.kill(os.getpid(), signal.SIGKILL)


def draw_death(counts: Counter[tuple[str, str]], draw: random.Random) -> Death:
    """Draw a call: each kind of file as often as the others, then each of its calls."""
    file = draw.choice(sorted({file for _, file in counts}))
    call = draw.choice(sorted(call for call, of in counts if of == file))
    ways = ("before", "after", "torn") if call == "open" else ("before", "after")
    return Death(call, file, draw.randint(1, counts[call, file]), draw.choice(ways))
