"""The models that cross over; run by itself, it writes and reads their files with one library.

``python crossing_models.py keras newest folder`` makes every model of Keras, saves it in
``folder/newest``, and reads what Latih has saved in ``folder/latih``.
"""

import importlib
import sys
import traceback
from pathlib import Path
from typing import Any

# Each enters its models among the cases.
import crossing_functional as crossing_functional
import crossing_sequential as crossing_sequential
import crossing_subclassed as crossing_subclassed
from crossing_case import CASES


def write_all(k: Any, folder: Path) -> None:
    """Write every model's files; of one that fails, what went wrong."""
    folder.mkdir(exist_ok=True)
    for case in CASES.values():
        with _failures(folder / f"{case.name}.written.error"):
            case.write(k, folder)


def read_all(k: Any, folder: Path, reader: str) -> None:
    """Read every model's files; of one that fails, what went wrong."""
    crossing_subclassed.custom_models(k)
    crossing_subclassed.latihs_layers(k)
    for case in CASES.values():
        with _failures(folder / f"{case.name}.{reader}.error"):
            case.read(k, folder, reader)


class _failures:
    """Writes what goes wrong inside the block to a file, and goes on."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        if not isinstance(error, Exception):
            return False
        self.path.write_text("".join(traceback.format_exception(error)))
        return True


if __name__ == "__main__":
    module, own, parent = sys.argv[1:]
    k = importlib.import_module(module)
    write_all(k, Path(parent) / own)
    read_all(k, Path(parent) / "latih", own)
