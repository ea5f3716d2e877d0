"""``latih predict``: what a saved model makes of examples."""

import csv
import io
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from latih.errors import FileFormatError
from latih.files import write_atomically
from latih.models import load_model
from latih.recipes.files import read_arrays
from latih.run_directory import RunDirectory


def predict(
    model: Annotated[Path, typer.Argument(help="A .keras file, or a run directory.")],
    data: Annotated[Path, typer.Argument(help="An .npz file with the array x.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The table to write.")] = Path(
        "predictions.csv"
    ),
    batch_size: Annotated[int, typer.Option(help="Examples at once.")] = 256,
) -> None:
    """Write what a model makes of each example into a table.

    For a classifier: the class and its probability; else the outputs.

    Example: latih predict runs/a/best.keras new.npz -o out.csv
    """
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
    table = io.StringIO(newline="")
    csv.writer(table).writerows(_rows(outputs))
    with write_atomically(output) as target:
        target.write(table.getvalue().encode())
    print(f"{len(outputs):,} predictions in {output}")


def _rows(outputs: np.ndarray) -> list[list[object]]:
    flat = outputs.reshape(len(outputs), -1)
    # Outputs that are probabilities over several classes are told by the likeliest.
    classes = flat.shape[1] > 1 and flat.min() >= 0 and np.allclose(flat.sum(axis=1), 1, atol=1e-3)
    if classes:
        told = zip(flat.argmax(axis=1).tolist(), flat.max(axis=1).tolist(), strict=True)
        return [
            ["index", "class", "probability"],
            *([index, label, f"{p:.6f}"] for index, (label, p) in enumerate(told)),
        ]
    header: list[object] = ["index", *(f"output_{number}" for number in range(flat.shape[1]))]
    return [header, *([index, *row] for index, row in enumerate(flat.tolist()))]
