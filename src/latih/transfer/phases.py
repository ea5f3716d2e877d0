"""The phases of a fine-tuning: the frozen probe, the whole net, and once more with everything."""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from latih import random
from latih.callbacks import Callback, History
from latih.data.strata import stratified_split
from latih.json_files import JsonObject
from latih.models.kept_run import make_page
from latih.run_directory import RunDirectory
from latih.transfer.best_epoch import BestEpoch
from latih.transfer.copies import copies, fingerprint
from latih.transfer.drift import drift, kernels_of
from latih.transfer.features import cached_features, changes
from latih.transfer.findings import DriftWatch, Signs, spread_of, write_findings
from latih.transfer.fine_tuned import FineTuned
from latih.transfer.labels import Labels
from latih.transfer.networks import Network
from latih.transfer.options import Options, epochs_for, views_for
from latih.transfer.probing import fit_head
from latih.transfer.rates import pull_to_start
from latih.transfer.scores import Scores, is_better_than_a_guess, judge
from latih.transfer.whole_net import Keeping, Part, compile_for_labels, train_whole

LEAST_OF_HEAD = 0.1
"""The part of a fitted head that the whole net begins with, at least. A head that fits leaves next
to no loss, and tells the layers below nothing; a tenth of it names the same classes, less surely,
and what the layers learn by it names unseen examples better."""


@dataclass(frozen=True)
class Split:
    """What a net learns from and what its epochs are chosen by.

    Args:
        everything: all examples that may be learned from in the end.
        rows: which of them are learned from first.
        validation: what epochs are chosen by.
        is_held_back: whether that is the rest of everything.
    """

    everything: Part
    rows: np.ndarray
    validation: Part
    is_held_back: bool

    @classmethod
    def of(cls, everything: Part, held: Part | None, fraction: float, seed: int) -> "Split":
        """Return the examples beside what was given to validate, or a fraction of them."""
        if held is not None:
            return cls(everything, np.arange(len(everything.x)), held, False)
        rows, kept_back = stratified_split(everything.labels.numbers, fraction, random.mix(seed, 1))
        return cls(everything, rows, everything.take(kept_back), True)

    @cached_property
    def training(self) -> Part:
        """What is learned from first."""
        return self.everything.take(self.rows) if self.is_held_back else self.everything


@dataclass(frozen=True)
class FirstCycle:
    """What came of training the whole net on what was not held back.

    Args:
        history: epoch by epoch.
        scores: of what was kept.
        best_epoch: from 1; 0 where the probe was kept.
        start: the weights that a second cycle begins with; None for none that are worth it.
        drift: how far the base had gone when training ended, by the names of its layers.
    """

    history: History
    scores: Scores
    best_epoch: int
    start: Sequence[np.ndarray] | None
    drift: dict[str, float]


