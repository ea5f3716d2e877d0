"""A model as a table: layers, shapes, numbers of weights."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from latih.layers import Layer
from latih.structures import map_structure


@dataclass(frozen=True)
class Row:
    """One layer of the table."""

    name: str
    type: str
    output_shape: Any
    parameters: int
    trainable: bool
    depth: int
    connected_to: list[str]


def rows(model: Any, expand_nested: bool = False) -> list[Row]:
    """Return a row for each layer of a built model; none for one that is not built."""
    return [] if model.input_shape is None else list(_rows(model, expand_nested, 0))


def _rows(model: Any, expand_nested: bool, depth: int) -> Iterator[Row]:
    for layer in model.layers:
        yield Row(
            layer.name,
            layer.keras_identity()["class_name"],
            _output_shape(layer),
            layer.count_params(),
            bool(layer.trainable_weights),
            depth,
            [tensor.node.layer.name for tensor in layer.calls[0].inputs] if layer.calls else [],
        )
        if expand_nested and layer.layers:
            yield from _rows(layer, expand_nested, depth + 1)


def _output_shape(layer: Layer) -> Any:
    """Return the shape of what the layer gives; None inside a class that says itself what runs."""
    if not layer.calls:
        return None
    return map_structure(lambda tensor: tensor.shape, layer.output)


def counts(model: Layer) -> dict[str, int]:
    """Return how many numbers the weights hold, and how many of them are trained."""
    trainable = sum(weight.numel() for weight in model.trainable_weights)
    total = model.count_params()
    return {"parameters": total, "trainable": trainable, "non_trainable": total - trainable}


def print_summary(
    model: Any,
    *,
    width: int | None,
    print_function: Callable[[str], Any] | None,
    expand_nested: bool,
    show_trainable: bool,
) -> None:
    """Print the table of a model.

    Args:
        model: the model.
        width: of the table, in characters; None for the terminal's.
        print_function: what prints the text; None for the standard output.
        expand_nested: whether models inside are opened.
        show_trainable: whether to say which layers are trained.
    """
    table = Table(title=f"Model: {model.name!r}", title_justify="left")
    table.add_column("Layer (type)")
    table.add_column("Output Shape")
    table.add_column("Param #", justify="right")
    # What follows what says itself in a Sequential.
    connected = getattr(model, "graph", None) is not None
    if connected:
        table.add_column("Connected to")
    if show_trainable:
        table.add_column("Trainable")
    for row in rows(model, expand_nested):
        cells = [
            f"{'  ' * row.depth}{row.name} ({row.type})",
            "?" if row.output_shape is None else str(row.output_shape),
            f"{row.parameters:,}",
            *([", ".join(row.connected_to) or "-"] if connected else []),
        ]
        table.add_row(*cells, *(["Y" if row.trainable else "N"] if show_trainable else []))
    text = io.StringIO() if print_function else None
    console = Console(file=text, width=width, highlight=False, markup=False)
    console.print(table)
    count = counts(model)
    for title, numbers in (
        ("Total params", count["parameters"]),
        ("Trainable params", count["trainable"]),
        ("Non-trainable params", count["non_trainable"]),
    ):
        console.print(f" {title}: {numbers:,} ({_size(4 * numbers)})")
    if model.input_shape is None:
        console.print(" The model is not built: its input shape is not known yet.")
    if text is not None and print_function is not None:
        print_function(text.getvalue())


def _size(bytes_: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if bytes_ < 1024:
            return f"{bytes_:.2f} {unit}"
        bytes_ /= 1024
    return f"{bytes_:.2f} TB"
