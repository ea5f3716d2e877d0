"""Every command says what it does, and shows a line that can be typed."""

import shlex
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from latih.cli.app import app
from latih.version import __version__

COMMANDS = ["train", "finetune", "pretrain", "doctor", "predict", "report", "datasets", "lr-find"]


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "TERM": "dumb"})
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example(command: str) -> None:
    (_, _, rest) = " ".join(said(command, "--help").split()).partition("Example: ")
    assert rest.startswith(f"latih {command}")


def test_the_example_of_train_asks_for_options_that_there_are() -> None:
    told = " ".join(said("train", "--help").split())
    (_, _, rest) = told.partition("Example: ")
    (example, _, _) = rest.partition("╭")
    options = {word for word in shlex.split(example) if word.startswith("--")}
    assert len(options) >= 9
    (_, _, table) = told.partition("╭")
    assert {option for option in options if option not in table} == set()


def test_the_commands_are_listed() -> None:
    for asked in ((), ("--help",)):
        result = CliRunner().invoke(app, asked, env={"COLUMNS": "200", "TERM": "dumb"})
        assert all(f" {command} " in result.output for command in COMMANDS)


def test_the_version_is_told() -> None:
    assert said("--version") == f"latih {__version__}\n"


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "latih", "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"latih {__version__}\n", "")


def test_the_data_sets_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LATIH_DATA", raising=False)
    lines = said("datasets").splitlines()
    (embedded,) = (line for line in lines if "fashion-mnist-embedded" in line)
    assert all(part in embedded for part in ("5,000", "1,000", "10", "MIT", "embedded"))
    (whole,) = (line for line in lines if line.startswith("fashion-mnist "))
    assert "60,000" in whole and "10,000" in whole
