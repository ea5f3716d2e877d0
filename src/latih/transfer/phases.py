"""The phases of a fine-tuning: the frozen probe, the whole net, and anew with everything."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from latih.callbacks import Callback, History
from latih.models.kept_run import make_page
from latih.run_directory import RunDirectory
from latih.transfer.beginning import Beginning, known_by
from latih.transfer.best_epoch import BestEpoch
from latih.transfer.copies import copies
from latih.transfer.drift import DriftWatch, drift, kernels_of
from latih.transfer.features import cached_features, changes
from latih.transfer.findings import write_findings
from latih.transfer.fine_tuned import FineTuned
from latih.transfer.keeping import Keeping
from latih.transfer.labels import Labels
from latih.transfer.modes import Gap, ModesWatch
from latih.transfer.networks import Network
from latih.transfer.options import Options, epochs_for, views_for
from latih.transfer.part_of_head import keep_part_of_head
from latih.transfer.probing import fit_head
from latih.transfer.rates import pull_to_start
from latih.transfer.scores import Scores, judge
from latih.transfer.signs import Signs
from latih.transfer.split import Part, Split
from latih.transfer.spread import spread_of
from latih.transfer.whole_net import compile_for_labels, train_whole

LEAST_PART_OF_RATE = 0.1


@dataclass(frozen=True)
class FirstCycle:
    """What came of training the whole net on what was not held back.

    Args:
        history: epoch by epoch.
        scores: of what was kept.
        best_epoch: from 1; 0 where the probe was kept.
        was_worth_it: whether its end is not below the probe by more than chance makes.
        drift: how far the base had gone when training ended, by the names of its layers.
        gap: how the loss alone compared with that in batches then; None where batch normalisations
            keep to their statistics.
    """

    history: History
    scores: Scores
    best_epoch: int
    was_worth_it: bool
    drift: dict[str, float]
    gap: Gap | None = None


@dataclass(frozen=True)
class SecondCycle:
    """What came of beginning anew with everything.

    Args:
        history: epoch by epoch; empty if the whole net was not trained again.
        was_kept: whether the net is what came of that.
    """

    history: History
    was_kept: bool


def signs_before(network: Network, split: Split) -> Signs:
    """Return what the doctor can see before the first step: the scale of examples, and copies."""
    leaked = copies(split.training.x, split.validation.x)
    spread = spread_of(network.features, split.everything.x)
    return Signs({}, 0, 0, spread, leaked / len(split.validation.x))


def train(
    network: Network,
    split: Split,
    signs: Signs,
    epochs: int | None,
    options: Options,
    callbacks: Sequence[Callback],
    keeping: Keeping,
) -> FineTuned:
    """Fit the head, train the whole net, and keep the better; see ``fine_tune()``.

    Args:
        network: the net; it is changed.
        split: the examples.
        signs: what the doctor saw before.
        epochs: of the whole net, >= 0; None for as many as suit the examples.
        options: how.
        callbacks: listeners to the training of the whole net.
        keeping: where the run is written.
    """
    knew, pretrained = kernels_of(network.features), network.features.get_weights()
    pull_to_start([network.features], options.pull)
    views = _views(network, split.everything, options)
    _fit_probe(network, views[:, split.rows], split.training.labels, options)
    probe = _judged(network, split.validation)
    wanted = epochs_for(len(split.rows)) if epochs is None else epochs
    first, second = FirstCycle(History(), probe, 0, False, {}), SecondCycle(History(), False)
    if wanted:
        first = _first_cycle(
            network, split, views[0, split.rows], probe, wanted, options, callbacks, keeping
        )
    if split.is_held_back and options.refit:
        second = _with_everything(network, split, views, pretrained, first, probe, options, keeping)
    pull_to_start([network.features], 0.0)  # the pull was a way to learn, and is no part of the net
    rate = _rate_of_last(split, first, second, options)
    compile_for_labels(network, split.everything.labels, rate, options)
    done = FineTuned(
        network.model,
        first.history,
        second.history,
        probe,
        first.scores,
        split.everything.labels.names,
        first.best_epoch,
        second.was_kept,
        drift(knew, kernels_of(network.features)),
        replace(
            signs,
            drift=first.drift,
            gap=first.gap,
            best_epoch=first.best_epoch,
            epochs=len(first.history.epoch),
            second_cycle_kept=second.was_kept,
        ),
    )
    if keeping.run_dir is not None:
        _write(done, keeping.run_dir)
    return done


def _rate_of_last(split: Split, first: FirstCycle, second: SecondCycle, options: Options) -> float:
    """Return the highest rate of the cycle that was trained last, if any was.

    After very few steps it is a part of the usual one at least: whoever trains on means it to
    matter.
    """
    if second.history.epoch:
        last, part = second.history, split.everything
    else:
        last, part = first.history, split.training
    steps = options.steps(len(part.x), len(last.epoch))
    if not steps:
        return options.rate
    return max(options.highest_rate(steps), LEAST_PART_OF_RATE * options.rate)


def _views(network: Network, part: Part, options: Options) -> np.ndarray:
    several = _count_of_views(network, part, options)
    views = cached_features(network.features, part.x, views=several)
    return views.reshape(-1, len(part.x), views.shape[-1])


def _count_of_views(network: Network, part: Part, options: Options) -> int:
    if not changes(network.features):
        return 1  # all views are the same
    return options.views or views_for(len(part.x))


def _fit_probe(network: Network, views: np.ndarray, labels: Labels, options: Options) -> None:
    """Fit the head on the views ``(views, n, d)`` of examples."""
    weights = options.weights_of_classes(labels.numbers, len(labels.names))
    each = None if weights is None else np.tile(weights[labels.numbers], len(views))
    targets = np.tile(labels.one_hot(), (len(views), 1))
    fit_head(network.head, views.reshape(len(targets), -1), targets, each)


def _first_cycle(
    network: Network,
    split: Split,
    features: np.ndarray,
    probe: Scores,
    epochs: int,
    options: Options,
    callbacks: Sequence[Callback],
    keeping: Keeping,
) -> FirstCycle:
    """Train the whole net; what it is in the end is the best epoch or the probe it began as."""
    probe_weights = network.model.get_weights()
    _keep_part_of_head(network, features, epochs, options)
    best = BestEpoch(probe, options.patience)
    far = DriftWatch(network.features)
    learned = split.training
    modes = ModesWatch(learned.x, learned.labels.numbers, options.batch_size)
    watches = [far, *([modes] if options.batch_norm else [])]
    listeners = [*callbacks, _beginning(network, split, options), *watches, best]
    history = train_whole(network, learned, split.validation, epochs, options, listeners, keeping)
    scores = _judged(network, split.validation)
    if best.best_weights is None or not scores.no_worse_than(probe):
        network.model.set_weights(probe_weights)
        return FirstCycle(history, probe, 0, best.ends_near, far.drift, modes.gap)
    return FirstCycle(history, scores, best.best_epoch + 1, True, far.drift, modes.gap)


def _beginning(network: Network, split: Split, options: Options) -> Beginning:
    views = _count_of_views(network, split.everything, options)
    return Beginning(known_by(network.features.get_weights()), options.pull, views)


def _with_everything(
    network: Network,
    split: Split,
    views: np.ndarray,
    pretrained: Sequence[np.ndarray],
    first: FirstCycle,
    probe: Scores,
    options: Options,
    keeping: Keeping,
) -> SecondCycle:
    """Begin anew with everything; what was kept before comes back where that is below the probe.

    The probe is fitted once more, and the whole net is trained if that was worth it before. To go
    on from the end of the first cycle would be twice the steps on the same few examples.
    """
    kept = network.model.get_weights()
    network.features.set_weights(pretrained)
    _fit_probe(network, views, split.everything.labels, options)
    # The net knows what it is judged on here; one that is wrecked shows even so.
    if not first.best_epoch and _judged(network, split.validation).no_worse_than(probe):
        kept = network.model.get_weights()  # of the probe that knows everything
    history = History()
    if first.was_worth_it:
        epochs = len(first.history.epoch)  # fewer than were asked for, if it ended early
        history = _second_cycle(network, split, views[0], epochs, options, keeping)
        if _judged(network, split.validation).no_worse_than(probe):
            return SecondCycle(history, True)
        if keeping.verbose:
            print("That wrecked the net, and is taken back.")
    network.model.set_weights(kept)
    return SecondCycle(history, False)


def _second_cycle(
    network: Network,
    split: Split,
    features: np.ndarray,
    epochs: int,
    options: Options,
    keeping: Keeping,
) -> History:
    _keep_part_of_head(network, features, epochs, options)
    if keeping.verbose:
        print(f"Once more from the beginning, with all {len(split.everything.x):,} examples:")
    listeners = [_beginning(network, split, options)]
    return train_whole(
        network, split.everything, None, epochs, options, listeners, keeping.second()
    )


def _keep_part_of_head(
    network: Network, features: np.ndarray, epochs: int, options: Options
) -> None:
    steps = options.steps(len(features), epochs)
    keep_part_of_head(network.head, features, options.highest_rate(steps), steps)


def _judged(network: Network, part: Part) -> Scores:
    return judge(part.labels.numbers, _outputs(network, part))


def _outputs(network: Network, part: Part) -> np.ndarray:
    return network.model.predict(part.x, batch_size=32, verbose=0)


def _write(done: FineTuned, run: RunDirectory) -> None:
    """Let the run's files, and its page, be of what is given back."""
    if not run.settings_file.is_file():  # no epoch was asked for: the probe alone
        run.begin()
    settings = run.read_settings()
    told = {**settings.get("run", {}), "best_epoch": done.best_epoch}
    told["probe_accuracy"] = done.probe_scores.accuracy
    if done.second_history.epoch:
        told["second_cycle_kept"] = done.second_cycle_kept
        seconds = run.second_cycle.read_settings().get("run", {}).get("seconds")
        if seconds is not None:
            told["seconds_of_second_cycle"] = seconds
    run.write_settings({**settings, "run": told})
    for file in (run.best_file, run.final_file):
        done.model.save(file)
    write_findings(run, done.findings)
    make_page(run, stacklevel=5)
