"""A training that broke off: weights, the optimizer's state, and how far it had come."""

import io
import json
import os
import zipfile
from collections.abc import Mapping
from typing import Any

import h5py

from latih.archive import guard, hdf5, weights
from latih.errors import FileFormatError
from latih.files import write_atomically

PROGRESS, WEIGHTS = "progress.json", "model.weights.h5"


def write_checkpoint(model: Any, path: str | os.PathLike[str], progress: Mapping[str, int]) -> None:
    """Write where a training stands, whole or not at all.

    One archive holds everything, so that weights never go with another epoch's number, and its
    checksums tell damaged bytes.

    Args:
        model: a compiled and built model.
        path: where.
        progress: ``{"epoch": 3, ...}``, how far it has come.
    """
    with write_atomically(path) as target, zipfile.ZipFile(target, "w") as archive:
        archive.writestr(PROGRESS, json.dumps(dict(progress)))
        archive.writestr(WEIGHTS, weights.weights_as_bytes(model, model.optimizer))


def read_checkpoint(model: Any, path: str | os.PathLike[str]) -> dict[str, int]:
    """Read where a training stood into a model like the one that was written.

    Args:
        model: a compiled and built model, whose optimizer has its weights.
        path: what :func:`write_checkpoint` wrote.

    Returns:
        The progress.

    Raises:
        FileFormatError: it is no checkpoint, is damaged or another model's: nothing is changed.
    """
    try:
        with guard.open_archive(path, (PROGRESS, WEIGHTS)) as archive:
            progress = guard.read_json(archive, PROGRESS, guard.LARGEST_METADATA)
            content = guard.read_weights_member(archive, WEIGHTS)
    except FileFormatError as error:
        raise _no_checkpoint(path, error.got) from error
    numbers = [value for value in progress.values() if type(value) is int and value >= 0]
    if "epoch" not in progress or len(numbers) != len(progress):
        raise _no_checkpoint(path, f"the progress {progress}")
    before = [variable.clone() for variable in model.optimizer.variables]
    with hdf5.damage_told(os.fspath(path)), h5py.File(io.BytesIO(content), "r") as file:
        try:
            weights.read_optimizer(file, model.optimizer)
            weights.read_weights(file, model)
        except BaseException:
            model.optimizer.load_variables(before)
            raise
    return progress


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Say whether a file is one that :func:`write_checkpoint` wrote."""
    try:
        guard.open_archive(path, (PROGRESS, WEIGHTS)).close()
    except FileFormatError:
        return False
    return True


def _no_checkpoint(path: str | os.PathLike[str], got: str) -> FileFormatError:
    return FileFormatError(
        f"{os.fspath(path)!r} is no checkpoint that can be read",
        expected=f"a zip archive with {PROGRESS} and {WEIGHTS}",
        got=got,
    )
