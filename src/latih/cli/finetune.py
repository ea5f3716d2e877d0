"""``latih finetune``: from a folder of pictures and a pretrained net to one that names them."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from latih.cli.options import Force, NewRun, Quiet, Seed, SnapshotEvery
from latih.cli.training import new_run_directory, read_interval, telling_how_to_go_on
from latih.doctor import Diagnosis
from latih.random import set_random_seed
from latih.recipes.finetune import (
    FineTunedRun,
    Judged,
    fine_tune_pictures,
    require_possible,
)
from latih.recipes.image_folder import PictureClasses, read_picture_classes
from latih.transfer import Options

DEFAULTS = Options()
SIZE = 160
MOST_SHOWN = 12
"""How many classes a confusion is printed of; the page has all."""


def finetune(
    images: Annotated[
        Path, typer.Argument(help="A directory with a folder of pictures for each class.")
    ],
    base: Annotated[
        str,
        typer.Option(help="A known network, such as efficientnet-lite0; a .keras file; or a run."),
    ] = "efficientnet-lite0",
    epochs: Annotated[
        int | None, typer.Option(help="Of the whole net; by default 20 of a small set.")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="Judge by so many stratified folds, 2 or more.")
    ] = None,
    size: Annotated[
        int, typer.Option(help="Height and width of the pictures: larger sees more, and costs.")
    ] = SIZE,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--lr", help="The highest of the head, by default 0.001, and less for few steps."
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Pictures a step.")] = DEFAULTS.batch_size,
    label_smoothing: Annotated[
        float, typer.Option(help="The part of each label spread over all classes.")
    ] = DEFAULTS.label_smoothing,
    mixup: Annotated[float, typer.Option(help="How much pictures are mixed; 0 for not.")] = 0.0,
    augmentation: Annotated[
        str, typer.Option(help="How pictures are changed: light, strong or none.")
    ] = "light",
    class_weights: Annotated[
        bool, typer.Option("--class-weights", help="Let rare classes count as much as others.")
    ] = False,
    views: Annotated[
        int, typer.Option(help="Judge by the mean over so many views of each picture.")
    ] = 1,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a file that is no picture; else skip it.")
    ] = False,
    seed: Seed = 42,
    run_dir: NewRun = None,
    snapshot_every: SnapshotEvery = "60s",
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Teach a pretrained net to name your pictures.

    A fifth of each class is held back to judge by, and a fifth of the rest to choose the epoch by.

    Example: latih finetune pictures --base efficientnet-lite0 --run-dir runs/mine
    """
    console = Console(highlight=False, soft_wrap=True)
    set_random_seed(seed)
    options: dict[str, Any] = {
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "label_smoothing": label_smoothing,
        "mixup": mixup,
        "augmentation": None if augmentation == "none" else augmentation,
        "class_weight": "balanced" if class_weights else None,
    }
    every = read_interval(snapshot_every)
    require_possible(base, epochs, folds, views, every, options)
    classes = read_picture_classes(images, size, strict=strict)
    told: list[str] = [] if quiet else [_introduction(images, classes)]
    for sentence in [*told, *classes.remarks()]:
        console.print(sentence, markup=False)
    command = ["latih", *sys.argv[1:]]
    directory = run_dir or new_run_directory(images.resolve().name)
    again = command if run_dir else [*command, "--run-dir", str(directory)]
    with telling_how_to_go_on(console, directory, again):
        done = fine_tune_pictures(
            base,
            classes,
            directory,
            seed=seed,
            epochs=epochs,
            folds=folds,
            views=views,
            verbose=0 if quiet else "auto",
            asked={"command": shlex.join(command)},
            resume="force" if force else "auto",
            snapshot_every=every,
            tell=lambda sentence: console.print(sentence, markup=False),
            options={**options, "image_size": size},
        )
    for sentence in _result(done, classes):
        console.print(sentence, markup=False)
    if done.findings:
        Console(highlight=False).print(Diagnosis(done.findings))
    console.print(f"Model: {done.run.best_file}", markup=False)
    console.print(f"Page:  {done.run.report_file}", markup=False)


def _introduction(images: Path, classes: PictureClasses) -> str:
    counts = classes.counts()
    told = ", ".join(f"{name} {count}" for name, count in counts.items())
    return f"{images}: {len(classes.labels):,} pictures of {len(counts)} classes: {told}."


def _what_was_chosen(judged: Judged, was_trained: bool) -> list[str]:
    """Say how good the probe was, and what was kept of the training of the whole net."""
    probe = f"{judged.probe.accuracy:.4f} (balanced {judged.probe.balanced_accuracy:.4f})"
    if not was_trained:
        return [f"Frozen probe, on pictures held back from it: {probe}."]
    kept = "what was kept" if 0 in judged.best_epochs else "fine-tuned"
    return [
        f"Where the epoch was chosen: frozen probe {probe}, {kept} {judged.chosen.accuracy:.4f} "
        f"({judged.chosen.balanced_accuracy:.4f}).",
        *_where_the_probe_was_best(judged.best_epochs),
    ]


def _where_the_probe_was_best(best_epochs: tuple[int, ...]) -> list[str]:
    count = best_epochs.count(0)
    if not count:
        return []
    where = "" if len(best_epochs) == 1 else f" in {count} of {len(best_epochs)} folds"
    return [f"No epoch was as good as the frozen probe there{where}."]


def _what_followed(done: FineTunedRun, pictures: int) -> list[str]:
    """Say what was trained after the epoch had been chosen, if anything was."""
    tuned, judged = done.tuned, done.judged
    if not tuned.second_history.epoch:
        return []
    if not tuned.second_cycle_kept:
        return [
            "Trained once more, with the pictures that chose the epoch too, the net was wrecked; "
            "that was taken back. A lower --lr may help."
        ]
    if judged.folds:
        return [f"The net that is kept then learned from all {pictures:,} pictures."]
    return [
        f"Then the net learned anew from {pictures - judged.count:,} pictures, those that chose "
        "the epoch among them, and not from those that it is tested on."
    ]


def _result(done: FineTunedRun, classes: PictureClasses) -> list[str]:
    judged, names = done.judged, classes.class_names
    told = [
        *_what_was_chosen(judged, bool(done.tuned.history.epoch)),
        *_what_followed(done, len(classes.labels)),
        f"Test accuracy: {judged.scores.accuracy:.4f}, balanced accuracy: "
        f"{judged.scores.balanced_accuracy:.4f}, on {judged.count:,} pictures.",
    ]
    if len(names) > MOST_SHOWN:
        return told
    width = max(max(map(len, names)), 5)
    told.append("Confusion (rows are true, columns predicted):")
    told.append(" " * width + "".join(f" {name:>{width}}" for name in names))
    for name, row in zip(names, judged.scores.confusion.tolist(), strict=True):
        told.append(f"{name:>{width}}" + "".join(f" {count:>{width}}" for count in row))
    return told
