"""``latih resume``: a run that broke off goes on, or one that ended is trained on."""

import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from latih import datasets
from latih.cli.options import Force, Quiet, SnapshotEvery
from latih.cli.pretraining import run_pretraining
from latih.cli.training import DoctorMode, read_interval, run_training
from latih.errors import FileFormatError, InputError, UnknownNameError
from latih.layers.budget import weight_budget
from latih.recipes import DenseSettings
from latih.recipes.pretraining import PretrainingSettings
from latih.run_directory import RunDirectory

RECIPES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "dense": DenseSettings.of_table,
    "pretraining": PretrainingSettings.of_table,
}
"""What reads the settings of a run, by the name of its recipe."""


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
    """Go on with a run of `latih train` or `latih pretrain`, from its last snapshot.

    It comes to the same bits as if it had not been broken off. With --epochs, a run that has ended
    is trained on, unless it is a deep belief net's.

    Example: latih resume runs/a --epochs 40
    """
    directory = RunDirectory.open(run)
    told = directory.read_settings()
    recipe = _recipe(told, run)
    read = RECIPES.get(recipe["name"])
    seed = _table(told, "run").get("seed")
    if read is None or type(seed) is not int:
        raise _no_recipe(run)
    settings = _settings(read, recipe, run)
    longer = settings if epochs is None else replace(settings, epochs=epochs)
    given: dict[str, Any] = {
        "seed": seed,
        "quiet": quiet,
        "resume": "force" if force else True,
        "snapshot_every": read_interval(snapshot_every),
    }
    if isinstance(settings, PretrainingSettings):
        if doctor is not None:
            raise InputError(f"the run in {str(run)!r} is a pretraining, at which no doctor looks")
        if settings.method == "dbn" and epochs is not None:
            raise InputError(
                "`--epochs` of a deep belief net cannot be changed",
                expected="as many as were asked: each machine learns from what the one below makes",
                got=str(epochs),
                fix="Begin anew, in another directory.",
            )
        with _budget(directory, settings):
            run_pretraining(longer, data or _known_data(told, run), run, **given)
        return
    # A weight takes four bytes of a snapshot: settings that ask for more have none to fill them.
    with weight_budget(_bytes_kept(directory) // 4):
        given["doctor"] = doctor or _doctor(told)
        run_training(longer, data or _known_data(told, run), run, **given)


def _budget(run: RunDirectory, settings: PretrainingSettings) -> AbstractContextManager[None]:
    """Return what bounds the weights of a pretraining that goes on.

    Beside the model's weights, which take four bytes of a snapshot, are those of what makes the
    examples fit, which are fewer. A belief net's later machines have no snapshots yet: of them each
    weight must go into the memory of the machine, and that is all that can be said.
    """
    kept = _bytes_kept(run)
    return nullcontext() if settings.method == "dbn" else weight_budget(kept)


def _doctor(told: dict[str, Any]) -> DoctorMode:
    was = _table(told, "run").get("doctor")
    return DoctorMode(was) if was in list(DoctorMode) else DoctorMode.off


def _bytes_kept(run: RunDirectory) -> int:
    sizes = [
        file.stat().st_size
        for part in (run, *run.machines)
        for file in part.snapshots_directory.glob("*/*.safetensors")
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


def _recipe(told: dict[str, Any], run: Path) -> dict[str, Any]:
    recipe = _table(told, "recipe")
    if recipe.get("name") == "finetune":
        raise InputError(
            f"the run in {str(run)!r} was begun by `latih finetune`",
            fix=f"Run that command again with --run-dir {shlex.quote(str(run))}: it goes on by "
            "itself.",
        )
    if not isinstance(recipe.get("name"), str):
        raise _no_recipe(run)
    return recipe


def _settings(read: Callable[[dict[str, Any]], Any], recipe: dict[str, Any], run: Path) -> Any:
    try:
        return read({k: v for k, v in recipe.items() if k != "name"})
    except InputError as error:
        raise FileFormatError(
            f"{str(RunDirectory(run).settings_file)!r} holds settings that cannot be used",
            expected="what `latih train` or `latih pretrain` wrote",
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
            fix=f"Write latih resume {shlex.quote(str(run))} DATA.npz; other data are refused.",
        )
    try:
        return datasets.find(name).name
    except UnknownNameError as error:
        again = shlex.join(["latih", "resume", str(run), name])
        own = f"If that is a file or a directory, write `{again}`. " if name.isprintable() else ""
        raise UnknownNameError(
            f"the run in {str(run)!r} was trained on {name!r}, which Latih does not know",
            fix=f"{own}{error.fix}",
        ) from error


def _no_recipe(run: Path) -> FileFormatError:
    return FileFormatError(
        f"the run in {str(run)!r} was not made by `latih train`",
        expected="run.toml with the table [recipe] and a seed",
        got="a run of a script",
        fix="Run the script again: fit(run_dir=...) goes on by itself.",
    )
