"""From a pretrained net and a few examples to a net of one's own, in one call."""

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from latih import random
from latih.arguments import whole
from latih.callbacks import Callback, History
from latih.callbacks.progress import Verbose
from latih.data import as_array, require_same_length
from latih.data.strata import stratified_split
from latih.errors import InputError, LatihWarning
from latih.models import Model
from latih.models.kept_run import Resume
from latih.run_directory import RunDirectory
from latih.transfer.best_epoch import BestEpoch
from latih.transfer.copies import copies
from latih.transfer.drift import drift, kernels_of
from latih.transfer.features import cached_features, changes
from latih.transfer.labels import Labels, are_numbers, read_labels, require_learnable
from latih.transfer.networks import (
    Network,
    augmentation_of,
    connect,
    find_base,
    require_raw_images,
)
from latih.transfer.options import Options, epochs_for, views_for
from latih.transfer.probing import fit_head
from latih.transfer.rates import pull_to_start
from latih.transfer.scores import Scores, judge
from latih.transfer.whole_net import Keeping, Part, train_whole

SHOWN = 5
"""So many names of classes stand in what is printed."""


@dataclass(frozen=True)
class FineTuned:
    """What :func:`fine_tune` returns.

    Args:
        model: from examples as they came to the probabilities of the classes.
        history: the losses and metrics of every epoch of the whole net. In ``val_loss`` and
            ``val_balanced_accuracy`` all classes count alike; in ``balanced_accuracy``, that of the
            training data, they do so with ``class_weight="balanced"``.
        probe_scores: those of the new head on the frozen base, on the validation data.
        scores: those of the best epoch, on the same data. Where the net learned from them, too, in
            the end, they are from before: there is nothing left to score what came of it on.
        class_names: in the order of the model's outputs.
        best_epoch: the epoch that was chosen, counted from 1; 0 for the frozen probe. Its weights
            are the model's, unless a second cycle followed.
        drift: how far each layer of the base has gone, ``‖θ - θ₀‖ / ‖θ₀‖``. Tenths say that the
            rate was too high, and what the layer knew is lost.
    """

    model: Model
    history: History
    probe_scores: Scores
    scores: Scores
    class_names: tuple[str, ...]
    best_epoch: int
    drift: Mapping[str, float]

    def __repr__(self) -> str:
        """Return of what it is made and how good it is; the rest has names."""
        shown = ", ".join(map(repr, self.class_names[:SHOWN]))
        more = ", ..." if len(self.class_names) > SHOWN else ""
        return (
            f"FineTuned({self.model.name!r}, {len(self.class_names)} classes: {shown}{more}; "
            f"probe_score={self.probe_score:.4f}, score={self.score:.4f}, "
            f"best_epoch={self.best_epoch})"
        )

    @property
    def score(self) -> float:
        """The accuracy on the validation data."""
        return self.scores.accuracy

    @property
    def probe_score(self) -> float:
        """The frozen probe's accuracy on the validation data."""
        return self.probe_scores.accuracy


