"""The options that several commands have, in the same words."""

from pathlib import Path
from typing import Annotated

import typer

Seed = Annotated[int, typer.Option(help="One seed gives the same bits.")]

LearningRate = Annotated[float | None, typer.Option("--lr", help="By default the optimizer's own.")]

NewRun = Annotated[
    Path | None,
    typer.Option(
        "--run-dir", help="Where the run is written, or goes on; by default a new one in runs/."
    ),
]

SnapshotEvery = Annotated[
    str, typer.Option(help="How much work a crash may cost: steps, or a time such as 60s.")
]

Force = Annotated[
    bool, typer.Option("--force", help="Go on with a run although something was changed.")
]

Quiet = Annotated[bool, typer.Option("--quiet", help="Print the result only.")]
