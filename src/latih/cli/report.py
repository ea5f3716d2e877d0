"""``latih report``: the page of a run, made again."""

from pathlib import Path
from typing import Annotated

import typer

from latih.report import build_report


def rebuild_report(
    run: Annotated[Path, typer.Argument(help="A run directory.")],
) -> None:
    """Make the page of a run again from what is written there.

    Example: latih report runs/a
    """
    print(f"Page: {build_report(run)}")
