"""A run directory gives back what was written, and is never taken for one when it is none."""

import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latih.errors import FileFormatError, InputError, UnwritableError
from latih.json_files import JsonLines
from latih.run_directory import RunDirectory


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create(tmp_path / "run")


def test_settings_come_back_less_what_toml_cannot_say(run: RunDirectory) -> None:
    run.write_settings({"run": {"name": "a", "seed": 3, "none": None}, "list": [1, None, 2]})
    assert run.read_settings() == {"format": 1, "run": {"name": "a", "seed": 3}, "list": [1, 2]}


def test_the_log_comes_back_line_by_line(run: RunDirectory) -> None:
    run.log.start()
    run.log.append({"epoch": 1, "loss": 0.5})
    run.log.append({"epoch": 2, "loss": math.nan, "deep": {"values": [math.inf, 1.0]}})
    assert run.log.read() == [
        {"epoch": 1, "loss": 0.5},
        {"epoch": 2, "loss": None, "deep": {"values": [None, 1.0]}},
    ]
    # Other readers of JSON can read it: NaN is none of JSON's words.
    for line in run.log.path.read_text(encoding="utf-8").splitlines():
        json.loads(line, parse_constant=pytest.fail)
    run.log.start()
    assert run.log.read() == []


@given(
    st.lists(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=4)), max_size=4),
    st.integers(0, 200),
)
def test_of_a_file_cut_anywhere_the_whole_lines_are_left_and_more_can_follow(
    records: list[dict[str, object]], cut: int
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        file = JsonLines(Path(directory) / "log.jsonl")
        file.start(records)
        left = file.path.read_bytes()[:cut]
        file.path.write_bytes(left)
        whole = records[: left.count(b"\n")]
        assert file.read() == whole
        file.append({"next": 1})
        assert file.read() == [*whole, {"next": 1}]


def test_a_last_line_that_lost_its_middle_is_passed_over(run: RunDirectory) -> None:
    run.log.append({"epoch": 1})
    with run.log.path.open("ab") as file:
        file.write(b'{"epoch": \0\0\0\n')
    assert run.log.read() == [{"epoch": 1}]


def test_the_three_logs_are_files_of_their_own(run: RunDirectory) -> None:
    for number, file in enumerate((run.log, run.layers, run.findings)):
        assert file.read() == []
        file.append({"number": number})
    assert [file.read() for file in (run.log, run.layers, run.findings)] == [
        [{"number": 0}],
        [{"number": 1}],
        [{"number": 2}],
    ]


def test_lines_that_cannot_be_written_are_told(run: RunDirectory) -> None:
    run.log.path.mkdir()
    with pytest.raises(UnwritableError, match=r"cannot add a line to .*log\.jsonl"):
        run.log.append({})


def test_the_evaluation_comes_back(run: RunDirectory) -> None:
    assert run.evaluation.read() == {}
    run.evaluation.write({"scores": {"loss": math.nan, "accuracy": 0.5}})
    assert run.evaluation.read() == {"scores": {"loss": None, "accuracy": 0.5}}


DAMAGED: dict[str, tuple[str, str, Callable[[RunDirectory], object]]] = {
    "settings that are no TOML": ("run.toml", "= 1", RunDirectory.read_settings),
    "a broken line in the log": ("log.jsonl", "{\n{}\n", lambda run: run.log.read()),
    "a line that is no object": ("log.jsonl", "[1]\n{}\n", lambda run: run.log.read()),
    "a look that is none": ("layers.jsonl", "[1]\n{}\n", lambda run: run.layers.read()),
    "a finding that is none": ("findings.jsonl", "3\n{}\n", lambda run: run.findings.read()),
    "an evaluation cut short": ("evaluation.json", '{"a": ', lambda run: run.evaluation.read()),
    "facts that are a list": ("facts.json", "[]", lambda run: run.facts.read()),
    "a treatment without a bottom": (
        "treatment.json",
        "[" * 100_000,
        lambda run: run.treatment.read(),
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
    run.log.path.write_bytes(b"\xff\xfe{}\n")
    with pytest.raises(FileFormatError, match="text in UTF-8"):
        run.log.read()


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