def fine_tune(
    base: Any,
    x: Any,
    y: Any,
    *,
    validation_data: Any = None,
    epochs: int | None = None,
    seed: int | None = None,
    callbacks: Sequence[Callback] = (),
    verbose: Verbose = "auto",
    run_dir: str | os.PathLike[str] | RunDirectory | None = None,
    resume: Resume = "auto",
    snapshot_every: int | str = "60s",
    **options: Any,
) -> FineTuned:
    """Teach a pretrained net classes of your own.

    First a new head learns on the features of the frozen base, which are reckoned once: the probe.
    Then the whole net learns, the base ``factor`` times slower than the head, or in more groups,
    each slower than the one above it; the rates rise and fall once, batch normalisations keep their
    statistics, labels are smoothed, images flipped and turned a little. The weights of the epoch
    with the lowest validation loss are kept, of those that are no worse than the probe in accuracy
    and in balanced accuracy; if there is none, the probe is.

    Without validation data a part is held back, class by class, to choose by and to score on; then
    the net learns from everything, for as many epochs along a second cycle: from the end of the
    first one, or from the weights that were kept if the end is worse than the probe by more than
    chance makes. If all epochs were, or this cycle wrecks the net, what was kept comes back, a
    probe fitted to everything.

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
        seed: what everything that is drawn follows from; None for the process's own. The process's
            generators are not disturbed.
        callbacks: listeners to the training of the whole net.
        verbose: 0 for silence.
        run_dir: a directory that this training is written down in, as in ``fit()``.
        resume: as in ``fit()``.
        snapshot_every: as in ``fit()``.
        options: the arguments of :class:`~latih.transfer.Options`.

    Shapes:
        x: ``(n, height, width, 3)``, or what the base takes; y: ``(n,)`` or ``(n, classes)``; the
        model gives ``(n, classes)``.

    Returns:
        The model, the history, and how good probe and model are on the validation data.

    Raises:
        UnknownNameError: the base is none that is known.
        InputError: the examples do not fit it or each other, there are fewer than two classes, or
            one has too few examples to hold any back.

    Warns:
        LatihWarning: validation examples are copies of training ones.

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
    seed = random.make_seed() if seed is None else whole(seed, "seed", "fine_tune()")
    everything, held = _read(x, y, validation_data)
    require_learnable(everything.labels, least=2 if held is None else 1)
    # Said before anything is reckoned.
    chosen.weights_of_classes(everything.labels.numbers, len(everything.labels.names))
    keeping = Keeping(verbose, run_dir, resume, snapshot_every)
    # What the caller draws afterwards is what it would have drawn without this call.
    with random.drawing_from(random.state_dict()):
        random.set_random_seed(seed)
        network = _network(base, everything, chosen, seed)
        return _tuned(network, everything, held, epochs, chosen, callbacks, keeping, seed)


def _tuned(
    network: Network,
    everything: Part,
    held: Part | None,
    epochs: int | None,
    chosen: Options,
    callbacks: Sequence[Callback],
    keeping: Keeping,
    seed: int,
) -> FineTuned:
    """Fit the head, train the whole net, and keep the better; see :func:`fine_tune`."""
    if held is None:
        rows, kept_back = stratified_split(
            everything.labels.numbers, chosen.validation_split, random.mix(seed, 1)
        )
        training, validation = everything.take(rows), everything.take(kept_back)
    else:
        rows, training, validation = np.arange(len(everything.x)), everything, held
    _warn_of_copies(training.x, validation.x)
    several = 1  # where nothing changes them, all views are the same
    if changes(network.features):
        several = chosen.views or views_for(len(everything.x))
    views = cached_features(network.features, everything.x, views=several)
    views = views.reshape(-1, len(everything.x), views.shape[-1])
    knew = kernels_of(network.features)
    pull_to_start([network.features], chosen.pull)
    _fit_probe(network, views[:, rows], training.labels, chosen)
    probe, probe_weights = _judged(network, validation), network.model.get_weights()
    wanted = epochs_for(len(training.x)) if epochs is None else epochs
    history, best_epoch, scores = History(), 0, probe
    best = BestEpoch(probe, chosen.patience)
    if wanted:
        history = train_whole(
            network, training, validation, wanted, chosen, [*callbacks, best], keeping
        )
        scores = _judged(network, validation)
        best_epoch = best.best_epoch + 1
        if best.best_weights is None or not scores.no_worse_than(probe):
            network.model.set_weights(probe_weights)
            best_epoch, scores = 0, probe
    if held is None and chosen.refit:
        if not best_epoch:
            _fit_probe(network, views, everything.labels, chosen)
        start = best.end_weights or (best.best_weights if best_epoch else None)
        if start is not None:
            kept = network.model.get_weights()
            network.model.set_weights(start)
            again = replace(chosen, unfreeze_every=None)  # every layer has joined already
            train_whole(network, everything, None, wanted, again, (), Keeping(keeping.verbose))
            if not _judged(network, validation).no_worse_than(probe):
                network.model.set_weights(kept)
    if keeping.run_dir is not None and wanted:
        run = RunDirectory.of(keeping.run_dir)
        for file in (run.best_file, run.final_file):
            network.model.save(file)
    return FineTuned(
        network.model,
        history,
        probe,
        scores,
        everything.labels.names,
        best_epoch,
        drift(knew, kernels_of(network.features)),
    )


def _read(x: Any, y: Any, validation_data: Any) -> tuple[Part, Part | None]:
    examples = np.asarray(as_array(x, "x"))
    numbers, names = read_labels(y)
    require_same_length(x=examples, y=numbers)
    if validation_data is None:
        return Part(examples, Labels(numbers, names)), None
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
    return Part(examples, Labels(numbers, names)), Part(held_x, Labels(held_numbers, names))


def _warn_of_copies(training: np.ndarray, validation: np.ndarray) -> None:
    count = copies(training, validation)
    if count:
        warnings.warn(
            f"{count} of the {len(validation)} validation examples are copies of training ones: "
            "their score says what was learnt by heart. Take them out.",
            LatihWarning,
            stacklevel=4,  # at the line that calls fine_tune()
        )


def _network(base: Any, part: Part, options: Options, seed: int) -> Network:
    found = find_base(base, part.x.shape, options.image_size)
    if found.preparation:
        require_raw_images(part.x, found.model.name)
    return connect(
        found,
        part.x.shape,
        len(part.labels.names),
        augmentation=augmentation_of(options.augmentation, part.x, seed),
        dropout=options.dropout,
        batch_norm_learns=options.batch_norm,
    )


def _fit_probe(network: Network, views: np.ndarray, labels: Labels, options: Options) -> None:
    """Fit the head on the views ``(views, n, d)`` of examples."""
    weights = options.weights_of_classes(labels.numbers, len(labels.names))
    each = None if weights is None else np.tile(weights[labels.numbers], len(views))
    targets = np.tile(labels.one_hot(), (len(views), 1))
    fit_head(network.head, views.reshape(len(targets), -1), targets, each)


def _judged(network: Network, part: Part) -> Scores:
    outputs = network.model.predict(part.x, batch_size=32, verbose=0)
    return judge(part.labels.numbers, outputs)
