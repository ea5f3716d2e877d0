"""From a folder of pictures to a net that names them: what ``latih finetune`` does."""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from latih import random, report
from latih.arguments import whole
from latih.callbacks.interval import Interval
from latih.callbacks.progress import Verbose
from latih.data.strata import stratified_folds, stratified_split
from latih.doctor import Finding
from latih.engine.differences import refuse_found
from latih.errors import InputError
from latih.layers import Layer
from latih.models.kept_run import Resume
from latih.recipes.image_folder import PictureClasses
from latih.recipes.judging import evaluation_of_classes
from latih.run_directory import RunDirectory
from latih.transfer import FindingWarning, FineTuned, Options, Scores, fine_tune
from latih.transfer.copies import copies
from latih.transfer.findings import worst_of, write_findings
from latih.transfer.networks import known_base
from latih.transfer.scores import judge, of_confusion
from latih.transfer.signs import Signs
from latih.transfer.views import predict_views

TEST_FRACTION = 0.2
VALIDATION_FRACTION = 0.2


@dataclass(frozen=True)
class Judged:
    """How well a net names pictures that it was not trained on.

    Args:
        scores: on these pictures.
        count: how many they are.
        probe: what the frozen probe scored where epochs were chosen by it.
        chosen: what the net that was kept scored there.
        best_epochs: the epoch that was kept, of each fold if there were several; 0 for the probe.
        leaked: how many of these pictures are copies of some that the net was trained on.
        folds: the accuracy and the balanced accuracy of each fold, if there were several.
        signs: what the doctor goes by, of each fold.
    """

    scores: Scores
    count: int
    probe: Scores
    chosen: Scores
    best_epochs: tuple[int, ...]
    leaked: int = 0
    folds: tuple[Scores, ...] = ()
    signs: tuple[Signs, ...] = ()


@dataclass(frozen=True)
class FineTunedRun:
    """What the recipe gives back.

    Args:
        tuned: the net that is kept, and how it came about.
        judged: how good it is.
        run: where it is written down.
        findings: what went wrong, the worst first; nothing, mostly.
    """

    tuned: FineTuned
    judged: Judged
    run: RunDirectory
    findings: tuple[Finding, ...]


