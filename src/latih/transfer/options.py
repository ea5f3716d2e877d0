"""How a net is fine-tuned: the choices, with what serves most small sets."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from latih.arguments import number, one_of, whole
from latih.errors import InputError, near_matches
from latih.transfer.rates import FACTOR
from latih.transfer.scores import balanced_weights

OWNER = "fine_tune()"
MOST_EPOCHS, FEWEST_EPOCHS = 20, 4
EXAMPLES_SEEN = 40_000
"""How many examples the epochs take together where the set is large."""

RATE = 0.001
STEPS_OF_RATE = 10
"""A run of fewer steps has a lower rate: the first steps of Adam move every weight alike, whatever
its gradient, and what they wreck needs as many to mend."""

FEW = 2000
"""Up to how many examples more is made of each: several views, and more pixels of small images."""


@dataclass(frozen=True)
class Options:
    """The choices of :func:`~latih.transfer.fine_tune` beside the data.

    Args:
        learning_rate: the highest rate of the head, > 0; None for 0.001, and less in a run of fewer
            than 10 steps.
        factor: how many times slower each group of layers learns than the one above it, >= 1.
        groups: how many groups, the head among them, >= 1; None for one a kernel, which with a
            factor near 1 is layer-wise decay.
        batch_size: how many examples a step takes, >= 1.
        warmup: the part of the run in which the rates rise, 0..1.
        weight_decay: of the kernels, >= 0.
        pull: the price of leaving the pretrained weights (L2-SP), >= 0.
        label_smoothing: the part of each label that is spread over all classes, 0..1.
        mixup: the α of mixed pairs of examples, >= 0; 0 for none.
        class_weight: ``"balanced"`` to let all classes count alike, None for all examples; or a
            weight for each class number.
        augmentation: ``"light"``, ``"strong"``, None, or layers; ``"auto"`` is light for images of
            three channels and None else.
        views: how many views of each image the frozen probe learns from, >= 1; None for 4 of a
            small set and 1 of a large one.
        dropout: the fraction of features dropped before the head, 0..1.
        batch_norm: whether batch normalisations of the base go by the batches; else by their
            statistics, which stay.
        unfreeze_every: after how many epochs each the next lower group joins, >= 1; None for all
            from the start.
        patience: after how many epochs without a better one to end, >= 1; None for never. A second
            cycle, which is not judged epoch by epoch, has as many as the first came to.
        validation_split: the part held back where no validation data are given, 0..1.
        refit: whether, after that, the net learns from what was held back, too.
        image_size: the height and width that an application sees; None for the images' own, small
            ones enlarged.

    Raises:
        InputError: an argument is out of range.

    Example:
        >>> options = Options()
        >>> options.factor, options.highest_rate(steps=160), options.highest_rate(steps=5)
        (2.6, 0.001, 0.000125)
    """

    learning_rate: float | None = None
    factor: float = FACTOR
    groups: int | None = 2
    batch_size: int = 32
    warmup: float = 0.25
    weight_decay: float = 0.01
    pull: float = 0.0
    label_smoothing: float = 0.1
    mixup: float = 0.0
    class_weight: Mapping[int, float] | str | None = None
    augmentation: Any = "auto"
    views: int | None = None
    dropout: float = 0.2
    batch_norm: bool = False
    unfreeze_every: int | None = None
    patience: int | None = None
    validation_split: float = 0.2
    refit: bool = True
    image_size: int | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Options":
        """Return the options that are given by name.

        Raises:
            InputError: one is unknown.
        """
        known = [one.name for one in fields(cls)]
        for name in given:
            if name not in known:
                raise InputError(f"{OWNER} has no argument `{name}`", fix=near_matches(name, known))
        return cls(**given)

    def __post_init__(self) -> None:
        if self.learning_rate is not None:
            number(self.learning_rate, "learning_rate", OWNER, above=0)
        number(self.factor, "factor", OWNER, least=1)
        number(self.warmup, "warmup", OWNER, least=0, most=1)
        number(self.dropout, "dropout", OWNER, least=0, below=1)
        number(self.label_smoothing, "label_smoothing", OWNER, least=0, below=1)
        number(self.validation_split, "validation_split", OWNER, above=0, below=1)
        for name in ("weight_decay", "pull", "mixup"):
            number(getattr(self, name), name, OWNER, least=0)
        whole(self.batch_size, "batch_size", OWNER, least=1)
        for name in ("groups", "views", "unfreeze_every", "patience", "image_size"):
            if getattr(self, name) is not None:
                whole(getattr(self, name), name, OWNER, least=1)
        if isinstance(self.class_weight, Mapping):
            for weight in self.class_weight.values():
                number(weight, "class_weight", OWNER, least=0)
        else:
            one_of(self.class_weight, "class_weight", OWNER, ("balanced", None))

    def steps(self, examples: int, epochs: int) -> int:
        """Return how many steps some epochs take."""
        return epochs * math.ceil(examples / self.batch_size)

    @property
    def rate(self) -> float:
        """The rate that a run of many steps rises to."""
        return RATE if self.learning_rate is None else self.learning_rate

    def highest_rate(self, steps: int) -> float:
        """Return the rate that a run of so many steps rises to."""
        return rate_of_steps(self.rate, steps, self.few_steps)

    @property
    def few_steps(self) -> int:
        """Below how many steps a run has a lower rate; 0 where the rate was given."""
        return STEPS_OF_RATE if self.learning_rate is None else 0

    def weights_of_classes(self, numbers: np.ndarray, classes: int) -> np.ndarray | None:
        """Return how much each class counts in training; None for as often as it is met.

        Raises:
            InputError: a weight is given for a class that there is not, or all but one are 0.
        """
        if self.class_weight is None:
            return None
        if not isinstance(self.class_weight, Mapping):
            return balanced_weights(numbers, classes)
        unknown = [one for one in self.class_weight if one not in range(classes)]
        if unknown:
            raise InputError(
                f"`class_weight` of {OWNER} names classes that are not known",
                expected=f"0..{classes - 1}",
                got=", ".join(map(repr, unknown)),
                fix="Give class numbers; names are numbered in their sorted order.",
            )
        weights = np.array([self.class_weight.get(one, 1.0) for one in range(classes)])
        if np.count_nonzero(weights[np.unique(numbers)]) < 2:
            raise InputError(
                f"`class_weight` of {OWNER} leaves nothing to tell apart",
                expected="weights above 0 for two classes or more",
                got=repr(dict(self.class_weight)),
            )
        return weights


def rate_of_steps(rate: float, steps: int, few: int) -> float:
    """Return a rate, or the part of it that a run of fewer than a few steps is given."""
    return rate * min(1.0, steps / few) ** 3 if few else rate


def views_for(examples: int) -> int:
    """Return of how many views of each example features are kept, if nobody says."""
    return 4 if examples <= FEW else 1


def epochs_for(examples: int) -> int:
    """Return how many epochs a set of a size is trained for, if nobody says."""
    return max(FEWEST_EPOCHS, min(MOST_EPOCHS, math.ceil(EXAMPLES_SEEN / examples)))
