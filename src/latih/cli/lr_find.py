"""``latih lr-find``: the learning rate that a net's own curve speaks for."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from latih.cli.train import DEFAULTS, EMBEDDED, read_units
from latih.doctor.learning_rate_range import lr_find
from latih.models import load_model
from latih.random import set_random_seed
from latih.recipes import DenseSettings, load_examples
from latih.recipes.dense import build_dense


def find_learning_rate(
    data: Annotated[
        str, typer.Argument(help="What `latih train` takes: a data set's name, a file, a directory")
    ] = EMBEDDED,
    model: Annotated[
        Path | None,
        typer.Option(help="A compiled model in a .keras file; by default the net described below."),
    ] = None,
    hidden: Annotated[str, typer.Option(help="Units of each hidden layer.")] = "300,100",
    activation: Annotated[str, typer.Option(help="Of the hidden layers.")] = DEFAULTS.activation,
    batch_norm: Annotated[
        bool, typer.Option(help="Whether hidden layers are batch-normalised.")
    ] = DEFAULTS.batch_norm,
    optimizer: Annotated[str, typer.Option(help="Its name.")] = DEFAULTS.optimizer,
    batch_size: Annotated[int, typer.Option(help="Examples a step.")] = DEFAULTS.batch_size,
    steps: Annotated[int, typer.Option(help="Rates to try.")] = 100,
    seed: Annotated[int, typer.Option(help="One seed gives the same answer.")] = 42,
    plot: Annotated[Path | None, typer.Option(help="Where to draw the curve.")] = None,
) -> None:
    """Try learning rates from far too low to far too high, and suggest one.

    Example: latih lr-find fashion-mnist --hidden 300,100 --optimizer sgd --plot range.png
    """
    set_random_seed(seed)
    examples = load_examples(data, seed)
    if model is not None:
        net = load_model(model)
    else:
        settings = DenseSettings(
            hidden=read_units(hidden),
            activation=activation,
            batch_norm=batch_norm,
            optimizer=optimizer,
            batch_size=batch_size,
        )
        net = build_dense(settings, examples)
    found = lr_find(net, *examples.training, batch_size=batch_size, steps=steps, seed=seed)
    console = Console(highlight=False, soft_wrap=True)
    told = "none" if found.suggestion is None else f"{found.suggestion:.2g}"
    console.print(f"Learning rate: {told}", markup=False)
    console.print(f"Reason: {found.reason}.", markup=False)
    if plot is not None:
        found.plot(plot)
        console.print(f"Curve: {plot}", markup=False)