def fine_tune_pictures(
    base: Any,
    classes: PictureClasses,
    run_dir: str | os.PathLike[str],
    *,
    seed: int,
    epochs: int | None = None,
    folds: int | None = None,
    views: int = 1,
    verbose: Verbose = "auto",
    asked: Mapping[str, Any] | None = None,
    resume: Resume = "auto",
    snapshot_every: int | str = "60s",
    tell: Callable[[str], Any] = lambda sentence: None,
    options: Mapping[str, Any] | None = None,
) -> FineTunedRun:
    """Fine-tune a net on pictures, judge it on others, and write it down.

    A fifth of each class is held back to judge by, once, and a fifth of the rest to choose the
    epoch by; the net learns from that in the end. With folds every picture is judged by a net that
    has not seen it, whose run stands in ``fold-1`` and so on; the net that is kept learns from all
    of them.

    Args:
        base: what :func:`latih.transfer.fine_tune` takes.
        classes: the pictures.
        run_dir: where the run is written; one that was begun in the same way is gone on with.
        seed: what everything that is drawn follows from.
        epochs: as in ``fine_tune``.
        folds: how many folds to judge by, >= 2; None for one part held back.
        views: over how many views of each picture the judged prediction is the mean, >= 1.
        verbose: 0 for silence.
        asked: further entries of ``run.toml``'s table ``run``.
        resume: as in ``fit()``.
        snapshot_every: as in ``fit()``.
        tell: takes a sentence for the user.
        options: further arguments of ``fine_tune``.

    Raises:
        LatihError: what was asked cannot be done.
    """
    # What would be refused in the end is refused before anything is reckoned.
    require_possible(base, epochs, folds, views, snapshot_every, options)
    x, labels = classes.pictures.x, classes.labels
    names = classes.class_names
    about = {
        "run": {**(asked or {}), "seed": seed},
        "data": {
            "classes": list(names),
            "pictures": classes.counts(),
            "skipped": len(classes.pictures.skipped) + len(classes.not_read),
        },
        "recipe": {
            "name": "finetune",
            "base": _called(base),
            "size": int(x.shape[1]),
            "folds": folds or 0,
        },
    }
    # Refused before a directory is made, too.
    each = None if folds is None else _folds(classes, folds, seed)
    learnt, rows = _held_back(labels, seed) if each is None else (np.arange(len(x)),) * 2
    run = RunDirectory(Path(run_dir), about)
    if resume != "force":
        _require_the_same_folds(run, folds or 0)
    rare = [
        f"{name!r} ({count})" for name, count in classes.counts().items() if count < (folds or 0)
    ]
    if rare:
        tell(f"Some folds hold no picture of {', '.join(rare)}, and are judged without.")
    if each is not None:  # no other run is written over; fine_tune() sees to it after the folds
        goes_on = bool(epochs != 0 and resume)
        RunDirectory.create(run, may_go_on=goes_on)
        if goes_on and not run.settings_file.exists():
            run.begin()  # so that one that is killed in a fold tells how it was begun
    given: dict[str, Any] = {"epochs": epochs, "seed": seed, "verbose": verbose}
    given |= {"resume": resume, "snapshot_every": snapshot_every, **(options or {})}

    def tuned(rows: np.ndarray, place: RunDirectory, held: Any = None, **more: Any) -> FineTuned:
        data = None if held is None else (x[held], named[held])
        # A probe takes seconds: only that of the net that is kept is written down.
        kept = place if epochs != 0 or place is run else None
        more |= {"run_dir": kept, "validation_data": data}
        with warnings.catch_warnings():
            # The findings are given back, those about copies for what is judged on.
            warnings.simplefilter("ignore", FindingWarning)
            return fine_tune(base, x[rows], named[rows], **{**given, **more})

    # By names: of every class there is one to learn from, and so the net tells all of them apart.
    named = np.array(names)[labels]
    if each is not None:
        judged, outputs = _cross_validated(tuned, x, classes, each, run, views, tell)
        net = tuned(learnt, run)
    else:
        if np.unique(labels[learnt], return_counts=True)[1].min() > 1:
            net = tuned(learnt, run)
        else:  # of a class with one picture none can be held back: the others choose the epoch
            first, held = stratified_split(labels[learnt], VALIDATION_FRACTION, random.mix(seed, 1))
            net = tuned(learnt[first], run, learnt[held])
        outputs = predict_views(net.model, x[rows], views)
        leaked = copies(x[learnt], x[rows])
        scores = judge(labels[rows], outputs)
        judged = Judged(scores, len(rows), net.probe_scores, net.scores, (net.best_epoch,), leaked)
    # Copies are those among what is judged on, not among what the epochs were chosen by.
    own = replace(net.signs, leaked=judged.leaked / judged.count)
    findings = worst_of([own, *(replace(signs, leaked=0.0) for signs in judged.signs)])
    files = np.array(classes.file_names())[rows].tolist()
    was_trained = bool(net.history.epoch)
    _write(run, judged, was_trained, x[rows], labels[rows], outputs, files, findings)
    return FineTunedRun(net, judged, run, tuple(findings))


def require_possible(
    base: Any,
    epochs: int | None,
    folds: int | None,
    views: int,
    snapshot_every: int | str,
    options: Mapping[str, Any] | None,
) -> None:
    """Refuse what cannot be, whatever the pictures are; they need not have been read for that.

    Args:
        base: as :func:`fine_tune_pictures` takes it; all the others are, too.
        epochs: as there.
        folds: as there.
        views: as there.
        snapshot_every: as there.
        options: as there.

    Raises:
        LatihError: something of it.
    """
    known_base(base)
    Options.of(options or {})
    if epochs is not None:
        whole(epochs, "epochs", "fine_tune_pictures()", least=0)
    if folds is not None:
        whole(folds, "folds", "fine_tune_pictures()", least=2)
    whole(views, "views", "fine_tune_pictures()", least=1)
    Interval.read(snapshot_every, "snapshot_every", "fit()")


def _called(base: Any) -> str:
    """Return what a base is called: a model's or application's name, or the end of a path."""
    if isinstance(base, Layer):
        return base.name
    return Path(base).resolve().name if isinstance(base, str | os.PathLike) else type(base).__name__


