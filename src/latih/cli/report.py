"""``latih report``: the page of a run, made again."""

from pathlib import Path
from typing import Annotated

import typer

from latih.report import build_report
from latih.run_directory import RunDirectory


def rebuild_report(
    run: Annotated[Path, typer.Argument(help="A run directory.")],
) -> None:
    """Make the page of a run again from what is written there; of a belief net's, one a machine.

    Example: latih report runs/a
    """
    directory = RunDirectory.open(run)
    for trained in directory.machines or [directory]:
        print(f"Page: {build_report(trained)}")
