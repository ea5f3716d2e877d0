"""``latih pretrain``: an encoder from examples without labels."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from latih.cli.options import Force, LearningRate, NewRun, Quiet, Seed, SnapshotEvery
from latih.cli.train import EMBEDDED, read_units
from latih.cli.training import new_run_directory, read_interval
from latih.random import set_random_seed
from latih.recipes.pretraining import (
    METHODS,
    PretrainingSettings,
    load_unlabelled,
)
from latih.recipes.pretraining import pretrain as pretrain_recipe

DEFAULTS = PretrainingSettings()


def pretrain(
    data: Annotated[
        str,
        typer.Argument(
            help="What `latih train` takes: a data set's name, a file, a directory. Labels are not "
            "needed, and not looked at."
        ),
    ] = EMBEDDED,
    method: Annotated[str, typer.Option(help=f"One of {', '.join(METHODS)}.")] = DEFAULTS.method,
    hidden: Annotated[
        str, typer.Option(help="Units of each layer of a dense encoder.")
    ] = "500,250",
    convolutional: Annotated[
        bool | None,
        typer.Option(help="By default for images that are masked or contrasted."),
    ] = None,
    noise: Annotated[
        float, typer.Option(help="Fraction of values that denoising hides.")
    ] = DEFAULTS.noise,
    masked: Annotated[
        float, typer.Option(help="Fraction of squares that masking hides.")
    ] = DEFAULTS.masked,
    patch: Annotated[int, typer.Option(help="Sides of these squares, in pixels.")] = DEFAULTS.patch,
    optimizer: Annotated[str, typer.Option(help="Its name; a DBN has its own.")] = (
        DEFAULTS.optimizer
    ),
    learning_rate: LearningRate = None,
    epochs: Annotated[int, typer.Option(help="Of a DBN: for each machine.")] = DEFAULTS.epochs,
    batch_size: Annotated[int, typer.Option(help="Examples a step.")] = DEFAULTS.batch_size,
    seed: Seed = 42,
    run_dir: NewRun = None,
    snapshot_every: SnapshotEvery = "60s",
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Learn an encoder from examples without labels; `latih finetune --base RUN` takes it.

    Example: latih pretrain fashion-mnist --method denoising --epochs 20 --run-dir runs/pretrained
    """
    settings = PretrainingSettings(
        method=method,
        hidden=read_units(hidden),
        convolutional=convolutional,
        noise=noise,
        masked=masked,
        patch=patch,
        optimizer=optimizer,
        learning_rate=learning_rate,
        epochs=epochs,
        batch_size=batch_size,
    )
    console = Console(highlight=False, soft_wrap=True)
    set_random_seed(seed)
    name, x = load_unlabelled(data)
    if not quiet:
        shape = " x ".join(str(size) for size in x.shape[1:]) or "1"
        console.print(f"{name}: {len(x):,} examples of {shape}, without labels.", markup=False)
    learnt = pretrain_recipe(
        settings,
        name,
        x,
        run_dir or new_run_directory(f"{Path(data).stem}-{method}"),
        seed=seed,
        verbose=0 if quiet else "auto",
        asked={"seed": seed, "command": shlex.join(["latih", *sys.argv[1:]])},
        resume="force" if force else "auto",
        snapshot_every=read_interval(snapshot_every),
    )
    console.print(f"Encoder: {learnt.run.encoder_file}", markup=False)
    told = f"latih finetune IMAGES --base {shlex.quote(str(learnt.run.path))}"
    console.print(f"Next:    {told}", markup=False)
