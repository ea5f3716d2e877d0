"""A file is written whole or not at all, whatever happens while it is written."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from latih.errors import UnwritableError
from latih.files import require_writable, write_atomically


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_bytes(b"old")
    return path


def alone(target: Path) -> bool:
    return [path.name for path in target.parent.iterdir()] == [target.name]


def test_a_file_takes_its_place_whole(target: Path) -> None:
    with write_atomically(target) as file:
        file.write(b"new ")
        file.flush()
        assert target.read_bytes() == b"old"
        file.write(b"and whole")
    assert target.read_bytes() == b"new and whole"
    assert alone(target)


@pytest.mark.parametrize("error", [RuntimeError, OSError, KeyboardInterrupt, SystemExit])
def test_whatever_is_raised_leaves_the_old_file_and_no_rubbish(
    error: type[BaseException], target: Path
) -> None:
    with pytest.raises(error), write_atomically(target) as file:
        file.write(b"half")
        raise error
    assert target.read_bytes() == b"old"
    assert alone(target)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failing_system_call_leaves_the_old_file_and_no_rubbish(
    step: str, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="No space left"), write_atomically(target) as file:
        file.write(b"new")
    monkeypatch.undo()
    assert target.read_bytes() == b"old"
    assert alone(target)


def test_a_full_disk_leaves_the_old_file(target: Path) -> None:
    # A real limit of the system's: the process may write files of at most 4096 bytes.
    script = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
from latih.files import write_atomically
with write_atomically({str(target)!r}) as file:
    file.write(b"x" * 100_000)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert target.read_bytes() == b"old"
    assert alone(target)


def test_a_killed_process_leaves_the_old_file(target: Path) -> None:
    script = f"""
import os, signal
from latih.files import write_atomically
with write_atomically({str(target)!r}) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    assert target.read_bytes() == b"old"


def test_the_directory_is_made(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "note.txt"
    with write_atomically(str(target)) as file:
        file.write(b"new")
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_the_file_has_the_permissions_that_any_new_file_has(mask: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        with write_atomically(tmp_path / "note.txt") as file:
            file.write(b"new")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "note.txt").stat().st_mode) == 0o666 & ~mask


def test_a_long_name_is_written_too(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 250 + ".txt")
    with write_atomically(target) as file:
        file.write(b"new")
    assert target.read_bytes() == b"new"


UNWRITABLE = {"under a file": "note.txt/below", "under a file, deeper": "note.txt/below/deeper"}


@pytest.mark.parametrize("name", UNWRITABLE.values(), ids=UNWRITABLE)
def test_a_place_that_cannot_be_written_is_refused_at_once(name: str, target: Path) -> None:
    with pytest.raises(UnwritableError) as caught:
        require_writable(target.parent / name, argument="run_dir")
    said = str(caught.value)
    assert said.startswith("cannot write to the directory ")
    assert "(asked for by 'run_dir')" in said
    assert "expected a directory that can be made and written" in said
    assert said.endswith("Choose another directory or change its permissions.")
    with pytest.raises(UnwritableError), write_atomically(target.parent / name / "file"):
        pytest.fail("the block ran")


def test_the_kernels_own_directory_is_refused() -> None:
    with pytest.raises(UnwritableError, match="/proc/latih"):
        require_writable("/proc/latih", argument="run_dir")


def test_asking_leaves_nothing_behind(tmp_path: Path) -> None:
    assert require_writable(tmp_path / "new", argument="x") == tmp_path / "new"
    assert list((tmp_path / "new").iterdir()) == []
