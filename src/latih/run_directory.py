"""The run directory: what a run leaves behind, and the names under which it is found again.

The training side writes it, ``report`` and the command line read it; neither knows the other. Every
file is data (TOML, JSON lines, JSON, a ``.keras`` archive), and none names a path or code.
"""

import itertools
import os
import shutil
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from latih.errors import FileFormatError, InputError
from latih.files import require_writable, write_atomically
from latih.json_files import JsonLines, JsonObject, damaged, plain

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
        >>> run.log.append({"epoch": 1, "loss": 0.5})
        >>> run.log.read()
        [{'epoch': 1, 'loss': 0.5}]
    """

    path: Path
    about: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    @classmethod
    def of(cls, given: "str | os.PathLike[str] | RunDirectory") -> "RunDirectory":
        """Return the directory that is given, or that a path leads to; nothing is asked of it."""
        return given if isinstance(given, RunDirectory) else cls(Path(given))

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
        run = cls.of(path)
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
        log = self.log.path
        is_empty = log.is_file() and not log.stat().st_size
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
    def log(self) -> JsonLines:
        """One line an epoch."""
        return JsonLines(self.path / "log.jsonl")

    @property
    def facts(self) -> JsonObject:
        """What the doctor knew of model, data and compile before the first step."""
        return JsonObject(self.path / "facts.json")

    @property
    def layers(self) -> JsonLines:
        """One line for each time that the doctor looked."""
        return JsonLines(self.path / "layers.jsonl")

    @property
    def findings(self) -> JsonLines:
        """One line for each thing that the doctor found, as it was found."""
        return JsonLines(self.path / "findings.jsonl")

    @property
    def treatment(self) -> JsonObject:
        """What the doctor tried and changed, where it was asked to treat."""
        return JsonObject(self.path / "treatment.json")

    @property
    def untreated(self) -> "RunDirectory":
        """What was written of the training before the doctor treated the model."""
        return RunDirectory(self.path / "untreated")

    @property
    def second_cycle(self) -> "RunDirectory":
        """What was written of a fine-tuning's second cycle, a run of its own."""
        return RunDirectory(self.path / "second-cycle", self.about)

    def fold(self, number: int) -> "RunDirectory":
        """What was written of the training beside one fold, counted from 1."""
        return RunDirectory(self.path / f"fold-{number}", self.about)

    def machine(self, number: int) -> "RunDirectory":
        """What was written of the training of one machine of a belief net, 1 the lowest."""
        return RunDirectory(self.path / f"rbm-{number}", self.about)

    @property
    def machines(self) -> list["RunDirectory"]:
        """The machines of a belief net that were trained, from the bottom; of other runs none."""
        known = map(self.machine, itertools.count(1))
        return list(itertools.takewhile(lambda one: one.settings_file.is_file(), known))

    @property
    def evaluation(self) -> JsonObject:
        """The test scores, the confusion matrix and the most confident mistakes."""
        return JsonObject(self.path / "evaluation.json")

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

    def begin(self) -> None:
        """Write how a run was begun, before there is anything else to tell of it."""
        self.write_settings(dict(self.about))
        self.log.start([])

    def begin_anew(self) -> None:
        """Put what was written of a training aside, into ``untreated``: another takes its place."""
        aside = self.path / "untreated"
        aside.mkdir(exist_ok=True)
        for file in (self.log, self.facts, self.layers, self.findings):
            if file.path.is_file():
                os.replace(file.path, aside / file.path.name)
        shutil.rmtree(self.snapshots_directory, ignore_errors=True)
        for file in (self.best_file, self.settings_file):
            file.unlink(missing_ok=True)

    def write_settings(self, settings: Mapping[str, Any]) -> None:
        """Write ``run.toml``; values that are None are left out, since TOML has no null."""
        with write_atomically(self.settings_file) as file:
            tomli_w.dump(_without_none({"format": FORMAT, **settings}), file)

    def read_settings(self) -> dict[str, Any]:
        """Read ``run.toml``."""
        try:
            return tomllib.loads(self.settings_file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise damaged(self.settings_file, "TOML", str(error)) from error


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, Collection) and not isinstance(value, str):
        return [_without_none(v) for v in value if v is not None]
    return plain(value)
