"""Whatever happens to a run's directory: a sentence says so, training goes on, nothing is lost."""

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import latih as keras
from latih import layers
from latih.archive import snapshot_files
from latih.errors import FileFormatError, LatihWarning

pytestmark = pytest.mark.usefixtures("without_curves")

STEPS, EPOCHS = 5, 4
_draw = np.random.default_rng(5)
X = _draw.normal(size=(40, 6)).astype("float32")
LABELS = _draw.integers(0, 3, 40)


class Killed(BaseException):
    """Stands for the end of the process."""


def net() -> Any:
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def moments(act: Callable[[tuple[int, int]], None]) -> Any:
    """Return a listener that is called before every step, with the epoch and step from 0."""
    now = [0]
    return keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: now.__setitem__(0, epoch),
        on_train_batch_begin=lambda step, logs: act((now[0], step)),
    )


def fit(run_dir: Path, act: Any = lambda moment: None, **asked: Any) -> tuple[Any, dict[str, Any]]:
    model = net()
    history = model.fit(
        X,
        LABELS,
        batch_size=8,
        epochs=EPOCHS,
        verbose=0,
        validation_data=(X, LABELS),
        callbacks=[moments(act)],
        run_dir=run_dir,
        **{"snapshot_every": 1, **asked},
    )
    return model, history.history


def killed(run_dir: Path, at: tuple[int, int] = (2, 3)) -> None:
    def die(moment: tuple[int, int]) -> None:
        if moment == at:
            raise Killed

    keras.utils.set_random_seed(1)
    with pytest.raises(Killed):
        fit(run_dir, die)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, Any]]:
    """A run to which nothing happens."""
    keras.utils.set_random_seed(1)
    return fit(tmp_path_factory.mktemp("alone") / "run")


