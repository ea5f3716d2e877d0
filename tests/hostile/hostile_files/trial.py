"""Tries hostile files in a process of its own: reads jobs, prints what came of each.

A job is tried under watch: whatever Python opens, imports, runs or connects to is noted, the most
memory and the time are measured, and what lies around is compared before and after.
"""

import codecs
import contextlib
import json
import os
import re
import resource
import signal
import sys
import time
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from latih.errors import LatihError

from .entry_points import ENTRY_POINTS
from .good import OBEYED, WEIGHTS

LONGEST_SECONDS = 2.0
LARGEST_MIB = 200.0
SECONDS_UNTIL_KILLED = 30
ROOM_OF_ADDRESSES = 4 * 2**30
FORGOTTEN_LATE = 16 * 2**20

FORBIDDEN = re.compile(
    r"^(import|exec|marshal\.|pickle\.|os\.(system|exec|spawn|posix_spawn|fork|mkdir|rename"
    r"|remove|rmdir|link|symlink|chmod|putenv)|subprocess\.|socket\.|urllib\.|shutil\.|tempfile\."
    r"|ctypes\.|webbrowser\.|http\.|ftplib\.)"
)


class Watch:
    """Notes what should not happen while a file is read."""

    def __init__(self) -> None:
        self.on = False
        self.allowed = ""
        self.seen: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open":
            path, mode, flags = arguments
            reads = not (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if not reads or (isinstance(path, str | bytes) and os.fsdecode(path) != self.allowed):
                self.seen.append(f"open {path!r} {mode!r}")
        elif FORBIDDEN.match(event):
            self.seen.append(f"{event} {str(arguments)[:120]}")


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(field)


class Memory:
    """The most memory that this process takes, over what it took before."""

    def __init__(self) -> None:
        self._can_forget = Path("/proc/self/clear_refs").exists()
        self._before = 0

    def begin(self) -> None:
        if not self._can_forget:
            self._before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            return
        self._before, most = _status("VmRSS"), _status("VmHWM")
        if most - self._before > FORGOTTEN_LATE:  # it takes milliseconds
            Path("/proc/self/clear_refs").write_text("5")  # the most memory so far is forgotten

    def mib(self) -> float:
        if self._can_forget:
            return (_status("VmHWM") - self._before) / 2**20
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10 - self._before / 2**20


def _around(folder: Path) -> list[tuple[str, int, int]]:
    # A directory's own time changes when anything is made in it.
    outside = [*(folder / "outside").iterdir(), folder / "outside"]
    places = [*outside, folder, folder / "cases", folder.parent, Path("/")]
    told = [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in places]
    return [*told, (OBEYED, int(Path(OBEYED).exists()), 0)]


def _judged(
    model: Any, original: list[np.ndarray], from_config: bool, described: Any, same: bool = False
) -> str:
    """Return ``"harmless"`` for what the file may make of a model, else what is wrong."""
    if from_config:
        wanted = [x["class_name"] for x in described["layers"]]
        config = model.get_config()["layers"]
        got = [x["class_name"] for x in config]
        return "harmless" if got == wanted else f"layers {got} of {wanted}"
    weights = model.get_weights()
    got_shapes = [tuple(w.shape) for w in weights]
    if got_shapes != [tuple(w.shape) for w in original]:
        return f"weights of {got_shapes}"
    if same and not all(map(np.array_equal, weights, original)):
        return "other numbers than the file holds"
    return "harmless"


def _holds_the_good_weights(path: str, folder: Path) -> bool:
    """Return whether an archive's weights are, byte for byte, those of the good one."""
    try:
        with zipfile.ZipFile(path) as tried, zipfile.ZipFile(folder / "good/good.keras") as good:
            return tried.read(WEIGHTS) == good.read(WEIGHTS)
    except Exception:  # whatever a damaged zip raises
        return False


def _described(entry: Any, given: Any) -> Any:
    if entry.name == "deserialize":
        return given.get("config")
    return given


def attempt(
    job: dict[str, Any], watch: Watch, memory: Memory, folder: Path, original: list[np.ndarray]
) -> Any:
    """Try a file on an entry point; return what came of it, as JSON can hold it."""
    entry = next(e for e in ENTRY_POINTS if e.name == job["entry"])
    given = entry.prepare(Path(job["path"]))
    if given is None:
        return {"outcome": "nothing for it"}
    os.chdir(job["cwd"])
    before, result, caught = _around(folder), None, None
    memory.begin()
    start, start_wall = time.process_time(), time.perf_counter()
    watch.allowed, watch.seen = job["path"], []
    signal.alarm(SECONDS_UNTIL_KILLED)
    watch.on = True
    try:
        result = entry.enter(given)
    except BaseException as error:
        caught = error
    watch.on = False
    signal.alarm(0)
    seconds, wall = time.process_time() - start, time.perf_counter() - start_wall
    mib = memory.mib()
    if isinstance(caught, LatihError):
        outcome = "refused"
    elif caught is not None:
        outcome = f"raised {type(caught).__name__}: {caught}"[:300]
    else:
        try:
            looked = entry.from_config and not entry.may_not_look
            described = _described(entry, given) if looked else None
            same = isinstance(given, Path) and _holds_the_good_weights(job["path"], folder)
            outcome = "harmless"
            if not entry.may_not_look:
                outcome = _judged(result, original, looked, described, same)
        except Exception as error:
            outcome = f"loaded what is no model: {type(error).__name__}: {error}"[:300]
    trouble = list(watch.seen)
    if _around(folder) != before:
        trouble.append("what lies around was touched")
    if seconds > LONGEST_SECONDS:
        trouble.append(f"{seconds:.1f} s")
    if mib > LARGEST_MIB:
        trouble.append(f"{mib:.0f} MiB")
    return {
        "outcome": outcome,
        "sentence": str(caught) if caught is not None else "",
        "seconds": wall,
        "mib": mib,
        "trouble": trouble,
    }


def main(folder: Path) -> None:
    """Try the jobs of the standard input, after each way in was gone once with a good file."""
    warnings.simplefilter("error")  # as the tests have it: what is refused is refused aloud
    watch, memory = Watch(), Memory()
    for encoding in ("ascii", "raw_unicode_escape", "unicode_escape", "latin-1"):
        codecs.lookup(encoding)  # what h5py and pickletools ask for: else that would be seen
    loaded = ENTRY_POINTS[0].enter(folder / "good" / "good.keras")
    original = loaded.get_weights()
    for entry in ENTRY_POINTS:
        for suffix in entry.suffixes:
            path = folder / "good" / f"good{suffix}"
            if path.exists():
                with contextlib.suppress(LatihError):  # the names of ours are not PyTorch's
                    entry.enter(entry.prepare(path))
    size = _status("VmSize") if Path("/proc/self/status").exists() else ROOM_OF_ADDRESSES
    resource.setrlimit(resource.RLIMIT_AS, (size + ROOM_OF_ADDRESSES,) * 2)
    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        told = attempt(job, watch, memory, folder, original)
        print(json.dumps({"id": job["id"], **told}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
