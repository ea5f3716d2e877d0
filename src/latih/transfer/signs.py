"""What is measured at a fine-tuning, so that what went wrong can be found."""

from collections.abc import Mapping
from dataclasses import dataclass

from latih.transfer.modes import Gap


@dataclass(frozen=True)
class Signs:
    """What was measured at a fine-tuning.

    Args:
        drift: how far each layer of the base had gone when training ended, ``|θ-θ₀| / |θ₀|``.
        best_epoch: the epoch whose weights were kept, from 1; 0 for the frozen probe.
        epochs: how many the whole net was trained for.
        spread: the first batch normalisation, and by how many times wider than in its statistics
            its inputs are; None if there is none.
        leaked: the share of what was judged on that was trained on, too.
        gap: how the loss alone compares with that in batches, on the same examples, if the batch
            normalisations go by batches; None if they do not.
        second_cycle_kept: whether training anew with everything gave the net that is kept.
    """

    drift: Mapping[str, float]
    best_epoch: int
    epochs: int
    spread: tuple[str, float] | None
    leaked: float
    gap: Gap | None = None
    second_cycle_kept: bool = False
