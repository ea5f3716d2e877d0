"""One process at a time trains into a directory; a crash, however hard, lets the next one in."""

import errno
import fcntl
import os
import signal
import subprocess
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from latih.errors import InputError, LatihWarning, UnwritableError
from latih.locks import locked

Command = Callable[[str], list[str]]
NOBODY = 65534


@contextmanager
def holder(path: Path, without_torch: Command) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock until it is ended."""
    script = textwrap.dedent("""
        import sys
        from latih.locks import locked
        with locked(sys.argv[1]):
            print("locked", flush=True)
            sys.stdin.read()
    """)
    process = subprocess.Popen(
        [*without_torch(script), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "locked\n"
        yield process
    finally:
        process.kill()
        process.wait(20)
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def assert_free(path: Path) -> None:
    with locked(path):
        pass


def assert_refused(path: Path, by: str) -> None:
    with pytest.raises(InputError) as caught, locked(path):
        pytest.fail("the block ran")
    assert str(caught.value) == (
        f"another process trains into the directory {str(path.parent)!r}: expected one that nobody "
        f"is training into, got one that {by} has locked. Wait for its end, or choose another "
        "directory."
    )


def test_a_second_process_is_refused_until_the_first_has_ended(
    tmp_path: Path, without_torch: Command
) -> None:
    path = tmp_path / "lock"
    with holder(path, without_torch) as process:
        assert_refused(path, by=f"the process {process.pid}")
        assert_refused(path, by=f"the process {process.pid}")
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 0
        assert_free(path)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGABRT])
def test_what_ends_the_process_ends_the_lock(
    number: signal.Signals, tmp_path: Path, without_torch: Command
) -> None:
    path = tmp_path / "lock"
    with holder(path, without_torch) as process:
        process.send_signal(number)
        process.wait(20)
        assert_free(path)


def test_a_process_that_was_forked_does_not_hold_what_its_parent_held(
    tmp_path: Path, without_torch: Command
) -> None:
    # The processes of a loader live on for some seconds when the one that trains is killed.
    path = tmp_path / "lock"
    process = subprocess.Popen(
        [
            *without_torch(
                "import os, sys, time\nfrom latih.locks import locked\n"
                "with locked(sys.argv[1]):\n"
                # The child tells of itself: it runs by then, and has let go of what it inherited.
                "    if not os.fork(): print(os.getpid(), flush=True)\n"
                "    time.sleep(60)\n"
            ),
            str(path),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    try:
        assert_refused(path, by=f"the process {process.pid}")
        process.kill()
        process.wait(20)
        os.kill(child, 0)  # it lives
        assert_free(path)
    finally:
        os.kill(child, signal.SIGKILL)
        process.stdout.close()


def test_a_process_refuses_itself_too(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path):
        assert_refused(path, by="this process")
        assert_refused(path, by="this process")
    assert_free(path)


def test_an_error_in_the_block_ends_the_lock(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), locked(tmp_path / "lock"):
        raise RuntimeError
    assert_free(tmp_path / "lock")


def test_directories_do_not_disturb_each_other(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with locked(tmp_path / "a" / "lock"), locked(tmp_path / "b" / "lock"):
        assert_refused(tmp_path / "a" / "lock", by="this process")


@pytest.mark.parametrize("left", [b"", b"4321\n", b"\xff\xfe nonsense", b"9" * 10_000])
def test_what_stands_in_a_file_that_is_left_keeps_nobody_out(left: bytes, tmp_path: Path) -> None:
    (tmp_path / "lock").write_bytes(left)
    with locked(tmp_path / "lock"):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_holder_that_cannot_be_read_is_a_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("wb") as file:
        file.write(b"\xff nonsense")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        assert_refused(path, by="a process")
    assert_free(path)


PLACES = {"under a file": "file/lock", "a directory": "taken"}


@pytest.mark.parametrize("name", PLACES.values(), ids=PLACES)
def test_a_place_without_such_a_file_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "taken").mkdir()
    with pytest.raises(UnwritableError, match="cannot lock the directory"), locked(tmp_path / name):
        pytest.fail("the block ran")


def test_a_directory_that_may_not_be_written_is_refused(without_torch: Command) -> None:
    # The permissions do not bind root: the process becomes nobody.
    script = f"""
import os, tempfile
from latih.errors import UnwritableError
from latih.locks import locked
place = tempfile.mkdtemp()
os.chmod(place, 0o555)
if os.getuid() == 0:
    os.setuid({NOBODY})
try:
    with locked(os.path.join(place, "lock")):
        print("the block ran")
except UnwritableError as error:
    print(error)
"""
    done = subprocess.run(without_torch(script), capture_output=True, text=True)
    assert done.stdout.startswith("cannot lock the directory"), done
    assert "PermissionError: Permission denied" in done.stdout


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_a_disk_that_knows_no_locks_is_told_of(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", fail)
    ran = False
    with pytest.warns(LatihWarning, match="knows no locks"), locked(tmp_path / "lock"):
        ran = True
    assert ran
