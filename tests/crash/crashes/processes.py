"""Processes that train: begun, waited for, and ended with all that they have begun."""

import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path

from .child import Life, as_argument, live

DEADLINE = 180.0
"""After so many seconds a process hangs."""
ROOM = Path(__file__).parents[1]


def begin(life: Life, fresh: bool = False) -> int:
    """Begin a life in a process of its own, which leads a group, and return its number.

    It is forked from this one, which has imported everything: 200 imports of torch would take
    longer than all training here.

    Args:
        life: what it is to do.
        fresh: whether it is a new program all the same.
    """
    number = os.fork()
    if number:
        return number
    try:
        os.setsid()
        said = os.open(Path(life.place) / "said.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(said, 1)
        os.dup2(said, 2)
        if fresh:
            os.chdir(ROOM)
            os.execv(sys.executable, [sys.executable, "-m", "crashes.child", as_argument(life)])
        live(life)
        sys.stdout.flush()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(1)


def wait_for(file: Path, number: int) -> None:
    """Wait until there is a file, or a process ends that was to write it."""
    end = time.monotonic() + DEADLINE
    while not file.exists() and time.monotonic() < end:
        if os.waitid(os.P_PID, number, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(0.01)


def ended(number: int, wait: float) -> int | None:
    """Return what a process ended with, or None if it lives after so many seconds."""
    end = time.monotonic() + wait
    while True:
        found, status = os.waitpid(number, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        left = end - time.monotonic()
        if left <= 0:
            return None
        time.sleep(min(left, 0.002))


def end_group(number: int) -> None:
    """End what a process has begun: a killed one leaves those that read its data."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(number, signal.SIGKILL)
