"""What one look at a training saw, as plain numbers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LayerSigns:
    """One layer in one check.

    Args:
        gradient: the root mean square of its kernel's gradient, as the loss gave it.
        update: ``|Δθ| / |θ|`` of its weights in this step, measured around the optimizer; None if
            they are to rest, with a learning rate of their own of 0.
        weight: the root mean square of its weights.
        mean: of its pre-activations on the probe.
        deviation: of its pre-activations on the probe.
        largest: of its pre-activations' absolute values.
        silent: the share of its units whose activation is 0 on every row of the probe.
        saturated: the share of its units in the flat part of a sigmoid or tanh on nine in ten rows.
        zeros: the share of zeros among its activations.
        finite: whether weights, gradient and activations are finite.
    """

    gradient: float | None = None
    update: float | None = None
    weight: float | None = None
    mean: float | None = None
    deviation: float | None = None
    largest: float | None = None
    silent: float | None = None
    saturated: float | None = None
    zeros: float | None = None
    finite: bool = True


@dataclass(frozen=True)
class Check:
    """What was measured at one step.

    Args:
        step: how many steps were done, counted over the whole training; 0 is before the first.
        epoch: the epoch under way, from 0.
        loss: the compiled loss on the probe, in inference mode, penalties left out.
        skill: how much better the predictions on the probe are than the best constant one: 1 is
            perfect, 0 no better, for accuracy (balanced by class) or the share of variance
            explained; the mean over the outputs. It does not depend on the loss.
        accuracy: the plain accuracy on the probe; None for a regression.
        training_loss: the same as ``loss`` in training mode (dropout, statistics of the batch).
        penalty: what regularizers add to the loss.
        gradient_norm: of all gradients together, before clipping.
        clipped_norm: after clipping; None if nothing is clipped.
        learning_rate: in this step.
        layers: by name, in the order in which they are called.
    """

    step: int
    epoch: int
    loss: float = math.nan
    skill: float = math.nan
    accuracy: float | None = None
    training_loss: float | None = None
    penalty: float = 0.0
    gradient_norm: float | None = None
    clipped_norm: float | None = None
    learning_rate: float = math.nan
    layers: Mapping[str, LayerSigns] = field(default_factory=dict[str, LayerSigns])


@dataclass(frozen=True)
class NotFinite:
    """The first number that was none.

    Args:
        step: when.
        place: ``"input"``, ``"target"``, ``"weight"``, ``"activation"``, ``"loss"`` or
            ``"gradient"``: the first in the order in which they are calculated.
        layer: where; None for the data and the loss.
    """

    step: int
    place: str
    layer: str | None = None
