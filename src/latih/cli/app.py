"""The commands, put together; errors as sentences instead of tracebacks."""

import sys

import typer
from rich.console import Console

from latih.cli.datasets import list_datasets
from latih.cli.doctor import doctor
from latih.cli.finetune import finetune
from latih.cli.lr_find import find_learning_rate
from latih.cli.predict import predict
from latih.cli.pretrain import pretrain
from latih.cli.report import rebuild_report
from latih.cli.resume import resume
from latih.cli.train import train
from latih.errors import LatihError, Terminated
from latih.version import __version__

app = typer.Typer(
    name="latih",
    help="Train deep neural networks that actually train.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command("train")(train)
app.command("finetune")(finetune)
app.command("resume")(resume)
app.command("pretrain")(pretrain)
app.command("predict")(predict)
app.command("lr-find")(find_learning_rate)
app.add_typer(doctor, name="doctor")
app.command("report")(rebuild_report)
app.command("datasets")(list_datasets)


def _tell_version(asked: bool) -> None:
    if asked:
        print(f"latih {__version__}")
        raise typer.Exit


@app.callback()
def latih(
    version: bool = typer.Option(
        False, "--version", callback=_tell_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Train deep neural networks that actually train."""


def main() -> None:
    """Run the command line; an error of Latih's is one sentence and exit code 1."""
    try:
        app()
    except LatihError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"latih: {error}", style="red", markup=False
        )
        sys.exit(1)
    except KeyboardInterrupt:
        Console(stderr=True).print("latih: interrupted", style="red")
        sys.exit(130)
    except Terminated:
        Console(stderr=True).print("latih: ended by SIGTERM", style="red")
        raise
