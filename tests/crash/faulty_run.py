"""A program that trains, and in whose midst something happens to its disk; it tells what it saw.

Called by ``test_faults.py`` in a process, and where it mounts in a namespace, of its own.
"""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import latih as keras

EPOCHS, STEPS = 5, 6
HAPPENS, ENDS = (1, 2), (3, 2)  # epoch and step, counted from 0
_draw = np.random.default_rng(5)
X = _draw.normal(size=(48, 6)).astype("float32")
LABELS = _draw.integers(0, 3, 48)


def net() -> Any:
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def trained(run_dir: Path, listeners: list[Any], **asked: Any) -> tuple[Any, dict[str, Any]]:
    model = net()
    history = model.fit(
        X,
        LABELS,
        batch_size=8,
        epochs=EPOCHS,
        verbose=0,
        validation_data=(X, LABELS),
        callbacks=listeners,
        run_dir=run_dir,
        **{"snapshot_every": 1, **asked},
    )
    return model, history.history


class Fault:
    """What happens to the directory of a run, and how it is put right."""

    def __init__(self, place: Path) -> None:
        self.place, self.run = place, place / "run"

    def happen(self) -> None: ...
    def end(self) -> None: ...


class Full(Fault):
    """A small disk that somebody else fills."""

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        mount("-t", "tmpfs", "-o", "size=1m", "none", place)

    def happen(self) -> None:
        with (self.place / "ballast").open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass

    def end(self) -> None:
        (self.place / "ballast").unlink()


class ReadOnly(Fault):
    """A disk that cannot be written for a while."""

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        mount("-t", "tmpfs", "none", place)

    def happen(self) -> None:
        # Over the disk, since one that has open files is not made read-only.
        mount("--bind", self.place, self.place)
        mount("-o", "remount,bind,ro", self.place)

    def end(self) -> None:
        subprocess.run(["umount", self.place], check=True)


class Forbidden(Fault):
    """Somebody takes the permission to write."""

    def __init__(self, place: Path) -> None:
        if os.geteuid() == 0:  # whom no permission binds
            os.setuid(65534)
        super().__init__(Path(tempfile.mkdtemp()))
        atexit.register(shutil.rmtree, self.place)

    def happen(self) -> None:
        for directory in (self.run, self.run / "snapshots"):
            directory.chmod(0o555)

    def end(self) -> None:
        for directory in (self.run, self.run / "snapshots"):
            directory.chmod(0o755)


class Removed(Fault):
    """Somebody removes the whole directory."""

    def happen(self) -> None:
        while self.run.exists():  # beside a thread that writes into it
            shutil.rmtree(self.run, ignore_errors=True)


class Renamed(Fault):
    """Somebody renames the directory."""

    def happen(self) -> None:
        self.run.rename(self.place / "renamed")


FAULTS = {
    "full": Full,
    "read-only": ReadOnly,
    "forbidden": Forbidden,
    "removed": Removed,
    "renamed": Renamed,
}


def mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)


def at(moments: dict[tuple[int, int], Callable[[], None]], seen: Callable[[Any], None]) -> Any:
    """Return a listener that lets things happen before steps, and looks after them."""
    now = [0]

    def begin(epoch: int, logs: Any) -> None:
        now[0] = epoch

    def before(step: int, logs: Any) -> None:
        if (now[0], step) in moments:
            moments[now[0], step]()

    return keras.callbacks.LambdaCallback(
        on_epoch_begin=begin,
        on_train_batch_begin=before,
        on_train_batch_end=lambda step, logs: seen((now[0], step)),
    )


def main(kind: str, place: Path, ends: bool) -> dict[str, Any]:
    told: dict[str, Any] = {}
    wanted, history = trained(place.parent / "alone", [])
    fault = FAULTS[kind](place)
    counts: dict[tuple[int, int], int] = {}
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")

        def look(moment: tuple[int, int]) -> None:
            counts[moment] = len(warned)

        moments = {HAPPENS: fault.happen} | ({ENDS: fault.end} if ends else {})
        model, got = trained(fault.run, [at(moments, look)])
    told["warned"] = [str(one.message) for one in warned]
    told["warned at"] = [
        moment for moment, count in counts.items() if count > max(0, counts.get(_before(moment), 0))
    ]
    told["trained to the end"] = got == history and _same(model, wanted)
    if ends:
        lines = (fault.run / "log.jsonl").read_text().splitlines()
        told["log"] = [json.loads(line)["epoch"] for line in lines]
    else:
        left = fault.run if kind != "renamed" else fault.place / "renamed"
        told["left"] = sorted(path.name for path in (left / "snapshots").iterdir())
        fault.end()
    for name in ("run", "renamed"):
        if (fault.place / name).is_dir():
            told[f"files of {name}"] = sorted(path.name for path in (fault.place / name).iterdir())
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                seen: list[Any] = []
                model, got = trained(fault.place / name, [at({}, seen.append)], resume=True)
            told[f"{name} goes on at"] = seen[:1]
            told[f"{name} goes on to the same bits"] = got == history and _same(model, wanted)
            told[f"{name} goes on with warnings"] = [str(one.message) for one in warned]
            lines = (fault.place / name / "log.jsonl").read_text().splitlines()
            told[f"lines of {name}"] = [json.loads(line)["epoch"] for line in lines]
    return told


def _before(moment: tuple[int, int]) -> tuple[int, int]:
    epoch, step = moment
    return (epoch, step - 1) if step else (epoch - 1, STEPS - 1)


def _same(one: Any, other: Any) -> bool:
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "ends")))
