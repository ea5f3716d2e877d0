"""From a pretrained net and a few examples to a net of one's own, in one call."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from latih import random
from latih.arguments import whole
from latih.callbacks import Callback
from latih.callbacks.given import listed
from latih.callbacks.interval import Interval
from latih.callbacks.progress import Verbose
from latih.data import as_array, require_same_length
from latih.doctor import Finding
from latih.engine.differences import refuse_found
from latih.errors import InputError, LatihWarning
from latih.models.kept_run import Resume, require_resume
from latih.run_directory import RunDirectory
from latih.transfer.findings import FindingWarning, findings_of
from latih.transfer.fine_tuned import FineTuned
from latih.transfer.keeping import Keeping
from latih.transfer.labels import (
    SHOWN,
    Labels,
    are_numbers,
    are_rows,
    read_labels,
    require_learnable,
)
from latih.transfer.networks import (
    Network,
    augmentation_of,
    connect,
    find_base,
    require_raw_images,
)
from latih.transfer.options import Options
from latih.transfer.phases import signs_before, train
from latih.transfer.split import Part, Split


def fine_tune(
    base: Any,
    x: Any,
    y: Any,
    *,
    validation_data: Any = None,
    epochs: int | None = None,
    seed: int | None = None,
    callbacks: Sequence[Callback] | Callback | None = None,
    verbose: Verbose = "auto",
    run_dir: str | os.PathLike[str] | RunDirectory | None = None,
    resume: Resume = "auto",
    snapshot_every: int | str = "60s",
    **options: Any,
) -> FineTuned:
    """Teach a pretrained net classes of your own.

    First a new head learns on the features of the frozen base, which are reckoned once: the probe.
    Then the whole net learns, from a part of that head, which leaves something to learn: the base
    ``factor`` times slower than the head, or in more groups, each slower than the one above it; the
    rates rise and fall once, batch normalisations keep their statistics, labels are smoothed,
    images flipped and turned a little. The weights of the epoch with the lowest validation loss are
    kept, of those that are no worse than the probe in accuracy and in balanced accuracy; if there
    is none, the probe is.

    Without validation data a part is held back, class by class, to choose by and to score on; then
    all of it is done once more from the beginning, with everything, for as many epochs. If no epoch
    of the first cycle was as good as the probe, and its end below it by more than chance makes, the
    probe alone is fitted to everything. If the second cycle wrecks the net, what was kept before
    comes back.

    Args:
        base: an application's name, such as ``"efficientnet-lite0"``; a model, which is not
            changed; a ``.keras`` file; or a run directory. A last layer that names classes, by
            softmax or one sigmoid, is taken off a ``Sequential`` or functional model. Layers that
            are frozen stay so.
        x: the examples; for an application images as they come, 0 to 255: its preparation becomes
            part of the model.
        y: class numbers from 0, names, or one-hot rows.
        validation_data: ``(x, y)``.
        epochs: of the whole net, >= 0; 0 for the probe alone; None for 20 of a small set and fewer
            of a large one.
        seed: what everything that is drawn follows from; None for that of the run that is gone on
            with, or else the process's own. The process's generators are not disturbed.
        callbacks: listeners to the training of the whole net; a second cycle has none.
        verbose: 0 for silence.
        run_dir: a directory that this training is written down in, as in ``fit()``; a second cycle
            in ``second-cycle`` below it. With more epochs both cycles are trained on.
        resume: as in ``fit()``.
        snapshot_every: as in ``fit()``.
        options: the arguments of :class:`~latih.transfer.Options`.

    Shapes:
        x: ``(n, height, width, 3)``, or what the base takes; y: ``(n,)`` or ``(n, classes)``; the
        model gives ``(n, classes)``.

    Returns:
        The model, which is compiled to be evaluated and trained on with labels such as these (for
        a name, its place in ``class_names``), the history, and how good probe and model are on the
        validation data.

    Raises:
        UnknownNameError: the base is none that is known.
        InputError: the examples do not fit it or each other, there are fewer than two classes, or
            one has too few examples to hold any back.

    Warns:
        LatihWarning: before the first step, class numbers are left out.
        FindingWarning: before the first step, validation examples are copies of training ones, or
            the examples are of another scale than those that the base knows; in the end, the rate
            was so high that the base lost what it knew, or batch normalisations learned from too
            few batches.

    Example:
        >>> from latih.layers import Dense
        >>> from latih.models import Sequential
        >>> dice = np.random.default_rng(0)
        >>> x, y = dice.normal(size=(80, 4)).astype("float32"), np.repeat(["cat", "dog"], 40)
        >>> x[y == "dog"] += 2
        >>> base = Sequential([Dense(8, "relu", input_shape=[4])])
        >>> tuned = fine_tune(base, x, y, epochs=2, seed=1, verbose=0)
        >>> tuned.model.output_shape, tuned.class_names, tuned.score >= tuned.probe_score
        ((None, 2), ('cat', 'dog'), True)

    Reference:
        Howard & Ruder 2018, "Universal Language Model Fine-tuning"; Kumar et al. 2022,
        "Fine-Tuning can Distort Pretrained Features", section 4 (the head first); Smith 2018, "A
        disciplined approach to neural network hyper-parameters".
    """
    chosen = Options.of(options)
    if epochs is not None:
        whole(epochs, "epochs", "fine_tune()", least=0)
    require_resume(resume)
    listeners = listed(callbacks)
    if seed is None and run_dir is not None and resume is not False:
        seed = _seed_of(RunDirectory.of(run_dir))
    seed = random.make_seed() if seed is None else whole(seed, "seed", "fine_tune()")
    if snapshot_every is not False:
        Interval.read(snapshot_every, "snapshot_every", "fine_tune()")
    everything, held = _read(x, y, validation_data)
    require_learnable(everything.labels, least=2 if held is None else 1)
    if are_numbers(y):
        _warn_of_unmet(everything.labels, held)
    # Said before anything is reckoned.
    chosen.weights_of_classes(everything.labels.numbers, len(everything.labels.names))
    run = None if run_dir is None else _described(run_dir, seed, everything.labels.names)
    keeping = Keeping(verbose, run, resume, snapshot_every)
    # What the caller draws afterwards is what it would have drawn without this call.
    with random.drawing_from(random.state_dict()):
        random.set_random_seed(seed)
        network = _network(base, everything, held, chosen, seed)
        if run is not None:
            goes_on = epochs != 0 and snapshot_every is not False and resume is not False
            RunDirectory.create(run, may_go_on=goes_on)
            if resume != "force":
                _require_the_same_seed(run, seed)
        split = Split.of(everything, held, chosen.validation_split, seed)
        before = signs_before(network, split)
        _warn_of(findings_of(before))
        done = train(network, split, before, epochs, chosen, listeners, keeping)
        _warn_of(findings_of(replace(done.signs, spread=None, leaked=0.0)))
        return done


def _seed_of(run: RunDirectory) -> int | None:
    """Return the seed of a run, which the split follows from."""
    table = run.read_settings().get("run") if run.settings_file.is_file() else None
    seed = table.get("seed") if isinstance(table, dict) else None
    return seed if type(seed) is int else None


def _require_the_same_seed(run: RunDirectory, seed: int) -> None:
    """Refuse another seed by its name: all that follows from it would seem to be other data."""
    begun = _seed_of(run)
    if begun not in (None, seed):
        refuse_found([f"seed: {begun} -> {seed}"], str(run.path))


def _described(
    run_dir: str | os.PathLike[str] | RunDirectory, seed: int, names: Sequence[str]
) -> RunDirectory:
    """Return the directory of a run that tells its seed, and what the classes are called."""
    run = RunDirectory.of(run_dir)
    about = {table: dict(entries) for table, entries in run.about.items()}
    about.setdefault("run", {})["seed"] = seed
    about.setdefault("data", {}).setdefault("classes", list(names))
    return RunDirectory(run.path, about)


def _read(x: Any, y: Any, validation_data: Any) -> tuple[Part, Part | None]:
    first = x[0] if isinstance(x, list | tuple) and x else x
    if isinstance(first, str | os.PathLike):
        raise InputError(
            "`x` of fine_tune() holds names of files, and not what is in them",
            expected="images as an array, of the shape (n, height, width, 3)",
            got=f"{str(first)!r}",
            fix="Read them before; or, with a folder for each class, let `latih finetune FOLDER` "
            "do all of it.",
        )
    examples = np.asarray(as_array(x, "x"))
    numbers, names = read_labels(y)
    require_same_length(x=examples, y=numbers)
    if validation_data is None:
        return Part(examples, Labels(numbers, names, are_rows(y))), None
    if not isinstance(validation_data, tuple | list) or len(validation_data) != 2:
        raise InputError(
            "`validation_data` of fine_tune() cannot be used",
            expected="a pair (x, y)",
            got=f"a {type(validation_data).__name__}",
        )
    held_x = np.asarray(as_array(validation_data[0], "validation_data's x"))
    if are_numbers(y) and are_numbers(validation_data[1]):
        # They tell how many classes there are only where the largest is met.
        names = max((names, read_labels(validation_data[1])[1]), key=len)
    held_numbers, _ = read_labels(validation_data[1], names, "validation_data's y")
    require_same_length(x=held_x, y=held_numbers)
    if held_x.shape[1:] != examples.shape[1:]:
        raise InputError(
            "`validation_data` of fine_tune() does not fit `x`",
            expected=f"examples of the shape {examples.shape[1:]}",
            got=f"shape {held_x.shape[1:]}",
        )
    labels = Labels(numbers, names, are_rows(y))
    return Part(examples, labels), Part(held_x, Labels(held_numbers, names))


def _warn_of_unmet(labels: Labels, held: Part | None) -> None:
    """Tell of class numbers that no example has: most often they were counted from 1."""
    counts = labels.counts() + (0 if held is None else held.labels.counts())
    unmet = [name for name, count in zip(labels.names, counts, strict=True) if not count]
    if unmet:
        few = ", ".join(unmet[:SHOWN]) + (", ..." if len(unmet) > SHOWN else "")
        warnings.warn(
            f"`y` of fine_tune() holds no example of {len(unmet)} of {len(labels.names)} classes "
            f"({few}): class numbers count from 0. Give names, such as y.astype(str), where the "
            "numbers are only names.",
            LatihWarning,
            stacklevel=3,
        )


def _warn_of(findings: Sequence[Finding]) -> None:
    for finding in findings:
        told = f"{finding.text} The numbers are in `FineTuned.findings`."
        warnings.warn(told, FindingWarning, stacklevel=3)


def _network(base: Any, part: Part, held: Part | None, options: Options, seed: int) -> Network:
    found = find_base(base, part.x.shape, options.image_size)
    for given in (part, held) if found.preparation else ():
        if given is not None:
            require_raw_images(given.x, found.model.name)
    return connect(
        found,
        part.x.shape,
        len(part.labels.names),
        augmentation=augmentation_of(options.augmentation, part.x, found.size is not None, seed),
        dropout=options.dropout,
        batch_norm_learns=options.batch_norm,
    )
