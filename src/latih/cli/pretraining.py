"""What ``latih pretrain`` and ``latih resume`` have in common: a pretraining, and its encoder."""

import shlex
import sys
from pathlib import Path

from rich.console import Console

from latih.cli.training import resume_command, telling_how_to_go_on
from latih.models.kept_run import Resume
from latih.random import set_random_seed
from latih.recipes.pretraining import PretrainingSettings, load_unlabelled, pretrain


def run_pretraining(
    settings: PretrainingSettings,
    data: str,
    directory: Path,
    *,
    seed: int,
    quiet: bool,
    resume: Resume,
    snapshot_every: int | str,
    strict: bool = False,
) -> None:
    """Learn an encoder from data, and tell where it is.

    Args:
        settings: how it is learnt.
        data: a data set's name, a file or a directory.
        directory: where the run is written.
        seed: what everything that is drawn follows from.
        quiet: whether only the result is told.
        resume: as in ``fit()``.
        snapshot_every: as in ``fit()``.
        strict: whether a picture that cannot be read is refused; else it is skipped.

    Raises:
        typer.Exit: with 130 after Ctrl-C.
    """
    console = Console(highlight=False, soft_wrap=True)
    set_random_seed(seed)
    found = load_unlabelled(data, size=settings.size, strict=strict)
    x = found.x
    if not quiet:
        shape = " x ".join(str(size) for size in x.shape[1:]) or "1"
        console.print(
            f"{found.name}: {len(x):,} examples of {shape}, without labels.", markup=False
        )
    for remark in found.remarks:
        console.print(remark, markup=False)
    with telling_how_to_go_on(console, directory, resume_command(directory, data)):
        learnt = pretrain(
            settings,
            found.name,
            x,
            directory,
            seed=seed,
            verbose=0 if quiet else "auto",
            asked={"seed": seed, "command": shlex.join(["latih", *sys.argv[1:]])},
            resume=resume,
            snapshot_every=snapshot_every,
        )
    console.print(f"Encoder: {learnt.run.encoder_file}", markup=False)
    for trained in learnt.run.machines or [learnt.run]:
        if trained.report_file.is_file():
            console.print(f"Page:    {trained.report_file}", markup=False)
    if found.are_pictures:
        following = f"latih finetune IMAGES --base {shlex.quote(str(learnt.run.path))}"
    else:
        following = f"transfer.fine_tune({str(learnt.run.path)!r}, x, y) in Python"
    console.print(f"Next:    {following}", markup=False)
