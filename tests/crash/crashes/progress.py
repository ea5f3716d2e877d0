"""What a process that may be killed at any instant says of its progress: a line at a time."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import latih as keras
from latih.archive import SnapshotStore
from latih.callbacks import ModelCheckpoint

from .outcome import content_of
from .program import STEPS

START, STEP, EVALUATION = "start", "step", "evaluation"
SNAPSHOT, BEST, EPOCH_END, END = "snapshot", "best file", "epoch's end", "end"
PHASES = (START, STEP, SNAPSHOT, EVALUATION, BEST, EPOCH_END, END)


class Notes:
    """A file of lines, each of which is there once :meth:`say` has returned.

    One call of ``write`` in append mode: whoever is killed, a line is whole or not there.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def say(self, *words: Any) -> None:
        os.write(self._file, (" ".join(map(str, words)) + "\n").encode())


class Noting(keras.callbacks.Callback):
    """Notes where training is; it stands first, so that a step is noted before it is kept."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self.notes = notes
        self.epoch = 0

    def state_dict(self) -> dict[str, Any]:
        return {}

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch
        self.notes.say("phase", STEP)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.notes.say("begins", self.epoch * STEPS + batch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.notes.say("done", self.epoch * STEPS + batch + 1)

    def on_test_begin(self, logs: Any = None) -> None:
        self.notes.say("phase", EVALUATION)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.notes.say("phase", EPOCH_END)

    def on_train_end(self, logs: Any = None) -> None:
        self.notes.say("phase", END)


def note_writes(notes: Notes, slow: float = 0.0) -> None:
    """Let this process note, too, when a snapshot and the best file are being written.

    Args:
        notes: where.
        slow: how many seconds longer a snapshot takes: a slow disk.
    """
    write, save = SnapshotStore.write, ModelCheckpoint._save

    def slowly(*given: Any) -> Any:
        time.sleep(slow)
        return write(*given)

    def save_and_say(checkpoint: ModelCheckpoint, *given: Any) -> None:
        save(checkpoint, *given)
        notes.say("best", content_of(Path(checkpoint.filepath)))

    SnapshotStore.write = _noted(slowly, SNAPSHOT, notes)
    ModelCheckpoint._save = _noted(save_and_say, BEST, notes)


def _noted(method: Any, phase: str, notes: Notes) -> Any:
    def write(*given: Any) -> Any:
        notes.say("opens", phase)
        result = method(*given)
        notes.say("closes", phase)
        return result

    return write


@dataclass
class Progress:
    """What one process noted until it was killed.

    Args:
        phase: what it was at.
        began: how many steps were done when its first step began; None if there was none.
        done: how many steps were done in all; None if it did none.
        bests: for each content that it gave the best file, in order, the steps done by then.
    """

    phase: str = START
    began: int | None = None
    done: int | None = None
    bests: dict[str, int] = field(default_factory=dict[str, int])

    @classmethod
    def read(cls, path: Path) -> "Progress":
        progress, phase, open_writes = cls(), START, list[str]()
        for line in path.read_text().splitlines() if path.exists() else ():
            kind, _, rest = line.partition(" ")
            if kind == "phase":
                phase = rest
            elif kind == "opens":
                open_writes.append(rest)
            elif kind == "closes":
                open_writes.remove(rest)
            elif kind == "begins" and progress.began is None:
                progress.began = int(rest)
            elif kind == "best":
                progress.bests.setdefault(rest, progress.done or 0)
            elif kind == "done":
                progress.done = int(rest)
        progress.phase = open_writes[-1] if open_writes else phase
        return progress
