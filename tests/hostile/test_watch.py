"""The watch under which hostile files are tried sees what it is there to see."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_files import good, trial
from hostile_files.entry_points import EntryPoint

import latih
from latih.errors import FileFormatError


def _opens_another(path: Path) -> Any:
    (path.parent.parent / "outside" / "canary.txt").read_text()
    return good.model()


def _writes(path: Path) -> Any:
    (path.parent.parent / "outside" / "new.txt").write_text("x")
    return good.model()


def _connects(path: Path) -> Any:
    with socket.socket() as unconnected, pytest.raises(OSError):
        unconnected.connect(("127.0.0.1", 9))
    return good.model()


def _allocates(path: Path) -> Any:
    np.ones(300 << 17).sum()  # 300 MiB
    raise FileFormatError("refused, and too late")


def _dawdles(path: Path) -> Any:
    numbers = np.ones(1 << 16)
    start = trial.time.process_time()
    while trial.time.process_time() - start < trial.LONGEST_SECONDS:
        numbers.sum()
    raise FileFormatError("refused, and too late")


def _lets_through(path: Path) -> Any:
    raise KeyError("of no use to anybody")


def _loads_something_else(path: Path) -> Any:
    return latih.Sequential([latih.Input([6]), latih.layers.Dense(4)])


def _executes(path: Path) -> Any:
    exec("1 + 1")
    return good.model()


@pytest.mark.parametrize(
    ("reader", "told"),
    [
        (_opens_another, "open"),
        (_writes, "touched"),
        (_connects, "socket.connect"),
        (_allocates, "MiB"),
        (_dawdles, " s"),
        (_lets_through, "raised KeyError"),
        (_loads_something_else, "weights of"),
        (_executes, "exec"),
    ],
)
def test_the_watch_sees(
    reader: Callable[[Path], Any], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tried"
    (folder / "cases").mkdir(parents=True)
    (folder / "outside").mkdir()
    (folder / "outside" / "canary.txt").write_text("untouched")
    path = folder / "cases" / "x.keras"
    path.write_bytes(b"")
    entry = EntryPoint("a reader that obeys", (".keras",), lambda path: path, reader)
    monkeypatch.setattr(trial, "ENTRY_POINTS", [entry])
    monkeypatch.setattr(trial, "LONGEST_SECONDS", 0.2)
    monkeypatch.chdir(tmp_path)
    job = {"entry": entry.name, "path": str(path), "cwd": str(tmp_path)}
    came = trial.attempt(job, WATCH, trial.Memory(), folder, good.model().get_weights())
    assert told in "; ".join([came["outcome"], *came["trouble"]])


# A hook that hears what Python does can never be taken off: so there is one, and it sleeps.
WATCH = trial.Watch()
