"""Kills, full disks and lost bytes: the old snapshot or the new one is there, whole, and is named.

A process is really killed at every call by which a snapshot is written; a small disk is really
filled where the system lets one be made.
"""

import builtins
import errno
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from latih.archive import SnapshotStore, snapshot_files
from latih.errors import FileFormatError, LatihWarning, UnwritableError

TENSORS, STATE, MANIFEST = "tensors.safetensors", "state.json", "manifest.json"
CALLS = ("fsync", "rename", "unlink", "rmdir", "mkdir")


def state(number: int) -> Any:
    return {"epoch": number, "weights": torch.arange(float(number), number + 50)}


def number_of(found: Any) -> int:
    """Return which state was found, after all of it was compared."""
    assert found is not None
    number = found.state["epoch"]
    assert torch.equal(found.state["weights"], state(number)["weights"])
    return number


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    """Return a store of two snapshots: the next one makes it remove the first."""
    store = SnapshotStore(tmp_path / "snapshots")
    store.write(state(1))
    store.write(state(2))
    return store


class Watched:
    """Every call that changes a disk, counted; something happens in place of one of them."""

    def __init__(self, at: int, instead: Callable[[str], None]) -> None:
        self.calls: list[tuple[str, str]] = []
        self.at, self.instead = at, instead

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        for name in CALLS:
            patch.setattr(os, name, self._watched(name, getattr(os, name)))
        patch.setattr(snapshot_files, "open", self._open, raising=False)

    def _count(self, name: str, given: Any) -> bool:
        target = os.readlink(f"/proc/self/fd/{given}") if isinstance(given, int) else str(given)
        self.calls.append((name, target))
        return len(self.calls) == self.at

    def _watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(first: Any, *more: Any, **named: Any) -> Any:
            if self._count(name, first):
                self.instead(name)
            return function(first, *more, **named)

        return called

    def _open(self, path: Path, mode: str) -> Any:
        if "x" not in mode:
            return builtins.open(path, mode)
        watched = self

        class File(io.FileIO):
            def write(self, content: Any) -> int:
                if watched._count("write", self.fileno()):
                    super().write(memoryview(content)[: len(content) // 2])
                    watched.instead("write")
                return super().write(content)

        return File(path, mode)


def killed_at(call: int, act: Callable[[], object]) -> bool:
    """Act in a child that kills itself at that call; return whether it came so far."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # no other thread of ours is at work
        child = os.fork()
    if not child:
        with pytest.MonkeyPatch.context() as patch:
            Watched(call, lambda name: os.kill(os.getpid(), signal.SIGKILL)).watch(patch)
            try:
                act()
            finally:
                os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL)
    return status == signal.SIGKILL


def until_none_is_left(fresh: Callable[[], SnapshotStore]) -> Iterator[tuple[int, SnapshotStore]]:
    """Yield stores alike with the numbers 1, 2, ...; the caller stops."""
    for call in range(1, 100):
        yield call, fresh()
    pytest.fail("more calls than anybody thought")


@pytest.fixture
def fresh(store: SnapshotStore, tmp_path: Path) -> Callable[[], SnapshotStore]:
    def copy() -> SnapshotStore:
        folder = Path(tempfile.mkdtemp(dir=tmp_path)) / "snapshots"
        shutil.copytree(store.directory, folder)
        return SnapshotStore(folder)

    return copy


def test_a_kill_at_any_call_of_a_write_leaves_the_old_or_the_new_one(
    fresh: Callable[[], SnapshotStore],
) -> None:
    found: list[int] = []
    for call, store in until_none_is_left(fresh):
        if not killed_at(call, lambda store=store: store.write(state(3))):
            break
        found.append(number_of(store.newest()))
        assert (store.directory / "000002").is_dir()
        store.clean()
        left = names(store.directory)
        assert left in (["000001", "000002"], ["000001", "000002", "000003"], ["000002", "000003"])
        assert store.write(state(4)).name == ("000003" if found[-1] == 2 else "000004")
        assert number_of(store.newest()) == 4
        assert len(names(store.directory)) == 2
    assert found == sorted(found)
    # mkdir, three files of writes and an fsync each, two of directories, and so on.
    assert found.count(2) > 10 and found.count(3) > 5


def test_a_kill_at_any_call_of_a_first_write_leaves_nothing_or_the_new_one(tmp_path: Path) -> None:
    def fresh() -> SnapshotStore:
        return SnapshotStore(Path(tempfile.mkdtemp(dir=tmp_path)) / "snapshots")

    for call, store in until_none_is_left(fresh):
        if not killed_at(call, lambda store=store: store.write(state(1))):
            break
        found = store.newest()
        assert found is None or number_of(found) == 1
        store.clean()
        assert not store.directory.exists() or names(store.directory) in ([], ["000001"])


def test_a_kill_at_any_call_of_clearing_leaves_the_newest_or_nothing(
    fresh: Callable[[], SnapshotStore],
) -> None:
    for call, store in until_none_is_left(fresh):
        if not killed_at(call, store.clear):
            break
        found = store.newest()
        assert found is None or number_of(found) == 2
        store.clear()
        assert not store.directory.exists()


def test_all_bytes_are_on_the_disk_before_the_name_says_so(store: SnapshotStore) -> None:
    watched = Watched(0, lambda name: None)
    with pytest.MonkeyPatch.context() as patch:
        watched.watch(patch)
        store.write(state(3))
    kinds = [kind for kind, _ in watched.calls]
    files = [Path(target).name for kind, target in watched.calls if kind == "fsync"]
    assert files[:3] == [TENSORS, STATE, MANIFEST]
    assert files[3].startswith(".writing-000003-")
    assert files[4:] == ["snapshots", "snapshots"]
    first = kinds.index("rename")
    assert kinds[:first].count("fsync") == 4
    assert "write" not in kinds[first:]
    # The name of the new one is safe before the old one loses its own, and that before its files.
    assert kinds[first : first + 4] == ["rename", "fsync", "rename", "fsync"]
    assert kinds[first + 4 :] == ["unlink"] * 3 + ["rmdir"]
    for name in (TENSORS, STATE, MANIFEST):
        of_file = [kind for kind, target in watched.calls[:first] if Path(target).name == name]
        assert of_file[-1] == "fsync" and "fsync" not in of_file[:-1]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_failure_at_any_call_is_told_and_leaves_no_rest(
    number: int, fresh: Callable[[], SnapshotStore]
) -> None:
    def fail(name: str) -> None:
        raise OSError(number, os.strerror(number))

    for call, store in until_none_is_left(fresh):
        watched = Watched(call, fail)
        with pytest.MonkeyPatch.context() as patch:
            watched.watch(patch)
            try:
                store.write(state(3))
                break
            except UnwritableError as error:
                told = str(error)
        assert told.startswith(("cannot write a snapshot in", "cannot remove an old snapshot in"))
        assert f"got {os.strerror(number)}" in told
        removing = "remove" in told
        assert number_of(store.newest()) in ((3,) if removing else (2, 3))
        assert removing or not [name for name in names(store.directory) if name.startswith(".")]
        store.clean()
        assert number_of(store.newest()) in (2, 3)
        assert not [name for name in names(store.directory) if name.startswith(".")]


SMALL_DISK = """
import json, os, subprocess, sys, warnings
from pathlib import Path
import torch
from latih.archive import SnapshotStore
from latih.errors import UnwritableError

disk = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=True)
store = SnapshotStore(disk / "snapshots")
told = {}

def attempt(name, bytes):
    try:
        store.write({"name": name, "weights": torch.ones(bytes // 4)})
    except UnwritableError as error:
        told[name] = str(error)
    told["after " + name] = sorted(os.listdir(store.directory)), store.newest().state["name"]

attempt("small", 300_000)
attempt("larger than the disk", 3_000_000)
attempt("larger than the rest", 900_000)
attempt("small again", 300_000)
(store.directory / "000003").mkdir()
subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    attempt("when it is read-only", 1000)
told["warned"] = [str(one.message) for one in warned]
try:
    store.clear()
except UnwritableError as error:
    told["clear"] = str(error)
print(json.dumps(told))
"""


def of_a_namespace(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command that may mount, and whose mounts are gone with it."""
    rights = ["-m"] if os.geteuid() == 0 else ["-r", "-m"]
    return subprocess.run(["unshare", *rights, *command], capture_output=True, text=True)


def can_mount(folder: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    return of_a_namespace("mount", "-t", "tmpfs", "none", folder).returncode == 0


def test_a_full_and_a_read_only_disk_lose_nothing(tmp_path: Path) -> None:
    if not can_mount(tmp_path):
        pytest.skip("no disk can be mounted here; the failures above are raised instead")
    done = of_a_namespace(sys.executable, "-c", SMALL_DISK, tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for name in ("larger than the disk", "larger than the rest"):
        assert told[name].startswith("cannot write a snapshot in")
        assert "got No space left on device. No earlier one was touched" in told[name]
        assert told["after " + name] == [["000001"], "small"]
    assert told["after small again"] == [["000001", "000002"], "small again"]
    assert "got Read-only file system." in told["when it is read-only"]
    read_only = told["after when it is read-only"]
    assert read_only == [["000001", "000002", "000003"], "small again"]
    (warned,) = told["warned"]
    assert "cannot be set aside (Read-only file system), and 000002 is used" in warned
    assert told["clear"].startswith("cannot remove the snapshots")


@pytest.fixture
def nobody() -> Iterator[Path]:
    """Yield a folder in which permissions bind, which they do not for root."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    if os.geteuid():
        yield folder
    else:
        shutil.chown(folder, 65534)
        os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(0)
    shutil.rmtree(folder)


def test_permission_lost_is_told_and_is_no_damage(nobody: Path) -> None:
    store = SnapshotStore(nobody / "snapshots")
    store.write(state(1))
    last = store.write(state(2))
    store.directory.chmod(0o555)
    with pytest.raises(UnwritableError, match=r"got Permission denied\. No earlier one"):
        store.write(state(3))
    assert number_of(store.newest()) == 2
    for path in (store.directory, last, last / STATE, last / TENSORS, last / MANIFEST):
        before = path.stat().st_mode
        path.chmod(0)
        with pytest.raises(FileFormatError, match=r"cannot read the snapshots.*Permission denied"):
            store.newest()
        path.chmod(before)
    store.directory.chmod(0o755)
    assert store.write(state(3)).name == "000003"
    assert number_of(store.newest()) == 3


def test_a_vanished_directory_is_made_again(store: SnapshotStore) -> None:
    shutil.rmtree(store.directory)
    assert store.newest() is None
    store.write(state(3))
    assert number_of(store.newest()) == 3


def test_a_directory_that_vanishes_within_a_write_is_told(store: SnapshotStore) -> None:
    with pytest.MonkeyPatch.context() as patch:
        Watched(6, lambda name: shutil.rmtree(store.directory)).watch(patch)
        with pytest.raises(UnwritableError, match="cannot write a snapshot"):
            store.write(state(3))
    assert not store.directory.exists()


def test_a_directory_that_is_renamed_goes_on(store: SnapshotStore, tmp_path: Path) -> None:
    store.directory.rename(tmp_path / "another")
    moved = SnapshotStore(tmp_path / "another")
    assert number_of(moved.newest()) == 2
    assert moved.write(state(3)).name == "000003"


def forged(path: Path, name: str, content: bytes) -> None:
    """Let a file say something else, and the manifest that it is right."""
    manifest = json.loads((path / MANIFEST).read_text())
    (path / name).write_bytes(content)
    entry = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest["files"][name] = entry
    (path / MANIFEST).write_text(json.dumps(manifest))


def manifest_of(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def damage(path: Path) -> None:
        manifest = json.loads((path / MANIFEST).read_text())
        change(manifest)
        (path / MANIFEST).write_text(json.dumps(manifest))

    return damage


def _emptied(path: Path) -> None:
    for file in path.iterdir():
        file.unlink()


def _linked(name: str) -> Callable[[Path], object]:
    def damage(path: Path) -> None:
        (path / name).rename(path.parent.parent / name)
        (path / name).symlink_to(path.parent.parent / name)

    return damage


def _piped(path: Path) -> None:
    (path / STATE).unlink()
    os.mkfifo(path / STATE)


def _lying(path: Path) -> None:
    content = (path / TENSORS).read_bytes()
    forged(path, TENSORS, content.replace(b"[50]", b"[51]"))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "tensors cut short": lambda path: os.truncate(path / TENSORS, 100),
    "tensors of no bytes": lambda path: os.truncate(path / TENSORS, 0),
    "tensors too long": lambda path: os.truncate(path / TENSORS, 2**40),
    "no tensors": lambda path: (path / TENSORS).unlink(),
    "no state": lambda path: (path / STATE).unlink(),
    "no manifest": lambda path: (path / MANIFEST).unlink(),
    "nothing": _emptied,
    "a manifest cut short": lambda path: os.truncate(path / MANIFEST, 100),
    "a manifest of no bytes": lambda path: os.truncate(path / MANIFEST, 0),
    "a manifest of zeros": lambda path: (path / MANIFEST).write_bytes(bytes(300)),
    "a manifest too large": lambda path: os.truncate(path / MANIFEST, 2**40),
    "a manifest of a list": lambda path: (path / MANIFEST).write_text("[]"),
    "a manifest without end": lambda path: (path / MANIFEST).write_text("[" * 60_000),
    "a manifest without a format": manifest_of(lambda m: m.pop("format")),
    "a manifest without files": manifest_of(lambda m: m.pop("files")),
    "files in a list": manifest_of(lambda m: m.update(files=[TENSORS, STATE])),
    "a file less": manifest_of(lambda m: m["files"].pop(STATE)),
    "a file more": manifest_of(lambda m: m["files"].update({"x": m["files"][STATE]})),
    "a path out": manifest_of(lambda m: m["files"].update({"../x": m["files"].pop(STATE)})),
    "an entry of text": manifest_of(lambda m: m["files"].update({STATE: "x"})),
    "a length of text": manifest_of(lambda m: m["files"][STATE].update(bytes="100")),
    "another length": manifest_of(lambda m: m["files"][STATE].update(bytes=10**400)),
    "a sum of a number": manifest_of(lambda m: m["files"][STATE].update(sha256=7)),
    "manifest linked": _linked(MANIFEST),
    "state linked": _linked(STATE),
    "tensors linked": _linked(TENSORS),
    "a pipe": _piped,
    "a forged header": _lying,
    "a forged state": lambda path: forged(path, STATE, b'{"state": {"@": "tensor", "of": "x"}}'),
    "a deep state": lambda path: forged(path, STATE, b'{"state":' + b"[" * 400 + b"]" * 400 + b"}"),
    "an endless state": lambda path: forged(path, STATE, b"[" * 100_000),
    "a state of millions": lambda path: forged(path, STATE, b"[" + b"1," * 10**6 + b"1]"),
    "no state in the state": lambda path: forged(path, STATE, b'{"other": 1}'),
    "a state that is no text": lambda path: forged(path, STATE, b'{"state": "\xff"}'),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_one_is_named_set_aside_and_the_one_before_is_used(
    damage: Callable[[Path], object], store: SnapshotStore
) -> None:
    path = store.directory / "000002"
    damage(path)
    told = (
        r"the snapshot '.*000002' is damaged: expected .+, got .+; "
        r"it is set aside as damaged-000002, and 000001 is used"
    )
    with pytest.warns(LatihWarning, match=told):
        assert number_of(store.newest()) == 1
    assert names(store.directory) == ["000001", "damaged-000002"]
    assert number_of(store.newest()) == 1
    assert store.write(state(3)).name == "000003"
    store.write(state(4))
    assert names(store.directory) == ["000003", "000004", "damaged-000002"]


@pytest.mark.parametrize("name", [TENSORS, STATE, MANIFEST])
def test_a_flipped_bit_anywhere_is_found(name: str, store: SnapshotStore) -> None:
    last, aside = store.directory / "000002", store.directory / "damaged-000002"
    whole = (last / name).read_bytes()
    harmless = 0
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        (last / name).write_bytes(flipped)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                number = number_of(store.newest())
            except FileFormatError as error:
                # Of all bits only those of the one digit that is the format's.
                assert name == MANIFEST and "is of a format" in str(error)
                continue
        if number == 2:
            harmless += 1
            continue
        (one,) = warned
        assert "is damaged" in str(one.message)
        aside.rename(last)
    # In the manifest: the spaces and Latih's version, which decide nothing.
    assert harmless == 0 or (name == MANIFEST and harmless < 40)
    (last / name).write_bytes(whole)
    assert number_of(store.newest()) == 2


def test_if_none_is_whole_there_is_no_fresh_start(store: SnapshotStore) -> None:
    for path in store.directory.iterdir():
        (path / MANIFEST).unlink()
    for _ in range(2):
        with pytest.raises(FileFormatError, match="000002' is damaged, and no whole one is left"):
            store.newest()
    assert names(store.directory) == ["000001", "000002"]


@pytest.mark.parametrize("written", [0, 2, 99, "1", True, None, 1.0])
def test_another_format_is_refused_and_not_gone_back_behind(
    written: Any, store: SnapshotStore
) -> None:
    manifest_of(lambda m: m.update(format=written, latih="9.1"))(store.directory / "000002")
    with pytest.raises(FileFormatError, match=r"000002' is of a format .*format .* of Latih 9.1"):
        store.newest()
    assert names(store.directory) == ["000001", "000002"]


def test_two_damaged_ones_are_both_named(store: SnapshotStore) -> None:
    store.keep = 3
    store.write(state(3))
    for name in ("000002", "000003"):
        (store.directory / name / STATE).unlink()
    with pytest.warns(LatihWarning) as warned:
        assert number_of(store.newest()) == 1
    assert [str(one.message)[-53:] for one in warned] == [
        "it is set aside as damaged-000003, and 000001 is used",
        "it is set aside as damaged-000002, and 000001 is used",
    ]
