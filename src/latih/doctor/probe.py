"""One look at a model on rows that stay the same: the loss, the skill, and each layer's signs."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from latih.data.batches import Batch
from latih.doctor.fact_records import Facts, OutputFacts
from latih.doctor.look_records import Check, LayerSigns
from latih.doctor.movement import Movement, Weights, norms
from latih.doctor.preactivations import as_signs, summed_up
from latih.doctor.readings import Readings
from latih.doctor.rows import spread, take
from latih.doctor.scores import scores
from latih.doctor.sensors import Sensors
from latih.doctor.undisturbed import Untouched
from latih.engine.objective import Objective
from latih.structures import flatten

MOST_SUMS = 1 << 22
"""So many sums of units are looked at gladly: a convolutional net has some for each place."""

LEAST_ROWS = 64
"""Of fewer rows the skill would be a matter of chance."""


@dataclass(frozen=True)
class Moment:
    """When a look is taken.

    Args:
        step: how many steps were done.
        epoch: the epoch under way, from 0.
        learning_rate: in this step.
    """

    step: int
    epoch: int
    learning_rate: float = math.nan


class Probe:
    """Looks at a model, again and again, on the same rows.

    It leaves no trace: no number of the training depends on how often somebody looked.

    Args:
        model: the model.
        facts: what is known of it.
        rows: some examples with their targets; None where there are none to be had.
        objective: its losses; None if it has none.
    """

    def __init__(
        self, model: Any, facts: Facts, rows: Batch | None, objective: Objective | None
    ) -> None:
        self.model, self.facts, self.objective = model, facts, objective
        self.rows = rows if getattr(model, "has_call", True) else None
        self._sums = 0
        # What only drops or reshapes has nothing to show.
        shown = [
            one
            for one in facts.layers
            if one.fan_in or one.weights or one.activation or one.is_normalization
        ]
        self.sensors = Sensors(model, shown)
        self.weights = Weights(model, self.sensors.modules)
        losses = [] if objective is None else [output.loss for output in objective.outputs]
        self._untouched = Untouched(model, filter(None, losses))

    def check(
        self, moment: Moment, movement: Movement | None = None, *, in_training: bool = False
    ) -> Check:
        """Return what is seen now.

        Args:
            moment: when it is.
            movement: the step that was just done; None for none.
            in_training: whether the loss is taken in training mode too.
        """
        readings = Readings()
        kinds: dict[str, str | None] = {}
        with self._untouched.kept(training=False):
            if movement is not None:
                self.weights.put(movement, readings)
            if self.rows is not None:
                self._look(self.rows, readings, kinds)
        if self.rows is not None and in_training:
            with self._untouched.kept(training=True):
                loss = self._loss(self.rows, flatten(self.model(self.rows.inputs)))
                readings.put("training_loss", [] if loss is None else [loss])
        if self.rows is not None:
            self._lighten(self.rows)
        return self._told(moment, movement, readings.read(), kinds)

    def is_finite(self, check: Check) -> bool:
        """Say whether a look met no number that is none; a loss that is not known is none to it."""
        rows, objective = self.rows, self.objective
        has_loss = rows is not None and objective is not None and _fits(objective, rows)
        return all(signs.finite for signs in check.layers.values()) and (
            math.isfinite(check.loss) or not has_loss
        )

    def skill_in_training(self) -> float:
        """Return the skill on the rows as the model is in training, by the batch's statistics."""
        if self.rows is None:
            return math.nan
        readings = Readings()
        with self._untouched.kept(training=True):
            made = flatten(self.model(self.rows.inputs))
            readings.put("scores", [part for one in self._scores(self.rows, made) for part in one])
        return _mean(readings.read().get("scores", ())[0::2], math.nan)

    def _lighten(self, rows: Batch) -> None:
        """Look at fewer of the rows from now on, if a net has so many units that looks are slow."""
        fewer = max(LEAST_ROWS, rows.size * MOST_SUMS // max(1, self._sums))
        if fewer < rows.size:
            self.rows = take(rows, spread(rows.size, fewer))

    def _look(self, rows: Batch, readings: Readings, kinds: dict[str, str | None]) -> None:
        self._sums = 0

        def heard(name: str, kind: str | None, sums: torch.Tensor, axis: int) -> None:
            self._sums += sums.numel()
            if sums.is_floating_point() and sums.numel():
                kinds[name] = kind
                readings.put(f"sums of {name}", summed_up(kind, sums, axis))

        with self.sensors.hear(heard):
            predictions = flatten(self.model(rows.inputs))
        loss = self._loss(rows, predictions)
        readings.put("loss", [] if loss is None else [loss])
        readings.put("penalty", list(self._penalties()))
        readings.put("scores", [part for one in self._scores(rows, predictions) for part in one])

    def _loss(self, rows: Batch, predictions: Sequence[torch.Tensor]) -> torch.Tensor | None:
        objective = self.objective
        if objective is None or not _fits(objective, rows):
            return None
        return objective.total(objective.losses(rows, predictions), [])

    def _penalties(self) -> Iterator[torch.Tensor]:
        for regularizer, weight in self.model.penalties():
            yield regularizer(weight)
        yield from self.model.added_losses

    def _scores(self, rows: Batch, predictions: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
        for output, target, prediction in self._compared(rows, predictions):
            yield scores(output, target, prediction)

    def _compared(
        self, rows: Batch, predictions: Sequence[torch.Tensor]
    ) -> Iterator[tuple[OutputFacts, torch.Tensor, torch.Tensor]]:
        targets = rows.targets
        if len(targets) != len(predictions):
            return
        places = [place for place, target in enumerate(targets) if target is not None]
        outputs = self.facts.outputs
        # Of those that nothing is compared with there may be no facts.
        known = range(len(targets)) if len(outputs) == len(targets) else places
        if len(outputs) != len(known):
            return
        for place, output in zip(known, outputs, strict=True):
            target = targets[place]
            if target is not None:
                yield output, target, prediction_of(predictions[place])

    def _told(
        self,
        moment: Moment,
        movement: Movement | None,
        read: Mapping[str, Sequence[float]],
        kinds: Mapping[str, str | None],
    ) -> Check:
        layers: dict[str, dict[str, Any]] = {name: {} for name in self.sensors.layers}
        for name, kind in kinds.items():
            layers[name] |= as_signs(kind, read[f"sums of {name}"])
        if movement is not None:
            for name, signs in self.weights.told(movement, read):
                known = layers.setdefault(name, {})
                known |= {**signs, "finite": signs["finite"] and known.get("finite", True)}
        found = read.get("scores", ())
        return Check(
            step=moment.step,
            epoch=moment.epoch,
            learning_rate=moment.learning_rate,
            loss=next(iter(read.get("loss", ())), math.nan),
            skill=_mean(found[0::2], math.nan),
            accuracy=_mean([one for one in found[1::2] if not math.isnan(one)], None),
            training_loss=next(iter(read.get("training_loss", ())), None),
            penalty=sum(read.get("penalty", ())),
            layers={name: LayerSigns(**signs) for name, signs in layers.items() if signs},
            **({} if movement is None else norms(movement, read)),
        )


def _fits(objective: Objective, rows: Batch) -> bool:
    """Say whether there is a loss, and known of what; a step of the user's own may not say."""
    outputs = objective.outputs
    return len(outputs) == len(rows.targets) and any(one.loss is not None for one in outputs)


def prediction_of(prediction: torch.Tensor) -> torch.Tensor:
    """Return predictions with a row for each example, though each be one number."""
    return prediction.unsqueeze(-1) if prediction.ndim == 1 else prediction


def _mean(numbers: Sequence[float], otherwise: Any) -> Any:
    known = [one for one in numbers if not math.isnan(one)]
    return sum(known) / len(known) if known else otherwise