def assert_same(got: tuple[Any, dict[str, Any]], wanted: tuple[Any, dict[str, Any]]) -> None:
    assert got[1] == wanted[1]
    for one, other in zip(got[0].get_weights(), wanted[0].get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert int(got[0].optimizer.iterations) == int(wanted[0].optimizer.iterations)
    for name, slot in wanted[0].optimizer.slots.items():
        assert torch.equal(slot, got[0].optimizer.slots[name])


def goes_on(run_dir: Path, alone: Any, at: tuple[int, int], warned: list[str]) -> None:
    """Go on with a run: from there, to the end that it would have had, and say just that."""
    steps: list[tuple[int, int]] = []
    keras.utils.set_random_seed(7)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert_same(fit(run_dir, steps.append, resume=True), alone)
    assert steps[:1] == [at]
    assert len(told) == len(warned)
    for one, wanted in zip(told, warned, strict=True):
        assert wanted in str(one.message)
    assert len((run_dir / "log.jsonl").read_text().splitlines()) == EPOCHS


def snapshots(run_dir: Path) -> list[Path]:
    return sorted(path for path in (run_dir / "snapshots").iterdir() if path.name.isdecimal())


# While it runs


def of_a_namespace(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run a command that may mount, and whose mounts are gone with it."""
    rights = ["-m"] if os.geteuid() == 0 else ["-r", "-m"]
    return subprocess.run(["unshare", *rights, *command], capture_output=True, text=True)


def can_mount(folder: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    return of_a_namespace("mount", "-t", "tmpfs", "none", folder).returncode == 0


def faulty(kind: str, folder: Path, ends: bool) -> dict[str, Any]:
    disk = folder / "disk"
    disk.mkdir()
    program = [sys.executable, Path(__file__).with_name("faulty_run.py")]
    asked = [kind, disk, "ends" if ends else "stays"]
    if kind in ("full", "read-only"):
        if not can_mount(disk):
            pytest.skip("no disk can be mounted here; the failures below are raised instead")
        done = of_a_namespace(*program, *asked)
    else:
        done = subprocess.run([*program, *asked], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


SENTENCES = {
    "full": "got No space left on device. No earlier one was touched; make room",
    "read-only": "got Read-only file system. No earlier one was touched",
    "forbidden": "got Permission denied. No earlier one was touched",
}


@pytest.mark.parametrize("kind", ["full", "read-only", "forbidden"])
def test_a_disk_that_takes_no_snapshot_for_a_while_ends_no_run(kind: str, tmp_path: Path) -> None:
    told = faulty(kind, tmp_path, ends=True)
    assert told["trained to the end"]
    # The step whose end was to be written is the third of the second epoch: the next one hears it.
    assert told["warned at"][0] in ([1, 2], [1, 3])
    # And there is an end to it when it can be written again.
    assert told["warned at"][-1] in ([3, 1], [3, 2])
    assert told["warned"][0].startswith("cannot write a snapshot in")
    assert SENTENCES[kind] in told["warned"][0]
    assert told["warned"][0].endswith("Training goes on, and the last whole snapshot stays.")
    assert any(one.startswith("No model was saved in epoch 2: ") for one in told["warned"])
    assert told["log"] == told["lines of run"] == [1, 2, 3, 4, 5]
    assert told["files of run"] == [
        *("best.keras", "final.keras", "lock", "log.jsonl"),
        *("report.html", "run.toml", "snapshots"),
    ]
    assert told["run goes on at"] == [] and told["run goes on to the same bits"]
    assert told["run goes on with warnings"] == []


@pytest.mark.parametrize("kind", ["full", "forbidden"])
def test_a_disk_that_stays_so_leaves_the_last_good_snapshot(kind: str, tmp_path: Path) -> None:
    told = faulty(kind, tmp_path, ends=False)
    assert told["trained to the end"]
    assert told["warned at"][-1] == [4, 5]
    files = " ".join(told["warned"])
    assert all(name in files for name in ("run.toml", "final.keras", "report.html"))
    assert len(told["left"]) == 2 and all(name.isdecimal() for name in told["left"])
    # What was written at the end of the step before is where it goes on.
    assert told["run goes on at"] in ([[1, 2]], [[1, 3]])
    assert told["run goes on to the same bits"] and told["run goes on with warnings"] == []
    assert told["lines of run"] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("kind", ["removed", "renamed"])
def test_a_directory_that_vanishes_is_told_of_and_made_anew(kind: str, tmp_path: Path) -> None:
    told = faulty(kind, tmp_path, ends=True)
    assert told["trained to the end"]
    (sentence,) = told["warned"]
    assert sentence.endswith(
        "snapshots' has vanished. Training goes on, and it is made anew with what follows."
    )
    assert told["warned at"] in ([[1, 2]], [[1, 3]])
    assert told["log"] == [1, 2, 3, 4, 5]
    assert told["run goes on at"] == [] and told["run goes on to the same bits"]
    if kind == "renamed":
        assert told["renamed goes on at"] in ([[1, 2]], [[1, 3]])
        assert told["renamed goes on to the same bits"]
        assert told["lines of renamed"] == [1, 2, 3, 4, 5]


def test_a_directory_that_vanishes_between_snapshots_is_made_anew(
    tmp_path: Path, alone: Any
) -> None:
    def act(moment: tuple[int, int]) -> None:
        if moment == (1, 2):
            while (tmp_path / "run").exists():  # beside the thread that writes into it
                shutil.rmtree(tmp_path / "run", ignore_errors=True)

    keras.utils.set_random_seed(1)
    with pytest.warns(LatihWarning, match="has vanished"):
        assert_same(fit(tmp_path / "run", act, snapshot_every="epoch"), alone)
    assert len((tmp_path / "run" / "log.jsonl").read_text().splitlines()) == EPOCHS
    assert (tmp_path / "run" / "run.toml").is_file()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_a_write_that_fails_is_told_at_once_and_training_goes_on(
    number: int, tmp_path: Path, alone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = snapshot_files._write_file
    failing, heard = [False], []

    def may_fail(path: Path, chunks: Any) -> Any:
        if failing[0]:
            raise OSError(number, os.strerror(number))
        return write(path, chunks)

    def act(moment: tuple[int, int]) -> None:
        heard.append((moment, len(told)))
        failing[0] = (1, 2) <= moment < (2, 1)
        if moment == (2, 0):
            kept.extend(path.name for path in snapshots(tmp_path / "run"))

    kept: list[str] = []
    monkeypatch.setattr(snapshot_files, "_write_file", may_fail)
    keras.utils.set_random_seed(1)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert_same(fit(tmp_path / "run", act), alone)
    assert {str(one.message) for one in told} == {
        f"cannot write a snapshot in "
        f"{str(tmp_path / 'run' / 'snapshots')!r}: expected a directory that can be written, with "
        f"room for it, got {os.strerror(number)}. No earlier one was touched; make room, or make "
        "the directory writable again. Training goes on, and the last whole snapshot stays."
    }
    first = next(moment for moment, count in heard if count)
    last = next(moment for moment, count in heard if count == len(told))
    assert first in ((1, 3), (1, 4)) and last in ((2, 1), (2, 2))
    assert len(kept) == 2
    assert len(snapshots(tmp_path / "run")) == 2
    assert not list((tmp_path / "run" / "snapshots").glob(".*"))


# Between a kill and going on


def cut(path: Path) -> None:
    file = path / "tensors.safetensors"
    file.write_bytes(file.read_bytes()[:-7])


def flip(path: Path) -> None:
    file = path / "tensors.safetensors"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)


def flip_state(path: Path) -> None:
    file = path / "state.json"
    content = file.read_bytes()
    file.write_bytes(content.replace(b'"steps_done": 3', b'"steps_done": 2'))
    assert file.read_bytes() != content


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a file cut short": (cut, "expected tensors.safetensors of"),
    "an empty file": (lambda path: (path / "state.json").write_bytes(b""), "got 0 bytes"),
    "a flipped bit": (flip, "expected tensors.safetensors with the SHA-256 sum"),
    "another number": (flip_state, "expected state.json with the SHA-256 sum"),
    "no manifest": (lambda path: (path / "manifest.json").unlink(), "No such file or directory"),
    "no tensors": (
        lambda path: (path / "tensors.safetensors").unlink(),
        "No such file or directory",
    ),
    "half a manifest": (
        lambda path: os.truncate(path / "manifest.json", 30),
        "manifest.json that is no such JSON",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_snapshot_is_named_and_set_aside_and_the_one_before_used(
    damage: str, tmp_path: Path, alone: Any
) -> None:
    killed(tmp_path / "run")
    older, newest = snapshots(tmp_path / "run")
    act, sentence = DAMAGES[damage]
    act(newest)
    with pytest.warns(LatihWarning) as told:
        steps: list[tuple[int, int]] = []
        assert_same(fit(tmp_path / "run", steps.append, resume=True), alone)
    assert steps[0] == (2, 2)
    (message,) = [str(one.message) for one in told]
    assert message.startswith(f"the snapshot {str(newest)!r} is damaged: expected ")
    assert sentence in message
    assert message.endswith(f"it is set aside as damaged-{newest.name}, and {older.name} is used")
    assert (newest.parent / f"damaged-{newest.name}").is_dir()
    assert len((tmp_path / "run" / "log.jsonl").read_text().splitlines()) == EPOCHS


@pytest.mark.parametrize("resume", ["auto", True, "force"])
def test_if_all_are_damaged_it_is_refused_and_nothing_is_touched(
    resume: Any, tmp_path: Path
) -> None:
    killed(tmp_path / "run")
    for path in snapshots(tmp_path / "run"):
        flip(path)
    before = contents(tmp_path)
    with pytest.raises(FileFormatError) as caught:
        fit(tmp_path / "run", resume=resume)
    assert "is damaged, and no whole one is left" in str(caught.value)
    assert str(caught.value).endswith(
        "Begin anew in another directory; what stands in this one is left as it is."
    )
    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


@pytest.mark.parametrize("written", [0, 2, 99, "1", None])
def test_a_snapshot_of_another_format_is_refused(written: Any, tmp_path: Path) -> None:
    killed(tmp_path / "run")
    newest = snapshots(tmp_path / "run")[-1]
    manifest = json.loads((newest / "manifest.json").read_bytes())
    manifest |= {"format": written, "latih": "7.0"}
    (newest / "manifest.json").write_text(json.dumps(manifest))
    before = contents(tmp_path)
    with pytest.raises(FileFormatError) as caught:
        fit(tmp_path / "run")
    assert str(caught.value) == (
        f"the snapshot {str(newest)!r} is of a format that this Latih does not read: expected "
        f"format 1, got format {written} of Latih 7.0. Go on with the Latih that wrote it, "
        "or begin in a new directory."
    )
    assert contents(tmp_path) == before


@pytest.mark.parametrize("resume", ["auto", "force"])
@pytest.mark.parametrize("state", [{}, [], 3, {"asked": {}}, "position"], ids=str)
def test_a_snapshot_of_something_else_is_refused(state: Any, resume: Any, tmp_path: Path) -> None:
    """Its sums are right, and it is no training."""
    killed(tmp_path / "run")
    newest = snapshots(tmp_path / "run")[-1]
    if state == "position":
        state = json.loads((newest / "state.json").read_bytes())["state"]
        del state[state.index("position") if isinstance(state, list) else "position"]
    content = json.dumps({"state": state}).encode()
    (newest / "state.json").write_bytes(content)
    manifest = json.loads((newest / "manifest.json").read_bytes())
    manifest["files"]["state.json"] = {
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    (newest / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(FileFormatError, match="is not one of a training"):
        fit(tmp_path / "run", resume=resume)


@pytest.mark.parametrize("when", [0.0, 1e9, 4e9], ids=["1970", "2001", "2096"])
def test_no_clock_is_asked_which_snapshot_is_the_newest(
    when: float, tmp_path: Path, alone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(tmp_path / "run")
    older, newest = snapshots(tmp_path / "run")
    for path, moment in ((older, when + 1e8), (newest, when)):
        for file in (*path.iterdir(), path):
            os.utime(file, (moment, moment))
    monkeypatch.setattr(time, "time", lambda: when)
    goes_on(tmp_path / "run", alone, (2, 3), [])


def test_a_clock_that_is_set_back_while_it_trains_changes_nothing(
    tmp_path: Path, alone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [2e9]

    def backwards() -> float:
        clock[0] -= 3600.0
        return clock[0]

    monkeypatch.setattr(time, "time", backwards)
    monkeypatch.setattr(time, "time_ns", lambda: int(backwards() * 1e9))
    keras.utils.set_random_seed(1)
    assert_same(fit(tmp_path / "run", snapshot_every="0.01s"), alone)
    lines = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert all(0 <= json.loads(line)["seconds"] < 60 for line in lines)


def test_a_directory_that_was_moved_goes_on_at_its_new_place(tmp_path: Path, alone: Any) -> None:
    killed(tmp_path / "run")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").rename(tmp_path / "elsewhere" / "b")
    goes_on(tmp_path / "elsewhere" / "b", alone, (2, 3), [])
    assert not (tmp_path / "run").exists()
    assert (tmp_path / "elsewhere" / "b" / "best.keras").is_file()
    assert 'name = "b"' in (tmp_path / "elsewhere" / "b" / "run.toml").read_text()


@pytest.mark.parametrize("lost", ["run.toml", "log.jsonl", "lock", "best.keras"])
def test_another_file_that_is_lost_is_written_again(lost: str, tmp_path: Path, alone: Any) -> None:
    killed(tmp_path / "run")
    (tmp_path / "run" / lost).unlink()
    goes_on(tmp_path / "run", alone, (2, 3), [])
    if lost != "best.keras":
        assert (tmp_path / "run" / lost).is_file()


# Two at once

TWO = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_faults as faults
import latih as keras

def act(moment):
    if moment == (1, 2) and len(sys.argv) > 3:
        print("within", flush=True)
        sys.stdin.readline()

keras.utils.set_random_seed(1)
model, history = faults.fit(Path(sys.argv[1]), act)
print(history["loss"], flush=True)
"""


def process(run_dir: Path, *waits: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", TWO, run_dir, Path(__file__).parent, *waits],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_second_process_is_refused_and_the_first_goes_on(tmp_path: Path, alone: Any) -> None:
    first = process(tmp_path / "run", "waits")
    assert first.stdout is not None and first.stdout.readline() == "within\n"
    before = contents(tmp_path)
    second = process(tmp_path / "run")
    _, said = second.communicate(timeout=100)
    assert second.returncode == 1
    assert said.splitlines()[-1] == (
        f"latih.errors.InputError: another process trains into the directory "
        f"{str(tmp_path / 'run')!r}: expected one that nobody is training into, got one that the "
        f"process {first.pid} has locked. Wait for its end, or choose another directory."
    )
    assert contents(tmp_path) == before
    out, said = first.communicate("go on\n", timeout=100)
    assert (first.returncode, said) == (0, "")
    assert out == f"{alone[1]['loss']}\n"


def test_a_process_that_was_killed_leaves_no_lock(tmp_path: Path, alone: Any) -> None:
    first = process(tmp_path / "run", "waits")
    assert first.stdout is not None and first.stdout.readline() == "within\n"
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=100)
    goes_on(tmp_path / "run", alone, (1, 2), [])
