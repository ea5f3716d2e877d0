"""``latih pretrain``: an encoder from examples without labels."""

from pathlib import Path
from typing import Annotated

import typer

from latih.cli.options import Force, LearningRate, NewRun, Quiet, Seed, SnapshotEvery
from latih.cli.pretraining import run_pretraining
from latih.cli.train import EMBEDDED, read_units
from latih.cli.training import new_run_directory, read_interval
from latih.errors import InputError
from latih.recipes.pretraining import METHODS, PretrainingSettings

DEFAULTS = PretrainingSettings()

METHODS_WITH = {
    "noise": ("denoising",),
    "masked": ("masked",),
    "patch": ("masked",),
    "optimizer": tuple(method for method in METHODS if method != "dbn"),
}
"""What methods an option has an effect on, where not on all."""


def pretrain(
    context: typer.Context,
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
    size: Annotated[
        int, typer.Option(help="Height and width at most that pictures of a folder are read in.")
    ] = DEFAULTS.size,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a file that is no picture; else skip it.")
    ] = False,
    seed: Seed = 42,
    run_dir: NewRun = None,
    snapshot_every: SnapshotEvery = "60s",
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Learn an encoder from examples without labels; `latih finetune --base RUN` takes it.

    Example: latih pretrain fashion-mnist --method denoising --epochs 20 --run-dir runs/pretrained
    """
    _require_effect(context, method)
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
        size=size,
    )
    run_pretraining(
        settings,
        data,
        run_dir or new_run_directory(f"{Path(data).stem}-{method}"),
        seed=seed,
        quiet=quiet,
        resume="force" if force else "auto",
        snapshot_every=read_interval(snapshot_every),
        strict=strict,
    )


def _require_effect(context: typer.Context, method: str) -> None:
    """Refuse options that the method has no use for: who gives them expects that they count."""
    for name, methods in METHODS_WITH.items():
        source = context.get_parameter_source(name)
        was_given = source is not None and source.name == "COMMANDLINE"
        if was_given and method in METHODS and method not in methods:
            raise InputError(
                f"`--{name}` has no effect on --method {method}",
                expected=f"--method {' or '.join(methods)}",
                fix=f"Leave --{name} out.",
            )
