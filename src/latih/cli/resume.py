"""``latih resume``: a run that broke off goes on, or one that ended is trained on."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from latih import datasets
from latih.cli.options import Force, Quiet, SnapshotEvery
from latih.cli.training import DoctorMode, read_interval, run_training
from latih.errors import FileFormatError, InputError, UnknownNameError
from latih.layers.budget import weight_budget
from latih.recipes import DenseSettings
from latih.run_directory import RunDirectory

COMMANDS = {"finetune": "finetune", "pretraining": "pretrain"}
"""What began a run of a recipe that goes on where it is asked for again."""


def resume(
    run: Annotated[Path, typer.Argument(help="The run directory.")],
    data: Annotated[
        str | None,
        typer.Argument(
            help="The file or directory that the run was trained from; not for a known set."
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="At most, all in all; by default as many as were asked.")
    ] = None,
    doctor: Annotated[
        DoctorMode | None, typer.Option(help="What it does; by default what it did.")
    ] = None,
    force: Force = False,
    snapshot_every: SnapshotEvery = "60s",
    quiet: Quiet = False,
) -> None:
    """Go on with a run of `latih train`, from its last snapshot to the same bits.

    With --epochs, a run that has ended is trained on.

    Example: latih resume runs/a --epochs 40
    """
    directory = RunDirectory.open(run)
    told = directory.read_settings()
    settings = _settings(told, run)
    seed = _table(told, "run").get("seed")
    if type(seed) is not int:
        raise _no_recipe(run)
    # A weight takes four bytes of a snapshot: settings that ask for more have none to fill them.
    with weight_budget(_bytes_kept(directory) // 4):
        run_training(
            settings if epochs is None else replace(settings, epochs=epochs),
            data or _known_data(told, run),
            run,
            seed=seed,
            quiet=quiet,
            resume="force" if force else True,
            snapshot_every=read_interval(snapshot_every),
            doctor=doctor or _doctor(told),
        )


def _doctor(told: dict[str, Any]) -> DoctorMode:
    was = _table(told, "run").get("doctor")
    return DoctorMode(was) if was in list(DoctorMode) else DoctorMode.off


def _bytes_kept(run: RunDirectory) -> int:
    sizes = [
        file.stat().st_size
        for file in run.snapshots_directory.glob("*/*.safetensors")
        if file.is_file()
    ]
    if not sizes:
        raise InputError(
            f"the run in {str(run.path)!r} cannot be gone on with",
            expected="a run that kept snapshots",
            got="none of them",
            fix="Begin anew, in another directory.",
        )
    return max(sizes)


def _table(told: dict[str, Any], name: str) -> dict[str, Any]:
    table = told.get(name)
    return table if isinstance(table, dict) else {}


def _settings(told: dict[str, Any], run: Path) -> DenseSettings:
    recipe = told.get("recipe")
    command = COMMANDS.get(str(recipe.get("name"))) if isinstance(recipe, dict) else None
    if command is not None:
        raise InputError(
            f"the run in {str(run)!r} was begun by `latih {command}`",
            fix=f"Run that command again with --run-dir {run}: it goes on by itself.",
        )
    if not isinstance(recipe, dict) or recipe.get("name") != "dense":
        raise _no_recipe(run)
    try:
        return DenseSettings.of_table({k: v for k, v in recipe.items() if k != "name"})
    except InputError as error:
        raise FileFormatError(
            f"{str(RunDirectory(run).settings_file)!r} holds settings that cannot be used",
            expected="what `latih train` wrote",
            got=str(error).rstrip("."),
        ) from error


def _known_data(told: dict[str, Any], run: Path) -> str:
    # A file is never opened because another file names it.
    name = _table(told, "data").get("name")
    if not isinstance(name, str) or Path(name).suffix in (".npz", ".parquet"):
        raise InputError(
            f"the run in {str(run)!r} was trained from a file",
            expected="that file, again",
            got="none",
            fix=f"Write latih resume {run} DATA.npz; other data are refused.",
        )
    try:
        return datasets.find(name).name
    except UnknownNameError as error:
        raise UnknownNameError(
            f"the run in {str(run)!r} was trained on {name!r}, which Latih does not know",
            fix=error.fix,
        ) from error


def _no_recipe(run: Path) -> FileFormatError:
    return FileFormatError(
        f"the run in {str(run)!r} was not made by `latih train`",
        expected="run.toml with the table [recipe] and a seed",
        got="a run of a script",
        fix="Run the script again: fit(run_dir=...) goes on by itself.",
    )
