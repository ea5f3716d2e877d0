"""What can be known of a training that is refused before its first step."""

from typing import Any

from latih.data import targets_as_list
from latih.data.batches import Batch
from latih.doctor.fact_records import Facts
from latih.doctor.facts import facts_of_batch
from latih.doctor.trial_data import steps_of
from latih.structures import flatten


def facts_of_refused(model: Any, x: Any, y: Any, epochs: int, batch_size: int | None) -> Facts:
    """Return what arrays, and a model that cannot be trained on them, say by themselves.

    Args:
        model: a compiled model, such as one of too few units.
        x: the examples, as tensors.
        y: what they should come out as, the same.
        epochs: how many are planned.
        batch_size: how many examples a step takes; 32 by default.
    """
    targets = targets_as_list(y, "y")
    examples = len(flatten(x)[0])
    batch = Batch(x, targets, [None] * len(targets), examples)
    return Facts(
        **facts_of_batch(model, batch),
        epochs=epochs,
        steps=steps_of(x, batch_size),
        examples=examples,
    )
