"""Remedies for how a net is trained: the rate, the optimizer, the batches, how long."""

from dataclasses import replace

from latih import registry
from latih.doctor.setup import Case, Setup
from latih.optimizers import Adam
from latih.optimizers.schedules import Warmup

FACTOR = 10.0
"""By how much a rate is changed where the range test does not say."""

WARM_UP = 1 / 30
MOST_WARM_UP = 1000
BATCH_FACTOR = 4
SMALLEST_BATCH, LARGEST_BATCH = 8, 1024
MOST_EPOCHS = 5
"""How many times longer to train at most."""


def lower_learning_rate(setup: Setup, case: Case) -> Setup | None:
    """Take the rate of a range test, if it is lower; else a tenth."""
    found, now = case.find_rate(setup), setup.learning_rate
    if now is None:
        return None if found is None else setup.with_optimizer(learning_rate=found)
    chosen = found if found is not None and found < now else now / FACTOR
    return setup.with_optimizer(learning_rate=_rounded(chosen)) if chosen > 0 else None


def raise_learning_rate(setup: Setup, case: Case) -> Setup | None:
    """Take the rate of a range test, if it is higher; else ten times as much."""
    found, now = case.find_rate(setup), setup.learning_rate
    if now is None:
        return None if found is None else setup.with_optimizer(learning_rate=found)
    chosen = found if found is not None and found > now else now * FACTOR
    return setup.with_optimizer(learning_rate=_rounded(chosen)) if chosen > 0 else None


def warm_up(setup: Setup, case: Case) -> Setup | None:
    """Let the rate rise over the first thirtieth of the steps: less than a trial has."""
    rate = setup.optimizer["config"].get("learning_rate")
    if isinstance(rate, dict) and rate.get("class_name") == "Warmup":
        return None
    steps = 200 if case.steps is None else case.steps * setup.epochs
    rise = max(1, min(int(WARM_UP * steps), MOST_WARM_UP))
    described = registry.serialize(Warmup(rate, rise))
    return setup.with_optimizer(learning_rate=described)


def clip_gradients(setup: Setup, case: Case) -> Setup | None:
    """Clip the norm of all gradients at the 90th percentile of those seen; at 1 if none was."""
    config = setup.optimizer["config"]
    if any(config.get(way) for way in ("clipnorm", "clipvalue", "global_clipnorm")):
        return None
    return setup.with_optimizer(global_clipnorm=_rounded(case.typical_norm or 1.0))


def other_optimizer(setup: Setup, case: Case) -> Setup | None:
    """Take Adam with its own rate, and clip as before."""
    del case
    if setup.optimizer_name in ("adam", "adam_w", "nadam"):
        return None
    kept = {
        name: setup.optimizer["config"].get(name)
        for name in ("clipnorm", "clipvalue", "global_clipnorm", "gradient_accumulation_steps")
    }
    return replace(setup, optimizer=registry.serialize(Adam(**kept)))


def larger_batch(setup: Setup, case: Case) -> Setup | None:
    """Take four times as many examples a step."""
    return _with_batch(setup, case, (setup.batch_size or 32) * BATCH_FACTOR)


def smaller_batch(setup: Setup, case: Case) -> Setup | None:
    """Take a quarter as many examples a step."""
    return _with_batch(setup, case, (setup.batch_size or 32) // BATCH_FACTOR)


def more_epochs(setup: Setup, case: Case) -> Setup | None:
    """Train five times as long, but stop when nothing is gained any more."""
    del case
    epochs = max(MOST_EPOCHS * setup.epochs, 10)
    return replace(setup, epochs=epochs, patience=setup.patience or max(3, epochs // 10))


def early_stopping(setup: Setup, case: Case) -> Setup | None:
    """Stop when the validation loss is not better for a tenth of the epochs."""
    del case
    if setup.patience is not None or setup.epochs < 4:
        return None
    return replace(setup, patience=max(3, setup.epochs // 10))


def class_weights(setup: Setup, case: Case) -> Setup | None:
    """Let every class count as much as every other: ``n / (K · n_k)`` for an example of class k."""
    if setup.class_weight is not None or len(case.facts.outputs) != 1:
        return None
    (output,) = case.facts.outputs
    counts = output.counts
    there = sum(count > 0 for count in counts)
    if output.task not in ("binary", "multi-class") or there < 2:
        return None
    weights = {
        label: _rounded(sum(counts) / (there * count))
        for label, count in enumerate(counts)
        if count > 0
    }
    return replace(setup, class_weight=weights) if len(set(counts)) > 1 else None


def shuffle(setup: Setup, case: Case) -> Setup | None:
    """Give each epoch an order of its own."""
    return replace(setup, shuffle=True) if case.reads_arrays and not setup.shuffle else None


def _with_batch(setup: Setup, case: Case, size: int) -> Setup | None:
    examples = case.facts.examples
    if not case.reads_arrays or not SMALLEST_BATCH <= size <= LARGEST_BATCH:
        return None
    if examples is not None and size > examples // 4:
        return None
    return replace(setup, batch_size=size)


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")
