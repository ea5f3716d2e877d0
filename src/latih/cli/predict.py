"""``latih predict``: what a saved model makes of examples."""

import csv
import io
import os
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from latih.data.image_files import SUFFIXES, find_images
from latih.errors import FileFormatError, InputError
from latih.files import write_atomically
from latih.models import load_model
from latih.recipes.files import read_arrays
from latih.recipes.image_folder import read_pictures
from latih.run_directory import RunDirectory


def predict(
    model: Annotated[Path, typer.Argument(help="A .keras file, or a run directory.")],
    data: Annotated[
        Path, typer.Argument(help="An .npz file with the array x, a picture, or a folder of them.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The table to write.")] = Path(
        "predictions.csv"
    ),
    batch_size: Annotated[int, typer.Option(help="Examples at once.")] = 256,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a file that is no picture; else skip it.")
    ] = False,
) -> None:
    """Write what a model makes of each example into a table.

    For a classifier: the class and its probability; else the outputs. Of pictures the file is
    told, and, where the model is that of a run, the name of the class.

    Example: latih predict runs/a/best.keras new.npz -o out.csv
    """
    if not data.exists():
        raise InputError(
            f"there is nothing at {str(data)!r}",
            expected="an .npz file with the array x, a picture, or a folder of pictures",
        )
    if data.is_dir() or data.suffix.lower() in SUFFIXES:
        rows = _rows_of_pictures(model, data, batch_size, strict)
        _write(rows, output)
        print(f"{len(rows) - 1:,} predictions in {output}")
        return
    arrays = read_arrays(data)
    if "x" not in arrays:
        raise FileFormatError(
            f"{str(data)!r} lacks x",
            expected="the array x",
            got=", ".join(sorted(arrays)) or "none",
            fix="Write it with numpy.savez('new.npz', x=x).",
        )
    file = RunDirectory.open(model).best_file if model.is_dir() else model
    outputs = load_model(file, compile=False).predict(arrays["x"], batch_size, verbose=0)
    _write(_rows(outputs, _class_names(model)), output)
    print(f"{len(outputs):,} predictions in {output}")


def _write(rows: list[list[object]], output: Path) -> None:
    table = io.StringIO(newline="")
    csv.writer(table).writerows(rows)
    with write_atomically(output) as target:
        target.write(table.getvalue().encode())


def _rows_of_pictures(model: Path, data: Path, batch_size: int, strict: bool) -> list[list[object]]:
    net = load_model(RunDirectory.open(model).best_file if model.is_dir() else model, compile=False)
    shape = net.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[1] is None or shape[3] != 3:
        raise InputError(
            f"the model in {str(model)!r} takes no pictures",
            expected="inputs of the shape (height, width, 3)",
            got=f"{shape}",
            fix="Give an .npz file with the array x.",
        )
    paths, folder = [str(data)], data.parent
    if data.is_dir():
        (paths,), folder = find_images(data, [""], follow_links=False), data
    if not paths:
        raise InputError(f"there are no pictures in {str(folder)!r}", expected="at least one")
    pictures = read_pictures(paths, (shape[1], shape[2]), strict=strict)
    for remark in pictures.remarks():
        print(remark)
    outputs = net.predict(pictures.x, batch_size, verbose=0)
    header, *rows = _rows(outputs, _class_names(model))
    table: list[list[object]] = [["file", *header[1:]]]
    for path, (_, *told) in zip(pictures.paths, rows, strict=True):
        table.append([os.path.relpath(path, folder), *told])
    return table


def _class_names(model: Path) -> list[str]:
    """Return what the classes of a run are called; of a file beside none nobody knows."""
    run = RunDirectory(model if model.is_dir() else model.parent)
    is_its_own = model.is_dir() or model.name in (run.best_file.name, run.final_file.name)
    if not is_its_own or not run.settings_file.is_file():
        return []
    data = run.read_settings().get("data")
    names = data.get("classes") if isinstance(data, dict) else None
    return [str(name) for name in names] if isinstance(names, list) else []


def _rows(outputs: np.ndarray, names: list[str]) -> list[list[object]]:
    flat = outputs.reshape(len(outputs), -1)
    # Outputs that are probabilities over several classes are told by the likeliest.
    classes = flat.shape[1] > 1 and flat.min() >= 0 and np.allclose(flat.sum(axis=1), 1, atol=1e-3)
    if classes:
        told = zip(flat.argmax(axis=1).tolist(), flat.max(axis=1).tolist(), strict=True)
        return [
            ["index", "class", "probability"],
            *(
                [index, names[label] if label < len(names) else label, f"{p:.6f}"]
                for index, (label, p) in enumerate(told)
            ),
        ]
    header: list[object] = ["index", *(f"output_{number}" for number in range(flat.shape[1]))]
    return [header, *([index, *row] for index, row in enumerate(flat.tolist()))]
