"""The log turned round: from lines of epochs into one history for each metric."""

from collections.abc import Sequence
from dataclasses import dataclass

from latih.report.record import Epoch, Record

LEARNING_RATE = "learning_rate"
# What every line of the log holds beside the metrics.
NO_METRICS = frozenset({LEARNING_RATE, "seconds", "samples_per_second"})
VALIDATION = "val_"

# Epochs and values; None where there was a value and it was no finite number.
Series = tuple[tuple[int, float | None], ...]


@dataclass(frozen=True)
class Metric:
    """One metric over the epochs.

    Args:
        name: as the model calls it, without ``val_``.
        training: its values; empty if it was never measured in training.
        validation: the same on the validation data.
    """

    name: str
    training: Series
    validation: Series


def find_metrics(epochs: Sequence[Epoch]) -> list[Metric]:
    """Find the metrics of a log, the loss first, the others as the log names them.

    Args:
        epochs: the lines of the log.

    Returns:
        One history a metric.
    """
    names = dict.fromkeys(
        _base_name(name) for epoch in epochs for name in epoch.values if name not in NO_METRICS
    )
    return [
        Metric(
            name=name,
            training=history(epochs, name),
            validation=history(epochs, VALIDATION + name),
        )
        for name in sorted(names, key=lambda name: name != "loss")
    ]


def history(epochs: Sequence[Epoch], column: str) -> Series:
    """Return one column of the log, of those epochs that measured it."""
    return tuple((epoch.number, epoch.values[column]) for epoch in epochs if column in epoch.values)


def best_epoch(epochs: Sequence[Epoch]) -> tuple[Epoch, str] | None:
    """Find the epoch with the lowest loss, the first of equals.

    The validation loss decides where there is one: it is the one number of which every run knows
    that less is better.

    Args:
        epochs: the lines of the log.

    Returns:
        The epoch and the name of the column that decided; None when no loss was ever a number.
    """
    for column in (VALIDATION + "loss", "loss"):
        measured = [epoch for epoch in epochs if epoch.values.get(column) is not None]
        if measured:
            return min(measured, key=lambda epoch: epoch.values[column] or 0.0), column
    return None


def kept_epoch(record: Record) -> tuple[Epoch, str] | None:
    """Find the epoch whose weights the run gave back: the one that it tells, or else the best.

    A fine-tuning tells it, for it keeps no epoch that is worse than its frozen probe.

    Args:
        record: the run.

    Returns:
        As :func:`best_epoch`; None, too, where the run tells that no epoch was kept.
    """
    told = record.table("run").get("best_epoch")
    if type(told) is not int:
        return best_epoch(record.epochs)
    named = tuple(epoch for epoch in record.epochs if epoch.number == told)
    return best_epoch(named)


def _base_name(column: str) -> str:
    return column.removeprefix(VALIDATION) or column
