"""What comes of a fine-tuning: the net, how good it is, and what went wrong on the way."""

from collections.abc import Mapping
from dataclasses import dataclass

from latih.callbacks import History
from latih.doctor import Finding
from latih.models import Model
from latih.transfer.findings import findings_of
from latih.transfer.scores import Scores
from latih.transfer.signs import Signs

SHOWN = 5
"""So many names of classes stand in what is printed."""


@dataclass(frozen=True)
class FineTuned:
    """What :func:`~latih.transfer.fine_tune` returns.

    Args:
        model: from examples as they came to the probabilities of the classes.
        history: the losses and metrics of every epoch of the whole net. In ``val_loss`` all classes
            count alike; in ``loss`` they do so with ``class_weight="balanced"``.
        second_history: the same of the second cycle, on everything; empty if there was none.
        probe_scores: those of the new head on the frozen base, on the validation data.
        scores: those of the best epoch, on the same data. Where the net learned from them, too, in
            the end, they are from before: there is nothing left to score what came of it on.
        class_names: in the order of the model's outputs.
        best_epoch: the epoch that was chosen, counted from 1; 0 for the frozen probe. Its weights
            are the model's, unless a second cycle was kept, or the probe was fitted once more to
            everything.
        second_cycle_kept: whether the model is what came of a second cycle; False where there was
            none, and where it wrecked the net and was taken back.
        drift: how far each layer of the base has gone, ``‖θ - θ₀‖ / ‖θ₀‖``. Tenths say that the
            rate was too high, and what the layer knew is lost.
        signs: what the doctor goes by.
    """

    model: Model
    history: History
    second_history: History
    probe_scores: Scores
    scores: Scores
    class_names: tuple[str, ...]
    best_epoch: int
    second_cycle_kept: bool
    drift: Mapping[str, float]
    signs: Signs

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

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What went wrong, the worst first; nothing, mostly."""
        return tuple(findings_of(self.signs))
