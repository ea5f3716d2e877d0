"""What was measured on this machine, remembered for later processes.

A measurement is noisy and what follows from it decides the last bits of a run, so the same script
must not measure twice: the first measurement counts. They stand one below the other in
``$LATIH_MEASUREMENTS``, or ``latih/measurements.jsonl`` in the user's cache (``$XDG_CACHE_HOME``
or ``~/.cache``). The file may be removed at any time. Where it cannot be written, each process
measures for itself.
"""

import functools
import json
import os
import platform
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from latih.errors import UnwritableError
from latih.files import cache_directory, write_atomically

LARGEST_FILE = 1 << 20
"""Bytes; of a longer file the newer half is forgotten: what came first counts."""

_known: dict[str, int] = {}


def remembered(what: Mapping[str, Any], possible: Collection[int]) -> int | None:
    """Return what was measured first under these circumstances; None if nothing was.

    Args:
        what: the circumstances, in JSON values; those of the machine are added.
        possible: what may have come of it; other lines count as damaged.
    """
    key = _key(what)
    if key not in _known:
        found = next((value for one, value in _lines() if one == key and value in possible), None)
        if found is None:
            return None
        _known[key] = found
    return _known[key]


def remember(what: Mapping[str, Any], possible: Collection[int], value: int) -> int:
    """Write down what was measured, unless somebody else was faster; return what counts.

    Args:
        what: the circumstances, in JSON values; those of the machine are added.
        possible: what may come of it.
        value: what came of it.
    """
    with suppress(OSError, UnwritableError):
        _append(_place(), f'{{"of": {_key(what)}, "is": {value}}}\n'.encode())
    # Of two processes that measured at the same time both take what stands first.
    counts = remembered(what, possible)
    return _known.setdefault(_key(what), value) if counts is None else counts


def forget() -> None:
    """Forget what this process knows; what stands in the file stays there."""
    _known.clear()


def _append(place: Path, line: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    _shorten(place)
    # One write at the end of the file: processes that do so at once do not mix their lines.
    with open(place, "ab+", buffering=0) as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # who wrote before was killed
                line = b"\n" + line
        file.write(line)


def _shorten(place: Path) -> None:
    if place.is_file() and place.stat().st_size > LARGEST_FILE:
        lines = place.read_bytes().splitlines(keepends=True)
        with write_atomically(place) as file:
            file.writelines(lines[: len(lines) // 2])


def _lines() -> Iterator[tuple[str, int]]:
    with suppress(OSError), open(_place(), "rb") as file:
        for line in file.read(2 * LARGEST_FILE).splitlines():
            with suppress(ValueError, RecursionError):  # damaged: it counts as not there
                read = json.loads(line)
                if isinstance(read, dict) and read.keys() == {"of", "is"}:
                    if type(read["is"]) is int:
                        yield _text(read["of"]), read["is"]


def _place() -> Path:
    # An empty variable counts as unset, as shells have it.
    chosen = os.environ.get("LATIH_MEASUREMENTS")
    return Path(chosen).expanduser() if chosen else cache_directory() / "measurements.jsonl"


def _key(what: Mapping[str, Any]) -> str:
    return _text({**what, **_machine()})


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@functools.cache
def _machine() -> dict[str, Any]:
    return {"processor": _processor(), "cores": os.cpu_count(), "torch": str(torch.__version__)}


def _processor() -> str:
    # On Linux Python's own word is "x86_64" at best: homes are shared by machines of many kinds.
    with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
