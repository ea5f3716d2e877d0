"""``latih doctor``: what ails a run that was written down, or a model on its data."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from latih import losses
from latih.cli.train import train
from latih.data.labels import to_categorical
from latih.doctor import Diagnosis, examine, read
from latih.doctor.expectations import CATEGORICAL
from latih.doctor.targets import loss_name
from latih.errors import InputError
from latih.losses import Loss
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

    Example: latih doctor runs/mine/best.keras pictures --size 160

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
    size: Annotated[
        int | None,
        typer.Option(
            help="Height and width of pictures, as the model takes them; by default at most 64."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="One seed gives the same answer.")] = 42,
    as_json: Annotated[bool, typer.Option("--json", help="Print data, not cards.")] = False,
) -> None:
    """Look at a run, or at a model and its data; this word may be left out.

    Example: latih doctor runs/a
    """
    if data is not None or Path(run).suffix in MODELS:
        found = _examined(run, data, epochs, steps, batch_size, size, seed)
    else:
        found = read(run)
    if as_json:
        print(json.dumps(found.to_dict(), ensure_ascii=False, indent=2))
    else:
        Console(highlight=False).print(found)


def _examined(
    model: str,
    data: str | None,
    epochs: int | None,
    steps: int,
    batch_size: int,
    size: int | None,
    seed: int,
) -> Diagnosis:
    if data is None:
        raise InputError(
            f"there is nothing to try {model!r} on",
            expected="a model and its data",
            got="a model",
            fix=f"Write latih doctor {model} DATA, with what `latih train` takes as DATA.",
        )
    set_random_seed(seed)
    net = load_model(model)
    examples = load_examples(data, seed, picture_size=size)
    (x, y), (held_x, held_y) = (
        (x, _as_the_loss_takes(net, y, len(examples.class_names)))
        for x, y in (examples.training, examples.validation)
    )
    return examine(
        net,
        x,
        y,
        (held_x, held_y),
        epochs=epochs,
        steps=steps,
        batch_size=batch_size,
        seed=seed,
    )


def _as_the_loss_takes(net: Any, y: Any, classes: int) -> Any:
    """Return class numbers as rows, where the loss takes shares: a fine-tuned net's does."""
    given = None if net.objective is None else net.objective.given.loss
    known = isinstance(given, str | Loss)
    shares = known and loss_name(losses.get(given)) in CATEGORICAL
    return to_categorical(y, classes) if shares and classes else y
