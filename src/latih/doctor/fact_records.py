"""What is known of a training before its first step, as plain numbers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Task = Literal["regression", "binary", "multi-class", "multi-label"]
"""What the targets ask for; told by the targets and not by the loss, which may be the wrong one."""


@dataclass(frozen=True)
class LayerFacts:
    """What is known of a layer with weights, or with a nonlinearity, before the first step.

    Args:
        name: what it is called.
        kind: its class.
        activation: ``"relu"`` and so on; None if it has none, ``"?"`` if nobody knows it.
        initializer: of its kernel: ``"he_normal"`` and so on; None if it has none or is a module
            of torch's.
        weights: how many numbers it may train.
        frozen: how many it may not.
        fan_in: how many numbers make one of its outputs; 0 if it has no kernel.
        kernel_deviation: the standard deviation of its kernel; 0.0 if it has none.
        identical_units: the share of its units whose weights equal another's.
        dropout: the rate, if it drops.
        is_output: whether its output is one of the model's.
        is_normalization: whether it normalises.
        decay: the factor of an L2 penalty on its kernel.
    """

    name: str
    kind: str
    activation: str | None = None
    initializer: str | None = None
    weights: int = 0
    frozen: int = 0
    fan_in: int = 0
    kernel_deviation: float = 0.0
    identical_units: float = 0.0
    dropout: float = 0.0
    is_output: bool = False
    is_normalization: bool = False
    decay: float = 0.0


@dataclass(frozen=True)
class InputFacts:
    """One input, over the rows that were looked at.

    Args:
        name: what it is called.
        shape: of one example.
        finite: whether all its numbers are finite.
        least: the smallest number.
        most: the largest number.
        largest_mean: of the features' ``|mean| / deviation``, the largest.
        deviation_ratio: the largest deviation of a feature over the smallest that is not 0.
        deviation: of all numbers together.
        mean: of all numbers together.
        constant: the share of features that never change.
        is_whole: whether all numbers are whole: indices, or the bytes of an image.
        is_scaled: whether the model itself scales, normalises or looks them up before it first
            multiplies them by weights.
    """

    name: str
    shape: tuple[int, ...] = ()
    finite: bool = True
    least: float = 0.0
    most: float = 0.0
    largest_mean: float = 0.0
    deviation_ratio: float = 1.0
    deviation: float = 1.0
    mean: float = 0.0
    constant: float = 0.0
    is_whole: bool = False
    is_scaled: bool = False


@dataclass(frozen=True)
class OutputFacts:
    """One output, its targets and its loss.

    Args:
        name: what it is called.
        task: what the targets ask for.
        classes: how many classes the targets hold, or columns; 0 for a regression.
        width: how many numbers an example's output has.
        target_shape: of one example's target.
        activation: of the layer that makes it: ``"softmax"`` and so on.
        loss: the loss's name in snake case, ``"?"`` for a function of the user's.
        from_logits: whether the loss takes raw scores.
        reduction: of the loss.
        finite: whether all targets are finite.
        least: the smallest target.
        most: the largest.
        deviation: of the targets; of a regression.
        mean: of the targets.
        counts: how many examples each class has, among the rows that were looked at.
        trivial_loss: the compiled loss of the best constant prediction; NaN if nobody knows.
        trivial_score: the accuracy of the most frequent class; 0 for a regression.
        floor: the compiled loss of predictions that equal the targets: 0 of most, of shares under
            a cross-entropy their entropy, below which no training comes.
        order: how surprisingly often a target equals the one before it, in standard deviations.
        sums: the mean over rows of ``|sum of outputs - 1|`` on the probe, before training.
        output_least: the smallest output on the probe, before training.
        output_most: the largest.
        first_loss: the compiled loss on the probe, before training.
        output_shape: of one example's output; None if nobody knows.
        quantiles: of the targets of a regression, evenly spaced from the least to the most.
        is_whole: whether all targets are whole numbers.
        column_sums: the mean over outputs of ``|sum over the rows of the probe - 1|``, before
            training: about 0 of a softmax over the batch instead of the classes.
        reshaped_loss: the first loss again, with the targets in the outputs' shape.
        loss_growth: the compiled loss of the probe twice over as a multiple of `first_loss`: 1 of a
            mean over the examples, 2 of a sum.
    """

    name: str
    task: Task = "regression"
    classes: int = 0
    width: int = 1
    target_shape: tuple[int, ...] = ()
    activation: str | None = None
    loss: str = "?"
    from_logits: bool = False
    reduction: str | None = None
    finite: bool = True
    least: float = 0.0
    most: float = 0.0
    deviation: float = 1.0
    mean: float = 0.0
    counts: tuple[int, ...] = ()
    trivial_loss: float = math.nan
    trivial_score: float = 0.0
    floor: float = 0.0
    order: float = 0.0
    sums: float = 0.0
    output_least: float = 0.0
    output_most: float = 0.0
    first_loss: float = math.nan
    output_shape: tuple[int, ...] | None = None
    quantiles: tuple[float, ...] = ()
    is_whole: bool = False
    column_sums: float = math.nan
    reshaped_loss: float = math.nan
    loss_growth: float = 1.0


@dataclass(frozen=True)
class Facts:
    """What is known before the first step.

    Args:
        layers: in the order in which they are called.
        inputs: of the model.
        outputs: of the model.
        optimizer: its class in snake case.
        learning_rate: at the start.
        settings: further numbers of the optimizer, such as ``momentum`` and ``epsilon``.
        batch_size: None where the data decide.
        epochs: planned.
        steps: an epoch; None if nobody knows.
        examples: to train on; None if nobody knows.
        shuffles: whether each epoch has an order of its own; None if the data decide.
        has_validation: whether something was held back.
        duplicates: the share of the rows held back that are among those trained on.
        shift: how far a feature's mean or deviation in the rows held back is from that in those
            trained on, in deviations, less what chance makes.
        weighted: whether classes or examples are weighted.
        looked_at: how many examples the facts of the targets rest on; 0 if there was none to see.
            One batch of a stream says little of how frequent classes are.
        own_duplicates: the share of the rows trained on that equal another of them; by so much the
            rows held back are among them by chance.
    """

    layers: tuple[LayerFacts, ...] = ()
    inputs: tuple[InputFacts, ...] = ()
    outputs: tuple[OutputFacts, ...] = ()
    optimizer: str = "?"
    learning_rate: float = math.nan
    settings: Mapping[str, float] = field(default_factory=dict[str, float])
    batch_size: int | None = None
    epochs: int = 1
    steps: int | None = None
    examples: int | None = None
    shuffles: bool | None = None
    has_validation: bool = False
    duplicates: float = 0.0
    shift: float = 0.0
    weighted: bool = False
    looked_at: int = 0
    own_duplicates: float = 0.0

    @property
    def is_sampled(self) -> bool:
        """Whether the facts of the targets rest on some of the examples, and others may differ."""
        return 0 < self.looked_at < (self.examples or math.inf)

    @property
    def planned_steps(self) -> int | None:
        """How many steps the whole training has."""
        return None if self.steps is None else self.steps * self.epochs
