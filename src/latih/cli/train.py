"""``latih train``: from data to a trained net without a script."""

import datetime
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from latih.errors import InputError
from latih.random import set_random_seed
from latih.recipes import DenseSettings, load_examples, train_dense
from latih.recipes.dense import TrainedRun
from latih.recipes.examples import Examples

EMBEDDED = "fashion-mnist-embedded"
DEFAULTS = DenseSettings()


def train(
    data: Annotated[
        str,
        typer.Argument(
            help="A data set's name (see `latih datasets`), or an .npz file with arrays x and y."
        ),
    ] = EMBEDDED,
    hidden: Annotated[str, typer.Option(help="Units of each hidden layer.")] = "300,100",
    activation: Annotated[str, typer.Option(help="Of the hidden layers.")] = DEFAULTS.activation,
    initializer: Annotated[
        str | None, typer.Option(help="Of the hidden layers; by default what fits the activation.")
    ] = None,
    batch_norm: Annotated[
        bool, typer.Option(help="Whether hidden layers are batch-normalised.")
    ] = DEFAULTS.batch_norm,
    dropout: Annotated[float, typer.Option(help="Fraction to drop.")] = DEFAULTS.dropout,
    l2: Annotated[float, typer.Option(help="Price of squared weights.")] = DEFAULTS.l2,
    optimizer: Annotated[str, typer.Option(help="Its name.")] = DEFAULTS.optimizer,
    learning_rate: Annotated[
        float | None, typer.Option("--lr", help="By default the optimizer's own.")
    ] = None,
    epochs: Annotated[int, typer.Option(help="At most.")] = DEFAULTS.epochs,
    patience: Annotated[
        int, typer.Option(help="Epochs without a better validation loss that end the run.")
    ] = 5,
    batch_size: Annotated[int, typer.Option(help="Examples a step.")] = DEFAULTS.batch_size,
    seed: Annotated[int, typer.Option(help="One seed gives the same bits.")] = 42,
    run_dir: Annotated[
        Path | None, typer.Option(help="Where the run is written; by default a new one in runs/.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the result only.")] = False,
) -> None:
    """Train a deep dense net on a data set, and write down what happened.

    Without an argument it trains a batch-normalised, He-initialised net on the images of clothes
    that the package carries.

    Example: latih train fashion-mnist --hidden 300,100 --activation relu --batch-norm
    --dropout 0.2 --optimizer adam --lr 1e-3 --epochs 20 --patience 5 --seed 42 --run-dir runs/a
    """
    settings = DenseSettings(
        hidden=_units(hidden),
        activation=activation,
        initializer=initializer,
        batch_norm=batch_norm,
        dropout=dropout,
        l2=l2,
        optimizer=optimizer,
        learning_rate=learning_rate,
        epochs=epochs,
        patience=patience,
        batch_size=batch_size,
    )
    console = Console(highlight=False, soft_wrap=True)
    set_random_seed(seed)
    examples = load_examples(data, seed)
    directory = run_dir or _new_run_directory(Path(data).stem)
    if not quiet:
        console.print(_introduction(examples), markup=False)
    try:
        trained = train_dense(
            settings,
            examples,
            directory,
            verbose=0 if quiet else "auto",
            asked={"seed": seed, "command": shlex.join(["latih", *sys.argv[1:]])},
        )
    except KeyboardInterrupt:
        console.print(f"Interrupted. What was learnt so far is in {directory}.", markup=False)
        raise typer.Exit(130) from None
    if not quiet and trained.model.stop_reason != "all epochs done":
        console.print(f"Stopped: {trained.model.stop_reason}.", markup=False)
    _tell(console, trained, examples)


def _units(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise InputError(
            "`--hidden` cannot be read",
            expected="whole numbers with commas between, as 300,100",
            got=repr(text),
        ) from None


def _new_run_directory(name: str) -> Path:
    now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    directory, number = Path("runs") / f"{name}-{now}", 1
    while directory.exists():
        number += 1
        directory = Path("runs") / f"{name}-{now}-{number}"
    return directory


def _introduction(examples: Examples) -> str:
    shape = " x ".join(str(size) for size in examples.input_shape) or "1"
    goal = f"{len(examples.class_names)} classes" if examples.class_names else "a quantity"
    return (
        f"{examples.name}: {len(examples.training[0]):,} examples of {shape} to train on, "
        f"{len(examples.validation[0]):,} to validate, {len(examples.test[0]):,} to test; {goal}."
    )


def _tell(console: Console, trained: TrainedRun, examples: Examples) -> None:
    scores = trained.scores
    if "accuracy" in scores:
        told = f"Test accuracy: {scores['accuracy']:.4f} on {len(examples.test[0]):,} examples."
    else:
        told = (
            f"Test: mean absolute error {scores['mae']:.4g}, mean squared error "
            f"{scores['loss']:.4g}, on {len(examples.test[0]):,} examples."
        )
    console.print(told, markup=False)
    console.print(f"Model: {trained.run.best_file}", markup=False)
    console.print(f"Page:  {trained.page}", markup=False)
