"""The run directory: what a run leaves behind, and the names under which it is found again.

The training side writes it, ``report`` and the command line read it; neither knows the other. Every
file is data (TOML, JSON lines, JSON, a ``.keras`` archive), and none names a path or code.
"""

import json
import math
import os
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import tomli_w

from latih.errors import FileFormatError, InputError, UnwritableError
from latih.files import require_writable, write_atomically

FORMAT = 1


@dataclass(frozen=True)
class RunDirectory:
    """The files of one run.

    Args:
        path: the directory; :meth:`create` makes it.
        about: further entries of ``run.toml``, table by table, such as the data set's name.

    Example:
        >>> import tempfile
        >>> run = RunDirectory.create(tempfile.mkdtemp())
        >>> run.append_log({"epoch": 1, "loss": 0.5})
        >>> run.read_log()
        [{'epoch': 1, 'loss': 0.5}]
    """

    path: Path
    about: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    @classmethod
    def create(
        cls, path: "str | os.PathLike[str] | RunDirectory", *, may_go_on: bool = False
    ) -> "RunDirectory":
        """Make the directory, or refuse at once if it holds a run or cannot be written.

        Args:
            path: the directory.
            may_go_on: whether a run that left snapshots there, or was killed before its first epoch
                ended, may be gone on with.

        Raises:
            InputError: a run was written there before; it is not written over.
            UnwritableError: it cannot be made or written.
        """
        run = path if isinstance(path, RunDirectory) else cls(Path(path))
        require_writable(run.path, argument="run_dir")
        found = [run.settings_file.name] if run.settings_file.exists() else []
        found += ["snapshots"] if run._has_snapshots else []
        if found and not (may_go_on and run._can_be_gone_on_with()):
            raise InputError(
                f"the directory {str(run.path)!r} holds a run already",
                expected="a new or an empty directory"
                + (", or a run that kept snapshots" if may_go_on else ""),
                got=f"one with {' and '.join(found)}" + (" and no snapshot" if may_go_on else ""),
                fix="Choose another directory, or move that run away.",
            )
        return run

    @property
    def _has_snapshots(self) -> bool:
        return self.snapshots_directory.is_dir() and any(self.snapshots_directory.iterdir())

    def _can_be_gone_on_with(self) -> bool:
        # A log that was begun and is empty: killed before there was anything to lose.
        is_empty = self.log_file.is_file() and not self.log_file.stat().st_size
        return self._has_snapshots or is_empty

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "RunDirectory":
        """Open a directory that a run has written, or say that it is none."""
        run = cls(Path(path))
        if not run.settings_file.is_file():
            raise FileFormatError(
                f"{str(path)!r} is not a run directory",
                expected="a directory with the file run.toml",
                got="one without" if run.path.is_dir() else "no such directory",
                fix="Give the directory that was passed as run_dir= or --run-dir.",
            )
        return run

    @property
    def settings_file(self) -> Path:
        """What was asked: data, model, compile and fit arguments, seed, versions, device."""
        return self.path / "run.toml"

    @property
    def log_file(self) -> Path:
        """One line of JSON an epoch."""
        return self.path / "log.jsonl"

    @property
    def facts_file(self) -> Path:
        """What the doctor knew of model, data and compile before the first step."""
        return self.path / "facts.json"

    @property
    def layers_file(self) -> Path:
        """One line of JSON for each time that the doctor looked."""
        return self.path / "layers.jsonl"

    @property
    def findings_file(self) -> Path:
        """One line of JSON for each thing that the doctor found, as it was found."""
        return self.path / "findings.jsonl"

    @property
    def evaluation_file(self) -> Path:
        """The test scores, the confusion matrix and the most confident mistakes."""
        return self.path / "evaluation.json"

    @property
    def best_file(self) -> Path:
        """The model of the best epoch."""
        return self.path / "best.keras"

    @property
    def encoder_file(self) -> Path:
        """Of a run without labels: the half that goes below a net for another task."""
        return self.path / "encoder.keras"

    @property
    def final_file(self) -> Path:
        """The model as training left it."""
        return self.path / "final.keras"

    @property
    def snapshots_directory(self) -> Path:
        """The last complete states of the training."""
        return self.path / "snapshots"

    @property
    def lock_file(self) -> Path:
        """What a process that trains into the directory holds, so that no other does."""
        return self.path / "lock"

    @property
    def report_file(self) -> Path:
        """The page: one file that opens without a network."""
        return self.path / "report.html"

    def write_settings(self, settings: Mapping[str, Any]) -> None:
        """Write ``run.toml``; values that are None are left out, since TOML has no null."""
        with write_atomically(self.settings_file) as file:
            tomli_w.dump(_without_none({"format": FORMAT, **settings}), file)

    def read_settings(self) -> dict[str, Any]:
        """Read ``run.toml``."""
        try:
            return tomllib.loads(self.settings_file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise _damaged(self.settings_file, "TOML", str(error)) from error

    def start_log(self, records: Sequence[Mapping[str, Any]] = ()) -> None:
        """Begin the log with what was written of the epochs before, or empty."""
        _start_lines(self.log_file, records)

    def append_log(self, record: Mapping[str, Any]) -> None:
        """Add one line to the log; NaN and infinities are written as null, which JSON can hold.

        Raises:
            UnwritableError: there is no room, or the file may not be written.
        """
        _append_line(self.log_file, record)

    def read_log(self) -> list[dict[str, Any]]:
        """Read the log; a last line that a crash cut short is passed over."""
        return _read_lines(self.log_file)

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Write ``facts.json``."""
        _write_object(self.facts_file, facts)

    def read_facts(self) -> dict[str, Any]:
        """Read ``facts.json``; an empty record when no doctor looked on."""
        return _read_object(self.facts_file)

    def start_layers(self, records: Sequence[Mapping[str, Any]] = ()) -> None:
        """Begin the looks with what was written of those before, or empty."""
        _start_lines(self.layers_file, records)

    def append_layers(self, record: Mapping[str, Any]) -> None:
        """Add one look.

        Raises:
            UnwritableError: there is no room, or the file may not be written.
        """
        _append_line(self.layers_file, record)

    def read_layers(self) -> list[dict[str, Any]]:
        """Read the looks; a last line that a crash cut short is passed over."""
        return _read_lines(self.layers_file)

    def start_findings(self, records: Sequence[Mapping[str, Any]] = ()) -> None:
        """Begin the findings with those that were found before, or empty."""
        _start_lines(self.findings_file, records)

    def append_finding(self, record: Mapping[str, Any]) -> None:
        """Add one finding.

        Raises:
            UnwritableError: there is no room, or the file may not be written.
        """
        _append_line(self.findings_file, record)

    def read_findings(self) -> list[dict[str, Any]]:
        """Read the findings; a last line that a crash cut short is passed over."""
        return _read_lines(self.findings_file)

    def write_evaluation(self, evaluation: Mapping[str, Any]) -> None:
        """Write ``evaluation.json``."""
        _write_object(self.evaluation_file, evaluation)

    def read_evaluation(self) -> dict[str, Any]:
        """Read ``evaluation.json``; an empty record when the run wrote none."""
        return _read_object(self.evaluation_file)


def _start_lines(file: Path, records: Sequence[Mapping[str, Any]]) -> None:
    with write_atomically(file) as opened:
        opened.writelines(_line(record) for record in records)


def _append_line(file: Path, record: Mapping[str, Any]) -> None:
    try:
        with file.open("ab+") as opened:
            _cut_torn_line(opened)
            opened.write(_line(record))
    except OSError as error:
        raise UnwritableError(
            f"cannot add a line to {str(file)!r}",
            expected="a file that can be written, with room for it",
            got=error.strerror or str(error),
            fix="Make room, or make it writable again.",
        ) from error


def _read_lines(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        return []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise _damaged(file, "text in UTF-8", str(error)) from error
    records: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(_json_object(line))
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                break
            raise _damaged(
                file, "one JSON object a line", f"line {number}: {line[:60]!r}"
            ) from error
    return records


def _write_object(file: Path, record: Mapping[str, Any]) -> None:
    with write_atomically(file) as opened:
        opened.write(json.dumps(_finite(record), allow_nan=False).encode())


def _read_object(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        return _json_object(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(file, "a JSON object", str(error)) from error


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(_finite(record), allow_nan=False).encode() + b"\n"


def _json_object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"a {type(value).__name__} instead of an object")
    return value


def _damaged(file: Path, expected: str, got: str) -> FileFormatError:
    return FileFormatError(
        f"{str(file)!r} cannot be read",
        expected=expected,
        got=got,
        fix="The file is damaged: train into a new directory.",
    )


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, Collection) and not isinstance(value, str):
        return [_without_none(v) for v in value if v is not None]
    return plain(value)


def plain(value: Any) -> Any:
    """Return Python's own number for one of NumPy's or torch's, or lists for an array of theirs."""
    return value.tolist() if hasattr(value, "tolist") else value


def _finite(value: Any) -> Any:
    value = plain(value)
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _cut_torn_line(file: BinaryIO) -> None:
    # A crash may have left half a line at the end: it is lost, and must not spoil the next.
    size = file.seek(0, os.SEEK_END)
    if not size:
        return
    file.seek(size - 1)
    if file.read(1) != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
