"""``latih doctor``: what ails a run that was written down, or a model on its data."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from latih.cli.train import train
from latih.doctor import Diagnosis, examine, read
from latih.errors import InputError
from latih.models import load_model
from latih.random import set_random_seed
from latih.recipes import load_examples

MODELS = (".keras", ".h5")
SEE = "see"


class RunsAndModels(TyperGroup):
    """A command whose first word may be a run or a model, in the place of ``see``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the word in."""
        known = (*self.commands, "--help")
        return super().parse_args(ctx, args if not args or args[0] in known else [SEE, *args])


doctor = typer.Typer(cls=RunsAndModels, no_args_is_help=True)
doctor.command("train", help="Train, as `latih train` does, with the doctor looking on.")(train)


@doctor.callback()
def call_doctor() -> None:
    """Say what is wrong with a training, by which numbers, and what helps.

    A run is judged by its files, and a model by a short training of a copy. Neither is changed.

    Example: latih doctor runs/a

    Example: latih doctor model.keras data.npz

    Example: latih doctor train data.npz --activation sigmoid --epochs 5
    """


@doctor.command(SEE)
def see(
    run: Annotated[
        str, typer.Argument(help="A run directory; or a compiled model in a .keras file.")
    ],
    data: Annotated[
        str | None, typer.Argument(help="For a model: what `latih train` takes as data.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="How many are planned for a model; by default nobody knows.")
    ] = None,
    steps: Annotated[int, typer.Option(help="How long a model is tried.")] = 300,
    batch_size: Annotated[int, typer.Option(help="Examples a step.")] = 32,
    seed: Annotated[int, typer.Option(help="One seed gives the same answer.")] = 42,
    as_json: Annotated[bool, typer.Option("--json", help="Print data, not cards.")] = False,
) -> None:
    """Look at a run, or at a model and its data; this word may be left out.

    Example: latih doctor runs/a
    """
    if data is not None or Path(run).suffix in MODELS:
        found = _examined(run, data, epochs, steps, batch_size, seed)
    else:
        found = read(run)
    if as_json:
        print(json.dumps(found.to_dict(), ensure_ascii=False, indent=2))
    else:
        Console(highlight=False).print(found)


def _examined(
    model: str, data: str | None, epochs: int | None, steps: int, batch_size: int, seed: int
) -> Diagnosis:
    if data is None:
        raise InputError(
            f"there is nothing to try {model!r} on",
            expected="a model and its data",
            got="a model",
            fix=f"Write latih doctor {model} DATA, with what `latih train` takes as DATA.",
        )
    set_random_seed(seed)
    examples = load_examples(data, seed)
    return examine(
        load_model(model),
        *examples.training,
        examples.validation,
        epochs=epochs,
        steps=steps,
        batch_size=batch_size,
        seed=seed,
    )
