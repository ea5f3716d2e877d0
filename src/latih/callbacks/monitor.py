"""A number in the logs, and which way is better."""

import math
import warnings
from collections.abc import Mapping
from typing import Any, Literal

from latih.arguments import number, one_of
from latih.engine.events import LogNames
from latih.errors import InputError, LatihWarning, near_matches

Mode = Literal["auto", "min", "max"]
BETTER_WHEN_LARGER = (
    *(
        "acc",
        "auc",
        "precision",
        "recall",
        "f1",
        "fbeta",
        "f_measure",
        "fmeasure",
        "r2",
        "iou",
        "io_u",
    ),
    *("sensitivity", "specificity", "correlation", "cosine_similarity"),
    *("true_positives", "true_negatives"),
)


class Monitor:
    """The number that a callback watches.

    NaN and infinities are never better than anything: Keras lets a NaN of the first epoch become
    the best, which nothing ever beats.

    Args:
        name: its name in the logs.
        mode: ``"min"``, ``"max"``, or ``"auto"``: larger is better for what is called accuracy,
            AUC, precision, recall, F1 or R².
        min_delta: by how much it must be better to count, >= 0.
        owner: the callback's class, for sentences.

    Example:
        >>> monitor = Monitor("val_loss", "auto", 0.0, "EarlyStopping")
        >>> monitor.is_better(0.5, than=0.6), monitor.is_better(float("nan"), than=None)
        (True, False)
    """

    def __init__(self, name: str, mode: Mode, min_delta: float, owner: str) -> None:
        one_of(mode, "mode", owner, ("auto", "min", "max"))
        self.name, self.owner = name, owner
        self.min_delta = abs(number(min_delta, "min_delta", owner))
        plain = name.removeprefix("val_").lower()
        guessed = any(part in plain for part in BETTER_WHEN_LARGER)
        self.larger_is_better = guessed if mode == "auto" else mode == "max"

    def check(self, log_names: LogNames) -> None:
        """Refuse a name that the logs will not hold.

        Raises:
            InputError: it will not exist; the sentence has the nearest names that will.
        """
        if self.name in log_names.names or not log_names.complete:
            return
        raise InputError(
            f"{self.owner} watches {self.name!r}, which this run will not log",
            expected=f"one of {', '.join(sorted(log_names.names))}",
            got=repr(self.name),
            fix="Give fit() validation_data or validation_split."
            if self.name.startswith("val_") and self.name[4:] in log_names.names
            else near_matches(self.name, log_names.names),
        )

    def read(self, logs: Mapping[str, Any] | None) -> float | None:
        """Return the number of this epoch, or None with a warning when it is not there."""
        value = (logs or {}).get(self.name)
        if isinstance(value, list):
            raise InputError(
                f"{self.owner} watches {self.name!r}, which is several numbers",
                expected="a metric of one number",
                got=f"{len(value)} of them",
                fix="Let the metric average over the classes.",
            )
        if value is not None:
            return float(value)
        # With validation every few epochs, the epochs between have no value, and that is no news.
        if not self.name.startswith("val_"):
            warnings.warn(
                f"{self.owner} watches {self.name!r}, which is not among {sorted(logs or {})}.",
                LatihWarning,
                stacklevel=4,
            )
        return None

    def is_better(self, value: float, than: float | None) -> bool:
        """Say whether a value improves on the best so far; None means there is none yet."""
        if not math.isfinite(value):
            return False
        if than is None:
            return True
        if self.larger_is_better:
            return value - self.min_delta > than
        return value + self.min_delta < than
