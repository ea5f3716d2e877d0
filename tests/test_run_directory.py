"""A run directory gives back what was written, and is never taken for one when it is none."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from latih.errors import FileFormatError, InputError
from latih.run_directory import RunDirectory


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create(tmp_path / "run")


def test_settings_come_back_less_what_toml_cannot_say(run: RunDirectory) -> None:
    run.write_settings({"run": {"name": "a", "seed": 3, "none": None}, "list": [1, None, 2]})
    assert run.read_settings() == {"format": 1, "run": {"name": "a", "seed": 3}, "list": [1, 2]}


def test_the_log_comes_back_line_by_line(run: RunDirectory) -> None:
    run.start_log()
    run.append_log({"epoch": 1, "loss": 0.5})
    run.append_log({"epoch": 2, "loss": math.nan, "deep": {"values": [math.inf, 1.0]}})
    assert run.read_log() == [
        {"epoch": 1, "loss": 0.5},
        {"epoch": 2, "loss": None, "deep": {"values": [None, 1.0]}},
    ]
    # Other readers of JSON can read it: NaN is none of JSON's words.
    for line in run.log_file.read_text(encoding="utf-8").splitlines():
        json.loads(line, parse_constant=pytest.fail)
    run.start_log()
    assert run.read_log() == []


def test_a_line_cut_short_by_a_crash_is_passed_over(run: RunDirectory) -> None:
    run.append_log({"epoch": 1})
    with run.log_file.open("a") as file:
        file.write('{"epoch": 2, "lo')
    assert run.read_log() == [{"epoch": 1}]


def test_the_evaluation_comes_back(run: RunDirectory) -> None:
    assert run.read_evaluation() == {}
    run.write_evaluation({"scores": {"loss": math.nan, "accuracy": 0.5}})
    assert run.read_evaluation() == {"scores": {"loss": None, "accuracy": 0.5}}


DAMAGED: dict[str, tuple[str, str, Callable[[RunDirectory], object]]] = {
    "settings that are no TOML": ("run.toml", "= 1", RunDirectory.read_settings),
    "a broken line in the log": ("log.jsonl", "{\n{}\n", RunDirectory.read_log),
    "a line that is no object": ("log.jsonl", "[1]\n{}\n", RunDirectory.read_log),
    "an evaluation cut short": ("evaluation.json", '{"a": ', RunDirectory.read_evaluation),
    "an evaluation that is a list": ("evaluation.json", "[]", RunDirectory.read_evaluation),
    "an evaluation without a bottom": (
        "evaluation.json",
        "[" * 100_000,
        RunDirectory.read_evaluation,
    ),
}


@pytest.mark.parametrize(("name", "content", "read"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_named(
    name: str, content: str, read: Callable[[RunDirectory], object], run: RunDirectory
) -> None:
    (run.path / name).write_text(content)
    with pytest.raises(FileFormatError) as caught:
        read(run)
    assert f"{name}' cannot be read" in str(caught.value)


def test_bytes_that_are_no_text_are_damage_too(run: RunDirectory) -> None:
    run.log_file.write_bytes(b"\xff\xfe{}\n")
    with pytest.raises(FileFormatError, match="text in UTF-8"):
        run.read_log()


def test_a_directory_with_a_run_is_not_written_over(run: RunDirectory) -> None:
    RunDirectory.create(run.path)  # empty, it may be taken
    run.write_settings({})
    with pytest.raises(InputError, match="holds a run already"):
        RunDirectory.create(run.path)


def test_what_is_no_run_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"run\.toml, got one without"):
        RunDirectory.open(tmp_path)
    with pytest.raises(FileFormatError, match="got no such directory"):
        RunDirectory.open(tmp_path / "none")
