"""The second phase: the whole net, low layers slowly and the head fast, along one cycle."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from latih.callbacks import Callback, GradualUnfreezing, History
from latih.losses import CategoricalCrossentropy, SparseCategoricalCrossentropy
from latih.metrics import BalancedAccuracy
from latih.optimizers import AdamW
from latih.transfer.cycle import CycleOfFewSteps
from latih.transfer.keeping import Keeping
from latih.transfer.labels import Labels
from latih.transfer.mixing import MixedBatches
from latih.transfer.networks import Network
from latih.transfer.options import Options
from latih.transfer.rates import groups, rates_by_depth
from latih.transfer.scores import balanced_weights
from latih.transfer.split import Part


def train_whole(
    network: Network,
    training: Part,
    validation: Part | None,
    epochs: int,
    options: Options,
    callbacks: Sequence[Callback],
    keeping: Keeping,
) -> History:
    """Train every layer of a net whose head fits its base already.

    Args:
        network: the net.
        training: what it learns from.
        validation: what it is judged on after each epoch, all classes alike; None for nothing.
        epochs: how many, >= 1.
        options: how.
        callbacks: listeners.
        keeping: where the run is written.

    Returns:
        The history.
    """
    model = network.model
    steps = options.steps(len(training.x), epochs)
    # A cycle sets the rate of each step; one step alone has no room for it.
    rate = options.rate if steps > 1 else options.highest_rate(steps)
    model.compile(
        _optimizer(network, rate, options),
        loss=CategoricalCrossentropy(label_smoothing=options.label_smoothing),
        metrics=["accuracy", BalancedAccuracy()],
    )
    names = training.labels.names
    weights = options.weights_of_classes(training.labels.numbers, len(names))
    listeners = list(callbacks)
    if steps > 1:
        listeners.append(CycleOfFewSteps(rate, options.warmup, few=options.few_steps))
    if options.unfreeze_every is not None:
        listeners.append(
            GradualUnfreezing(groups(model, options.groups), options.unfreeze_every, options.factor)
        )
    x, y = training.x, training.labels.one_hot()
    each = None if weights is None else weights[training.labels.numbers].astype(np.float32)
    given: dict[str, Any] = {"x": x, "y": y, "sample_weight": each}
    if options.mixup:
        given = {"x": MixedBatches(x, y, each, options.mixup, options.batch_size)}
    return model.fit(
        **given,
        batch_size=None if options.mixup else options.batch_size,
        validation_data=None if validation is None else _balanced(validation),
        epochs=epochs,
        callbacks=listeners,
        verbose=keeping.verbose,
        run_dir=keeping.run_dir,
        resume=keeping.resume,
        snapshot_every=keeping.snapshot_every,
    )


def compile_for_labels(network: Network, labels: Labels, rate: float, options: Options) -> None:
    """Let a net that has learned be evaluated, and trained on, with labels as they were given.

    Its optimizer begins anew: that of the cycle ended with a rate near nothing.

    Args:
        network: the net.
        labels: those that it learned from; in the place of a name stands its number.
        rate: that of the head, > 0.
        options: the rates of the other layers.
    """
    loss = CategoricalCrossentropy() if labels.were_rows else SparseCategoricalCrossentropy()
    network.model.compile(_optimizer(network, rate, options), loss=loss, metrics=["accuracy"])


def _optimizer(network: Network, rate: float, options: Options) -> AdamW:
    model = network.model
    optimizer = AdamW(rate, weight_decay=options.weight_decay)
    optimizer.set_groups(rates_by_depth(groups(model, options.groups), options.factor))
    # Biases and the scales of normalisations are few, and are where they should be.
    optimizer.exclude_from_weight_decay(
        var_list=[weight for weight in model.trainable_weights if weight.ndim < 2]
    )
    return optimizer


def _balanced(part: Part) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # In the loss that epochs are chosen by, all classes count alike, too.
    numbers = part.labels.numbers
    weights = balanced_weights(numbers, len(part.labels.names))[numbers]
    return part.x, part.labels.one_hot(), weights.astype(np.float32)
