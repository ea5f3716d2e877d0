"""Runs that are really killed end as the one left alone: 6 kills; `make crash` has 200."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="it forks, and asks /proc for open files")
def test_runs_killed_and_resumed_end_to_the_bits_of_the_one_left_alone() -> None:
    # In a process of its own: this one may have threads, which forking would cut off.
    command = [sys.executable, Path(__file__).with_name("run.py"), "--kills", "6", "--fresh", "1"]
    tried = subprocess.run([*command, "--seed", "5"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stdout + tried.stderr
    total = next(line for line in tried.stdout.splitlines() if line.startswith("all "))
    assert int(total.split()[1]) == 6
