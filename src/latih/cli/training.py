"""What ``latih train`` and ``latih resume`` have in common: a run, told of as it goes."""

import datetime
import shlex
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Literal

import typer
from rich.console import Console

from latih.errors import LatihError, Terminated
from latih.models.kept_run import Resume
from latih.random import set_random_seed
from latih.recipes import DenseSettings, load_examples, train_dense
from latih.recipes.dense import TrainedRun
from latih.recipes.examples import Examples
from latih.run_directory import RunDirectory


class DoctorMode(StrEnum):
    """What the doctor does at a run."""

    watch = "watch"
    stop = "stop"
    treat = "treat"
    off = "off"


ASKED_OF_FIT: dict[DoctorMode, Literal["watch", "stop", "treat", False]] = {
    DoctorMode.watch: "watch",
    DoctorMode.stop: "stop",
    DoctorMode.treat: "treat",
    DoctorMode.off: False,
}


def run_training(
    settings: DenseSettings,
    data: str,
    directory: Path,
    *,
    seed: int,
    quiet: bool,
    resume: Resume,
    snapshot_every: int | str,
    doctor: DoctorMode,
) -> None:
    """Train a net on data and tell what came of it.

    Args:
        settings: what the net is and how it is trained.
        data: a data set's name, a file or a directory.
        directory: where the run is written.
        seed: what everything that is drawn follows from.
        quiet: whether only the result is told.
        resume: as in ``fit()``.
        snapshot_every: as in ``fit()``.
        doctor: what it does.

    Raises:
        typer.Exit: with 130 after Ctrl-C; with 1 where there is no model in the end.
    """
    console = Console(highlight=False, soft_wrap=True)
    set_random_seed(seed)
    examples = load_examples(data, seed)
    if not quiet:
        console.print(_introduction(examples), markup=False)
    with telling_how_to_go_on(console, directory, resume_command(directory, data)):
        trained = train_dense(
            settings,
            examples,
            directory,
            verbose=0 if quiet else "auto",
            asked={
                "seed": seed,
                "doctor": doctor.value,
                "command": shlex.join(["latih", *sys.argv[1:]]),
            },
            resume=resume,
            snapshot_every=snapshot_every,
            doctor=ASKED_OF_FIT[doctor],
        )
    reason = trained.model.stop_reason or ""
    if not quiet and reason != "all epochs done":
        # A finding is a sentence.
        console.print(f"Stopped: {reason.removesuffix('.')}.", markup=False)
    _tell(console, trained, examples)


@contextmanager
def telling_how_to_go_on(
    console: Console, directory: Path, command: Sequence[str]
) -> Generator[None]:
    """Tell who breaks the run of the block off how it is gone on with.

    Args:
        console: where that is told.
        directory: where the run is written.
        command: what goes on.

    Raises:
        typer.Exit: with 130 after Ctrl-C.
    """

    def told() -> str:
        if not RunDirectory(directory).settings_file.is_file():
            return "It had not begun to learn, and nothing was written."
        return f"What was learnt so far is in {directory}; `{shlex.join(command)}` goes on."

    try:
        yield
    except KeyboardInterrupt:
        console.print(f"Interrupted. {told()}", markup=False)
        raise typer.Exit(130) from None
    except Terminated:
        console.print(f"Ended. {told()}", markup=False)
        raise


def resume_command(directory: Path, data: str) -> list[str]:
    """Return the command that goes on with a run that was trained from data."""
    of_file = Path(data).suffix == ".npz" or Path(data).exists()
    return ["latih", "resume", str(directory), *([data] if of_file else [])]


def read_interval(text: str) -> int | str:
    """Return an option of an interval as ``fit()`` takes it: a number means steps."""
    return int(text) if text.isdecimal() else text


def new_run_directory(name: str) -> Path:
    """Return a directory in runs/ that does not exist yet, named after the data and the hour."""
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
            f"Test: mean absolute error {scores['mae']:.4g}, loss {scores['loss']:.4g}, "
            f"on {len(examples.test[0]):,} examples."
        )
    console.print(told, markup=False)
    if trained.run.best_file.is_file():
        console.print(f"Model: {trained.run.best_file}", markup=False)
    console.print(f"Page:  {trained.page}", markup=False)
    if not trained.run.best_file.is_file():
        raise LatihError(
            "the run has no model",
            expected="an epoch that ends with a finite validation loss",
            got=f"none ({trained.model.stop_reason})",
            fix=f"See what `latih doctor {trained.run.path}` says of it.",
        )