def _cross_validated(
    tuned: Callable[..., FineTuned],
    x: np.ndarray,
    classes: PictureClasses,
    each: np.ndarray,
    run: RunDirectory,
    views: int,
    tell: Callable[[str], Any],
) -> tuple[Judged, np.ndarray]:
    labels, folds = classes.labels, int(each.max()) + 1
    found: list[Scores] = []
    probes: list[Scores] = []
    chosen: list[Scores] = []
    best_epochs: list[int] = []
    signs: list[Signs] = []
    outputs = np.zeros((len(x), int(labels.max()) + 1), np.float32)
    leaked = 0
    for fold in range(folds):
        held = each == fold
        leaked += copies(x[~held], x[held])
        # What is held back within the fold chooses the epoch; the fold itself only judges.
        net = tuned(np.flatnonzero(~held), run.fold(fold + 1), refit=False)
        outputs[held] = predict_views(net.model, x[held], views)
        found.append(judge(labels[held], outputs[held]))
        probes.append(net.probe_scores)
        chosen.append(net.scores)
        best_epochs.append(net.best_epoch)
        signs.append(net.signs)
        tell(
            f"Fold {fold + 1} of {folds}: accuracy {found[-1].accuracy:.4f}, balanced "
            f"{found[-1].balanced_accuracy:.4f} on {int(held.sum())} pictures."
        )
    scores, probe, kept = map(_together, (found, probes, chosen))
    told = tuple(best_epochs), leaked, tuple(found), tuple(signs)
    return Judged(scores, len(x), probe, kept, *told), outputs


def _held_back(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that a net learns from, and those that it is judged on, once.

    Raises:
        InputError: too few pictures would be left to learn from and to choose the epoch by.
    """
    learnt, judged = stratified_split(labels, TEST_FRACTION, random.mix(seed, 2))
    if np.bincount(labels[learnt]).max() < 2:
        raise InputError(
            "there are too few pictures to hold any back",
            expected="three of one class or more: to learn from, to choose the epoch by, and to "
            "judge by",
            got="two of each",
            fix="Give more pictures.",
        )
    return learnt, judged


def _folds(classes: PictureClasses, count: int, seed: int) -> np.ndarray:
    """Return the fold of each picture.

    Raises:
        InputError: beside one a class has fewer than two pictures.
    """
    each = stratified_folds(classes.labels, count, random.mix(seed, 2))
    few = [
        f"{name!r} ({len(folds)})"
        for place, name in enumerate(classes.class_names)
        if len(folds := each[classes.labels == place]) - np.bincount(folds).max() < 2
    ]
    if few:
        raise InputError(
            "there are classes with too few pictures for these folds",
            expected="two beside each fold: one to learn from, one to choose the epoch by",
            got=", ".join(few),
            fix="Give more pictures of them, take the folders away, or judge without folds.",
        )
    return each


def _require_the_same_folds(run: RunDirectory, folds: int) -> None:
    """Refuse a run that was judged otherwise, before any fold is trained for."""
    before = run.read_settings().get("recipe") if run.settings_file.is_file() else None
    told = before.get("folds") if isinstance(before, dict) else None
    if told not in (None, folds):
        refuse_found([f"folds: {told or 'none'} -> {folds or 'none'}"], str(run.path))


def _together(scores: Sequence[Scores]) -> Scores:
    return of_confusion(np.sum([one.confusion for one in scores], axis=0))


def _write(
    run: RunDirectory,
    judged: Judged,
    was_trained: bool,
    x: np.ndarray,
    labels: np.ndarray,
    outputs: np.ndarray,
    files: Sequence[str],
    found: Sequence[Finding],
) -> None:
    scores = judged.scores
    told = evaluation_of_classes(_told(scores), scores.confusion, x, labels, outputs, files)
    if was_trained:  # else there is the probe alone, and no epoch to choose
        told["choice"] = {"probe": _told(judged.probe), "kept": _told(judged.chosen)}
    told["folds"] = [
        {**_told(fold), "examples": int(fold.confusion.sum())} for fold in judged.folds
    ]
    run.evaluation.write(told)
    write_findings(run, found)
    report.build_report(run)


def _told(scores: Scores) -> dict[str, float]:
    return {"accuracy": scores.accuracy, "balanced_accuracy": scores.balanced_accuracy}
