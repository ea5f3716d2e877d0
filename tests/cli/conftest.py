"""Running the command line: inside the test's process, or as a shell does, in one of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from latih.cli import main

Done = subprocess.CompletedProcess[str]
Command = Callable[..., Done]


@pytest.fixture
def shell(tmp_path: Path) -> Command:
    """Give a function that runs ``latih`` in the test's own directory, warnings being errors."""

    def run(*arguments: str) -> Done:
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "latih", *arguments],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "200"},
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Give a function that does the same without a process, which takes seconds to begin."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Done:
        monkeypatch.setattr("sys.argv", ["latih", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        code = ended.value.code
        return subprocess.CompletedProcess(arguments, int(code or 0), out, err)

    return run
