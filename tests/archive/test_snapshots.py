"""Snapshots: what stands in the files, which are kept, and what is never touched."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import latih
from latih.archive import SnapshotStore, copied
from latih.errors import FileFormatError, InputError

FILES = {"tensors.safetensors", "state.json", "manifest.json"}


def state(number: int) -> Any:
    weights = {"kernel": torch.full((2, 3), float(number)), "steps": torch.tensor(number)}
    return {"epoch": number, "weights": weights, "history": {"loss": [0.5, float("inf")]}}


def same(found: Any, number: int) -> bool:
    expected = state(number)
    return (
        {**found, "weights": None} == {**expected, "weights": None}
        and found["weights"].keys() == expected["weights"].keys()
        and all(torch.equal(found["weights"][k], v) for k, v in expected["weights"].items())
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def newest(store: SnapshotStore) -> Any:
    found = store.newest()
    assert found is not None
    return found


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(tmp_path / "snapshots")


def test_other_programs_read_the_files(store: SnapshotStore) -> None:
    path = store.write(copied(state(3)))
    assert path == store.directory / "000001"
    assert set(names(path)) == FILES
    tensors = safetensors.torch.load_file(path / "tensors.safetensors")
    assert torch.equal(tensors["weights/kernel"], torch.full((2, 3), 3.0))
    assert torch.equal(tensors["weights/steps"], torch.tensor(3))
    written = json.loads((path / "state.json").read_text())["state"]
    assert written["epoch"] == 3
    assert written["weights"]["kernel"] == {"@": "tensor", "of": "weights/kernel"}
    manifest = json.loads((path / "manifest.json").read_text())
    assert manifest["format"] == 1
    assert manifest["latih"] == latih.__version__
    assert set(manifest["files"]) == FILES - {"manifest.json"}
    for name, entry in manifest["files"].items():
        content = (path / name).read_bytes()
        assert entry == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_the_newest_comes_back_and_the_last_ones_are_kept(store: SnapshotStore) -> None:
    assert store.newest() is None
    for number in range(1, 5):
        store.write(state(number))
        found = newest(store)
        assert same(found.state, number)
        assert found.path == store.directory / f"{number:06d}"
    assert names(store.directory) == ["000003", "000004"]


@pytest.mark.parametrize("keep", [1, 3])
def test_so_many_are_kept_as_was_asked(keep: int, tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path, keep)
    for number in range(5):
        store.write(state(number))
    assert names(tmp_path) == ["000001", "000002", "000003", "000004", "000005"][-keep:]


@pytest.mark.parametrize("keep", [0, -1, 1.5, True, None])
def test_keeping_none_is_refused(keep: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`keep` of SnapshotStore"):
        SnapshotStore(tmp_path, keep)


def test_tensors_outlast_their_files(store: SnapshotStore) -> None:
    store.write(state(7))
    found = newest(store)
    before = (found.path / "tensors.safetensors").stat().st_size
    os.truncate(found.path / "tensors.safetensors", 0)
    assert before > 0
    assert same(found.state, 7)


def test_numbers_decide_and_no_clock(store: SnapshotStore) -> None:
    store.write(state(1))
    last = store.write(state(2))
    for path in (last, *last.iterdir()):
        os.utime(path, (0, 0))
    assert same(newest(store).state, 2)
    assert store.write(state(3)).name == "000003"


def test_numbers_grow_beyond_six_digits(store: SnapshotStore) -> None:
    os.rename(store.write(state(1)), store.directory / "999999")
    store.write(state(2))
    assert names(store.directory) == ["1000000", "999999"]
    assert same(newest(store).state, 2)


def test_another_working_directory_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = SnapshotStore("here")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert store.write(state(1)) == tmp_path / "here" / "000001"
    assert same(newest(store).state, 1)


def test_a_state_that_cannot_be_stored_leaves_no_trace(store: SnapshotStore) -> None:
    store.write(state(1))
    many = [{"a": 1, "b": 2}] * 170_000
    too_many_tensors = dict.fromkeys(map(str, range(80_000)), torch.zeros(()))
    for wrong, said in (({"x": {1}}, "'x'"), ({"x": many}, "too large"), (too_many_tensors, "too")):
        with pytest.raises(InputError, match=said):
            store.write(wrong)
    assert names(store.directory) == ["000001"]


def test_the_store_may_be_reached_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    SnapshotStore(tmp_path / "link").write(state(1))
    assert same(newest(SnapshotStore(tmp_path / "link")).state, 1)


def tree(folder: Path) -> dict[str, Any]:
    return {
        str(path.relative_to(folder)): os.readlink(path)
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in sorted(folder.rglob("*"))
    }


def test_what_is_the_users_is_never_touched(store: SnapshotStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in FILES:
        (outside / name).write_text("theirs")
    foreign = {
        "notes.txt": None,
        "000000": "photo.png",
        "000050": "photo.png",
        "60": "manifest.json",
        "00000070": "photo.png",
        "damaged-000003": "photo.png",
        ".writing-000002-0123456789ab": "photo.png",
        ".removing-000002-0123456789ab": "photo.png",
        ".writing-000002-theirs": "manifest.json",
        ".writing-2-0123456789ab": "manifest.json",
    }
    store.directory.mkdir()
    for name, inner in foreign.items():
        if inner is None:
            (store.directory / name).write_text("theirs")
        else:
            (store.directory / name).mkdir()
            (store.directory / name / inner).write_text("theirs")
    (store.directory / "000080").write_text("a file with the name of a snapshot")
    (store.directory / "000090").symlink_to(outside)
    (store.directory / ".writing-000091-0123456789ab").symlink_to(outside)
    (store.directory / "000001").mkdir()
    (store.directory / "000001" / "manifest.json").mkdir()
    before = tree(tmp_path)
    store.clean()
    for number in range(4):
        store.write(state(number))
    assert same(newest(store).state, 3)
    assert sorted(set(tree(tmp_path)) - set(before)) == sorted(
        f"snapshots/{name}{file}"
        for name in ("000093", "000094")
        for file in ("", *(f"/{file}" for file in FILES))
    )
    store.clear()
    assert tree(tmp_path) == before


def test_something_put_into_a_snapshot_keeps_it(store: SnapshotStore) -> None:
    kept = store.write(state(1))
    (kept / "note.txt").write_text("the best one")
    for number in range(2, 5):
        store.write(state(number))
    assert names(store.directory) == ["000001", "000003", "000004"]
    store.clear()
    assert names(store.directory) == ["000001"]
    assert same(newest(store).state, 1)


def test_all_is_cleared_and_the_directory_too(store: SnapshotStore) -> None:
    store.clear()
    for number in range(3):
        store.write(state(number))
    os.rename(store.directory / "000002", store.directory / "damaged-000002")
    (store.directory / ".writing-000004-0123456789ab").mkdir()
    store.clear()
    assert not store.directory.exists()
    assert store.newest() is None
    store.clear()
    store.clean()


def test_a_file_in_the_place_of_the_directory_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("theirs")
    store = SnapshotStore(tmp_path / "file")
    with pytest.raises(OSError, match="cannot write a snapshot"):
        store.write(state(1))
    with pytest.raises(FileFormatError, match="cannot read the snapshots"):
        store.newest()


def test_what_a_killed_process_had_no_time_to_remove_is_removed(tmp_path: Path) -> None:
    for number in range(3):
        SnapshotStore(tmp_path, keep=3).write(state(number))
    store = SnapshotStore(tmp_path, keep=2)
    store.clean()
    assert names(tmp_path) == ["000002", "000003"]
    assert same(newest(store).state, 2)
