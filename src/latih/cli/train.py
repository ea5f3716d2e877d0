"""``latih train``: from data to a trained net without a script."""

from pathlib import Path
from typing import Annotated

import typer

from latih.cli.options import Force, LearningRate, NewRun, Quiet, Seed, SnapshotEvery
from latih.cli.training import DoctorMode, new_run_directory, read_interval, run_training
from latih.errors import InputError
from latih.recipes import DenseSettings

EMBEDDED = "fashion-mnist-embedded"
DEFAULTS = DenseSettings()
MOST_LAYERS = 1000
"""More are no net but a slip of the pen."""


def train(
    data: Annotated[
        str,
        typer.Argument(
            help="A data set's name (see `latih datasets`), an .npz file with arrays x and y, a "
            "directory with x.npy and y.npy or with MNIST's IDX files, a .parquet file (column y, "
            "or else the last, is predicted), or a directory with a folder of images for each "
            "class."
        ),
    ] = EMBEDDED,
    hidden: Annotated[
        str, typer.Option(help="Units of each hidden layer, as 300,100; 20x100 is twenty of 100.")
    ] = "300,100",
    activation: Annotated[str, typer.Option(help="Of the hidden layers.")] = DEFAULTS.activation,
    initializer: Annotated[
        str | None,
        typer.Option(
            help="Of the hidden layers, as he_normal or random_normal:stddev=1; by default what "
            "fits the activation."
        ),
    ] = None,
    batch_norm: Annotated[
        bool, typer.Option(help="Whether hidden layers are batch-normalised.")
    ] = DEFAULTS.batch_norm,
    dropout: Annotated[float, typer.Option(help="Fraction to drop.")] = DEFAULTS.dropout,
    l2: Annotated[float, typer.Option(help="Price of squared weights.")] = DEFAULTS.l2,
    optimizer: Annotated[str, typer.Option(help="Its name.")] = DEFAULTS.optimizer,
    learning_rate: LearningRate = None,
    epochs: Annotated[int, typer.Option(help="At most.")] = DEFAULTS.epochs,
    patience: Annotated[
        int, typer.Option(help="Epochs without a better validation loss that end the run.")
    ] = 5,
    batch_size: Annotated[int, typer.Option(help="Examples a step.")] = DEFAULTS.batch_size,
    seed: Seed = 42,
    run_dir: NewRun = None,
    snapshot_every: SnapshotEvery = "60s",
    doctor: Annotated[
        DoctorMode,
        typer.Option(
            help="Whether it looks on and tells what is wrong, ends the run then, or tries what "
            "helps (of advice too, where too little is learnt) and trains on with it."
        ),
    ] = DoctorMode.watch,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Train a deep dense net on a data set, and write down what happened.

    Without an argument it trains a batch-normalised, He-initialised net on the images of clothes
    that the package carries.

    Example: latih train fashion-mnist --hidden 300,100 --activation relu --batch-norm
    --dropout 0.2 --optimizer adam --lr 1e-3 --epochs 20 --patience 5 --seed 42 --run-dir runs/a
    """
    settings = DenseSettings(
        hidden=read_units(hidden),
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
    run_training(
        settings,
        data,
        run_dir or new_run_directory(Path(data).stem),
        seed=seed,
        quiet=quiet,
        resume="force" if force else "auto",
        snapshot_every=read_interval(snapshot_every),
        doctor=doctor,
    )


def read_units(text: str) -> tuple[int, ...]:
    """Return ``"300,100"``, or ``"300,3x100"``, as numbers of units; of no text none.

    Raises:
        InputError: it is not written so, there is nothing between two commas, or there are layers
            of no units, no layers of some, or more than 1,000 layers.
    """
    units: list[int] = []
    try:
        for part in text.split(",") if text.strip() else ():
            count, times, size = part.partition("x")
            if not times:
                count, size = "1", part
            if int(count) < 1 or int(size) < 1 or len(units) + int(count) > MOST_LAYERS:
                raise ValueError
            units += [int(size)] * int(count)
    except ValueError:
        raise InputError(
            "`--hidden` cannot be read",
            expected="whole numbers with commas between, each 1 or more, as 300,100; or 20x100 "
            f"for twenty layers of 100; {MOST_LAYERS:,} layers at most",
            got=repr(text),
        ) from None
    return tuple(units)