@dataclass(frozen=True)
class SecondCycle:
    """What came of going on with everything.

    Args:
        history: epoch by epoch; empty if there was no such cycle.
        was_kept: whether the net is what came of it.
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
    knew = kernels_of(network.features)
    pull_to_start([network.features], options.pull)
    views = _views(network, split.everything, options)
    _fit_probe(network, views[:, split.rows], split.training.labels, options)
    probe = _judged(network, split.validation)
    wanted = epochs_for(len(split.rows)) if epochs is None else epochs
    first, second = FirstCycle(History(), probe, 0, None, {}), SecondCycle(History(), False)
    if wanted:
        first = _first_cycle(network, split, probe, wanted, options, callbacks, keeping)
    if split.is_held_back and options.refit:
        if not first.best_epoch:
            _fit_probe(network, views, split.everything.labels, options)
        if first.start is not None:
            second = _second_cycle(network, split, first.start, probe, wanted, options, keeping)
    compile_for_labels(network.model, split.everything.labels)
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
            signs, drift=first.drift, best_epoch=first.best_epoch, epochs=len(first.history.epoch)
        ),
    )
    if keeping.run_dir is not None:
        _write(done, keeping.run_dir)
    return done


def _views(network: Network, part: Part, options: Options) -> np.ndarray:
    several = 1  # where nothing changes them, all views are the same
    if changes(network.features):
        several = options.views or views_for(len(part.x))
    views = cached_features(network.features, part.x, views=several)
    return views.reshape(-1, len(part.x), views.shape[-1])


def _fit_probe(network: Network, views: np.ndarray, labels: Labels, options: Options) -> None:
    """Fit the head on the views ``(views, n, d)`` of examples."""
    weights = options.weights_of_classes(labels.numbers, len(labels.names))
    each = None if weights is None else np.tile(weights[labels.numbers], len(views))
    targets = np.tile(labels.one_hot(), (len(views), 1))
    fit_head(network.head, views.reshape(len(targets), -1), targets, each)


def _first_cycle(
    network: Network,
    split: Split,
    probe: Scores,
    epochs: int,
    options: Options,
    callbacks: Sequence[Callback],
    keeping: Keeping,
) -> FirstCycle:
    """Train the whole net; what it is in the end is the best epoch or the probe it began as."""
    probe_weights = network.model.get_weights()
    part = _part_of_head(
        network, options.learning_rate, epochs * -(-len(split.training.x) // options.batch_size)
    )
    network.head.set_weights([part * weight for weight in network.head.get_weights()])
    best = BestEpoch(probe, options.patience)
    watch = DriftWatch(network.features, _beginning(network, options))
    listeners = [*callbacks, watch, best]
    history = train_whole(
        network, split.training, split.validation, epochs, options, listeners, keeping
    )
    scores, kept = _judged(network, split.validation), network.model.get_weights()
    end = best.end_weights
    if end is not None and not _is_better_than_a_guess(network, end, split.validation):
        end = None
    if best.best_weights is None or not scores.no_worse_than(probe):
        network.model.set_weights(probe_weights)
        return FirstCycle(history, probe, 0, end, watch.drift)
    network.model.set_weights(kept)
    return FirstCycle(history, scores, best.best_epoch + 1, end or kept, watch.drift)


def _part_of_head(network: Network, rate: float, steps: int) -> float:
    """Return how much of the fitted head to begin with: what steps can make of it is left to them.

    A step of AdamW moves a weight by the rate at most, and in the mean of a cycle by half of it.
    """
    size = float(np.sqrt(np.square(network.head.get_weights()[0]).mean()))
    reach = 0.5 * rate * steps
    return max(LEAST_OF_HEAD, 1 - reach / size) if size else 1.0


def _beginning(network: Network, options: Options) -> str:
    """Return a word for what a run begins with that neither data nor architecture tell."""
    weights = _digest(network.features.get_weights())
    return f"base {weights[:12]}, pull {options.pull:g}, views {options.views}"


def _digest(weights: Sequence[np.ndarray]) -> str:
    return hashlib.sha256(b"".join(map(fingerprint, weights))).hexdigest()


def _is_better_than_a_guess(network: Network, weights: Sequence[np.ndarray], part: Part) -> bool:
    network.model.set_weights(weights)
    return is_better_than_a_guess(part.labels.numbers, _outputs(network, part))


def _second_cycle(
    network: Network,
    split: Split,
    start: Sequence[np.ndarray],
    probe: Scores,
    epochs: int,
    options: Options,
    keeping: Keeping,
) -> SecondCycle:
    """Go on from a start with everything, and take it back if that wrecks the net."""
    kept, second = network.model.get_weights(), keeping.second()
    network.model.set_weights(start)
    if second.run_dir is not None:
        _begin_anew_from_elsewhere(second.run_dir, start)
    again = replace(options, unfreeze_every=None)  # every layer has joined already
    if keeping.verbose:
        print(f"Once more, with all {len(split.everything.x):,} examples:")
    history = train_whole(network, split.everything, None, epochs, again, (), second)
    # The net knows these examples now; one that is wrecked shows even so.
    if _judged(network, split.validation).no_worse_than(probe):
        return SecondCycle(history, True)
    network.model.set_weights(kept)
    if keeping.verbose:
        print("That wrecked the net, and is taken back.")
    return SecondCycle(history, False)


def _begin_anew_from_elsewhere(run: RunDirectory, start: Sequence[np.ndarray]) -> None:
    """Take a second cycle away that began with other weights: the first went on since then."""
    told, note = {"weights": _digest(start)}, JsonObject(run.path / "start.json")
    if note.path.is_file() and note.read() != told:
        shutil.rmtree(run.path)
    run.path.mkdir(parents=True, exist_ok=True)
    note.write(told)


def _judged(network: Network, part: Part) -> Scores:
    return judge(part.labels.numbers, _outputs(network, part))


def _outputs(network: Network, part: Part) -> np.ndarray:
    return network.model.predict(part.x, batch_size=32, verbose=0)


def _write(done: FineTuned, run: RunDirectory) -> None:
    """Let the run's files, and its page, be of what is given back."""
    if not run.settings_file.is_file():  # no epoch was asked for: the probe alone
        run.write_settings(dict(run.about))
        run.log.start([])
    for file in (run.best_file, run.final_file):
        done.model.save(file)
    write_findings(run, done.findings)
    make_page(run, stacklevel=5)
