"""A thread writes beside training: its failure is told once, and nobody need wait for it."""

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from latih.archive import BackgroundWriter, SnapshotStore
from latih.errors import UnwritableError


def test_an_item_is_written_beside_what_goes_on() -> None:
    go_on, written = threading.Event(), []

    def write(item: str) -> None:
        assert go_on.wait(10)
        written.append((item, threading.current_thread() is threading.main_thread()))

    writer = BackgroundWriter(write)
    assert not writer.busy
    writer.wait()
    writer.start("one")
    assert writer.busy
    assert writer.failure() is None
    with pytest.raises(RuntimeError, match="a write is under way"):
        writer.start("two")
    go_on.set()
    writer.wait()
    assert not writer.busy
    writer.start("two")
    writer.wait()
    assert written == [("one", False), ("two", False)]
    assert writer.failure() is None


def test_a_failure_is_told_once_even_after_a_write_that_went_well() -> None:
    failing = ValueError("no")

    def write(item: bool) -> None:
        if item:
            raise failing

    writer = BackgroundWriter(write)
    for item in (True, False):
        writer.start(item)
        writer.wait()
    assert writer.failure() is failing
    assert writer.failure() is None


def test_a_store_that_fails_says_so_and_goes_on_when_it_can(tmp_path: Path) -> None:
    (tmp_path / "place").write_text("in the way")
    store = SnapshotStore(tmp_path / "place")
    writer = BackgroundWriter(store.write)
    writer.start({"epoch": 1})
    writer.wait()
    assert isinstance(writer.failure(), UnwritableError)
    (tmp_path / "place").unlink()
    writer.start({"epoch": 2})
    writer.wait()
    assert writer.failure() is None
    found = store.newest()
    assert found is not None
    assert found.state == {"epoch": 2}


def test_ctrl_c_breaks_the_waiting_and_not_the_writing() -> None:
    go_on, written = threading.Event(), []

    def write(item: str) -> None:
        assert go_on.wait(10)
        written.append(item)

    def interrupt(*given: Any) -> None:
        raise KeyboardInterrupt

    writer = BackgroundWriter(write)
    writer.start("one")
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            writer.wait()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert writer.busy
    go_on.set()
    writer.wait()
    assert written == ["one"]


def test_who_leaves_does_not_wait() -> None:
    script = """
import time
from latih.archive import BackgroundWriter
BackgroundWriter(time.sleep).start(1000)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=100)
