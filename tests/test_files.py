"""A file is written whole or not at all, whatever happens while it is written."""

import fcntl
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latih.errors import UnwritableError
from latih.files import remove_leftovers, require_writable, write_atomically

Command = Callable[[str], list[str]]


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


def test_a_full_disk_leaves_the_old_file(target: Path, without_torch: Command) -> None:
    # A real limit of the system's: the process may write files of at most 4096 bytes.
    script = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
from latih.files import write_atomically
with write_atomically({str(target)!r}) as file:
    file.write(b"x" * 100_000)
"""
    done = subprocess.run(without_torch(script), capture_output=True, text=True)
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert target.read_bytes() == b"old"
    assert alone(target)


def kill_while_writing(target: Path, without_torch: Command) -> str:
    """Let a process be killed in the middle; return the name of what it leaves."""
    there = set(os.listdir(target.parent))
    script = f"""
import os, signal
from latih.files import write_atomically
with write_atomically({str(target)!r}) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run(without_torch(script)).returncode == -9
    (left,) = set(os.listdir(target.parent)) - there
    assert (
        left.startswith(f".{target.name[:60]}.") and (target.parent / left).read_bytes() == b"half"
    )
    return left


def test_a_killed_process_leaves_the_old_file_and_the_next_writer_removes_the_rest(
    target: Path, without_torch: Command
) -> None:
    kill_while_writing(target, without_torch)
    assert target.read_bytes() == b"old"
    with write_atomically(target) as file:
        assert len(os.listdir(target.parent)) == 2  # it is gone before something is written
        file.write(b"new")
    assert target.read_bytes() == b"new"
    assert alone(target)


def test_what_was_left_of_another_file_stays_until_all_is_asked_for(
    target: Path, without_torch: Command
) -> None:
    other, long = target.parent / "other", target.parent / ("n" * 250)
    left = {kill_while_writing(place, without_torch) for place in (other, long)}
    with write_atomically(target) as file:
        file.write(b"new")
    assert set(os.listdir(target.parent)) == {*left, target.name}
    remove_leftovers(target.parent)
    assert alone(target)


def test_what_was_left_of_a_file_with_a_long_name_is_removed(
    target: Path, without_torch: Command
) -> None:
    long = target.parent / ("n" * 250)
    kill_while_writing(long, without_torch)
    with write_atomically(long) as file:
        file.write(b"new")
    assert set(os.listdir(target.parent)) == {long.name, target.name}


def test_what_a_living_process_writes_is_left_alone(target: Path, without_torch: Command) -> None:
    script = f"""
import sys
from latih.files import write_atomically
with write_atomically({str(target)!r}) as file:
    file.write(b"from there")
    print("writing", flush=True)
    sys.stdin.read()
"""
    process = subprocess.Popen(
        without_torch(script), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "writing\n"
    with write_atomically(target) as file:  # and what this process writes at the same time
        file.write(b"from here")
        with write_atomically(target) as another:
            another.write(b"from here too")
            remove_leftovers(target.parent)
    assert target.read_bytes() == b"from here"
    process.communicate()
    assert process.returncode == 0
    assert target.read_bytes() == b"from there"
    assert alone(target)


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


OWNERS: dict[str, tuple[Callable[[], int], bool]] = {
    "a dead process": (dead_process, True),
    "one of before with this one's number": (os.getpid, True),
    "a process of root's": (lambda: 1, False),
    "a living process": (os.getppid, False),
}


@pytest.mark.parametrize(("owner", "goes"), OWNERS.values(), ids=OWNERS)
def test_only_what_nobody_writes_any_more_is_removed(
    owner: Callable[[], int], goes: bool, target: Path
) -> None:
    left = target.parent / f".{target.name}.{owner()}-0123456789ab"
    left.touch()
    remove_leftovers(target.parent)
    assert left.exists() is not goes


def test_what_another_machine_writes_on_a_shared_disk_is_left_alone(target: Path) -> None:
    # Its process cannot be asked for; that the file is locked can be seen.
    left = target.parent / f".{target.name}.{dead_process()}-0123456789ab"
    reading, writing = os.pipe()
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, os, sys; file = open(sys.argv[1], 'wb'); "
            "fcntl.lockf(file, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()",
            str(left),
        ],
        stdin=reading,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None and child.stdout.readline() == b"\n"
    remove_leftovers(target.parent)
    assert left.exists()
    child.send_signal(signal.SIGKILL)
    child.communicate()
    os.close(reading)
    os.close(writing)
    remove_leftovers(target.parent)
    assert alone(target)


def test_a_disk_that_knows_no_locks_can_be_written(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: Any) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "lockf", fail)
    with write_atomically(target) as file:
        file.write(b"new")
    assert target.read_bytes() == b"new"


def test_files_of_the_users_alike_in_name_are_left_alone(target: Path) -> None:
    dead = dead_process()
    names = [
        ".note.txt",
        ".note.txt.backup",
        f".note.txt.{dead}",
        f".note.txt.{dead}-0123456789a",
        f".note.txt.{dead}-0123456789abc",
        f".note.txt.{dead}-0123456789aB",
        f".note.txt.{dead}-0123456789ab.old",
        f".note.txt.0{dead}-0123456789ab",
        f".note.txt.{2**64}-0123456789ab",
        f"note.txt.{dead}-0123456789ab",
        f"..{dead}-0123456789ab",
        ".note.txt.0123456789ab",
    ]
    for name in names:
        (target.parent / name).touch()
    (target.parent / f".directory.{dead}-0123456789ab").mkdir()
    (target.parent / f".link.{dead}-0123456789ab").symlink_to(target)
    before = sorted(os.listdir(target.parent))
    remove_leftovers(target.parent)
    with write_atomically(target) as file:
        file.write(b"new")
    assert sorted(os.listdir(target.parent)) == before


def test_where_there_is_nothing_nothing_is_removed(tmp_path: Path) -> None:
    remove_leftovers(tmp_path / "none")


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
