"""What a run ends with, in the process and on the disk, and whether two runs ended alike."""

import hashlib
import json
import random
import re
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latih.archive import SnapshotStore

from .program import Trained

CLOCKS = re.compile(r"seconds|epoch_seconds|samples_per_second|started|resumed")
"""What is measured by a clock, and what tells of the crash itself."""


def outcome_of(trained: Trained) -> dict[str, np.ndarray]:
    """Return every number that the process holds when training has ended, by its name."""
    model, stopping, plateau = trained.model, trained.stopping, trained.plateau
    return dict(
        _leaves(
            {
                "weights": model.get_weights(),
                "optimizer": model.optimizer.state_dict(),
                "rate": float(model.optimizer.learning_rate),
                "history": model.history.history,
                "epochs": model.history.epoch,
                "stopped": model.stop_reason,
                "stopping": [stopping.wait, stopping.best, stopping.best_epoch],
                "best weights": stopping.best_weights,
                "plateau": [plateau.wait, plateau.best, plateau.cooldown_counter],
                "callback": trained.drawing.state_dict(),
                "draws": [random.random(), np.random.random(), torch.rand(3)],
            }
        )
    )


def differences(place: Path, alone: Path) -> list[str]:
    """Return in what a run differs from the one that was left alone, to the last bit.

    Args:
        place: where a run was killed and resumed until it ended.
        alone: where it was not.
    """
    compared = {
        "the files": (_names(place), _names(alone)),
        "the process": (_read_outcome(place), _read_outcome(alone)),
        "the last snapshot": (_last_snapshot(place), _last_snapshot(alone)),
        "the log": (read_log(place), read_log(alone)),
        "run.toml": (_settings(place), _settings(alone)),
        "the table": ((place / "table.csv").read_bytes(), (alone / "table.csv").read_bytes()),
    }
    for name in ("best.keras", "final.keras"):
        compared[name] = (members(kept(place) / name), members(kept(alone) / name))
    return [
        f"{what}: {name} differs"
        for what, (one, other) in compared.items()
        for name in _unlike(dict(_leaves(one)), dict(_leaves(other)))
    ]


def kept(place: Path) -> Path:
    """Return where the files of a run stand."""
    return place / "run" if (place / "run").is_dir() else place


def snapshots_of(place: Path) -> Path:
    """Return where the snapshots of a run stand."""
    run = place / "run"
    return run / "snapshots" if run.is_dir() else place / "backup"


def members(file: Path) -> dict[str, bytes]:
    """Return what a ``.keras`` file holds but for its metadata, in which a date stands."""
    if not file.exists():
        return {}
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in ("model.weights.h5", "config.json")}


def content_of(file: Path) -> str:
    """Return the sum of what a ``.keras`` file holds, whenever it was written."""
    return hashlib.sha256(repr(members(file)).encode()).hexdigest()


def losses_of(place: Path) -> list[float]:
    """Return the validation losses of all epochs of an ended run."""
    outcome = _read_outcome(place)
    epochs = int(outcome["it.epochs (its length)"])
    return [float(outcome[f"it.history.val_loss.{epoch}"]) for epoch in range(epochs)]


def read_log(place: Path) -> list[Any]:
    """Return the whole lines of the log, without what a clock said."""
    file = kept(place) / "log.jsonl"
    if not file.exists():
        return []
    lines = file.read_text().splitlines(keepends=True)
    return [_timeless(json.loads(line)) for line in lines if line.endswith("\n")]


def _settings(place: Path) -> Any:
    file = kept(place) / "run.toml"
    return _timeless(tomllib.loads(file.read_text())) if file.exists() else None


def _last_snapshot(place: Path) -> Any:
    newest = SnapshotStore(snapshots_of(place)).newest()
    return None if newest is None else _timeless(newest.state)


def _names(place: Path) -> list[str]:
    """Return the files that the run left, whatever the numbers of its snapshots are."""
    names = (str(path.relative_to(place)) for path in place.rglob("*"))
    return sorted(
        re.sub(r"(snapshots|backup)/[0-9]{6}", r"\1/number", name)
        for name in names
        if not re.fullmatch(r"notes-[0-9]+|said\.txt", name)
    )


def _read_outcome(place: Path) -> dict[str, np.ndarray]:
    with np.load(place / "outcome.npz") as file:
        return dict(file)


def _timeless(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _timeless(v) for k, v in value.items() if not CLOCKS.fullmatch(k)}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


def _leaves(value: Any, name: str = "it") -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _leaves(one, f"{name}.{key}")
    elif isinstance(value, list | tuple):
        yield f"{name} (its length)", np.array(len(value))
        for number, one in enumerate(value):
            yield from _leaves(one, f"{name}.{number}")
    elif isinstance(value, torch.Tensor):
        yield name, value.detach().numpy()
    else:
        yield name, np.array(str(value) if value is None else value)


def _unlike(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> list[str]:
    return [
        name
        for name in sorted(one.keys() | other.keys())
        if name not in one or name not in other or not _is_bit_same(one[name], other[name])
    ]


def _is_bit_same(one: np.ndarray, other: np.ndarray) -> bool:
    # Not ==: it holds for 0.0 and -0.0, and not for a NaN and itself.
    return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
