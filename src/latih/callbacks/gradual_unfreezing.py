"""A net that wakes from its head down, one group of layers after the other."""

import warnings
from collections.abc import Sequence
from typing import Any

from latih.arguments import number, whole
from latih.callbacks.memory import Remembering
from latih.errors import InputError, LatihWarning
from latih.layers import Layer
from latih.layers.depth import by_depth
from latih.optimizers.groups import Group


class GradualUnfreezing(Remembering):
    """Let the head learn first, and every few epochs the next group of layers below it, too.

    A new head is wrong at first, and its errors would wreck the features below it. A group that
    waits has the learning rate 0: its weights, and what the optimizer remembers of them, stay bit
    for bit, and no gradient is reckoned for it. One that is awake learns at ``factor`` times less
    than the one above it. A batch normalisation that waits goes on counting its batches, if it is
    trainable: freeze it, or call the base with ``training=False``, where its statistics shall stay.

    Args:
        groups: lists of layers, from the inputs on, as :func:`latih.transfer.groups` returns; or
            how many groups to make of the model; None for one a kernel.
        every: after how many epochs each the next group wakes, >= 1.
        factor: how many times slower a group learns than the one above it, >= 1.
        awake: how many groups learn from the start, >= 1.

    Raises:
        InputError: an argument is out of range; or, when training begins, the layers are not the
            model's.

    Warns:
        LatihWarning: when training begins, it has too few epochs for the lowest groups to wake.

    Example:
        >>> GradualUnfreezing(every=2).awake_at(epoch=5)
        3

    Reference:
        Howard & Ruder 2018, "Universal Language Model Fine-tuning", section 3.3.
    """

    remembers = ("first_epoch",)

    def __init__(
        self,
        groups: Sequence[Sequence[Layer]] | int | None = None,
        every: int = 1,
        factor: float = 2.6,
        awake: int = 1,
    ) -> None:
        super().__init__()
        self.groups = (
            whole(groups, "groups", "GradualUnfreezing", least=1)
            if isinstance(groups, int)
            else groups
        )
        if not (groups is None or isinstance(groups, int) or _are_lists_of_layers(groups)):
            raise InputError(
                "`groups` of GradualUnfreezing cannot be used",
                expected="lists of layers, as transfer.groups(model) returns, a number, or None",
                got=f"a {type(groups).__name__}",
                fix="Leave it out for one group a kernel.",
            )
        self.every = whole(every, "every", "GradualUnfreezing", least=1)
        self.factor = number(factor, "factor", "GradualUnfreezing", least=1)
        self.awake = whole(awake, "awake", "GradualUnfreezing", least=1)
        self._divided: Sequence[Sequence[Layer]] = ()
        self.forget()

    def forget(self) -> None:
        """Begin with the next run's first epoch."""
        self.first_epoch: int | None = None

    def awake_at(self, epoch: int) -> int:
        """Return how many groups learn in an epoch, counted from the run's first, if there are."""
        return self.awake + epoch // self.every

    def on_train_begin(self, logs: Any = None) -> None:
        """Divide the layers; a run that goes on after a crash has its first epoch still."""
        super().on_train_begin(logs)
        if self.first_epoch is None:
            self.first_epoch = self.params.get("initial_epoch") or 0
        given = self.groups
        self._divided = (
            by_depth(self.model, given) if given is None or isinstance(given, int) else given
        )
        self._tell_what_never_wakes()

    def _tell_what_never_wakes(self) -> None:
        assert self.first_epoch is not None
        epochs = self.params.get("epochs") or 0
        awake = self.awake_at(max(0, epochs - self.first_epoch - 1))
        asleep = len(self._divided) - awake
        if epochs and asleep > 0:
            warnings.warn(
                f"GradualUnfreezing leaves {asleep} of {len(self._divided)} groups asleep: within "
                f"{epochs - self.first_epoch} epochs the lowest never learn. Give more epochs, a "
                "smaller `every`, or fewer `groups`.",
                LatihWarning,
                stacklevel=2,
            )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Wake the groups whose time has come."""
        assert self.first_epoch is not None
        last = len(self._divided) - 1
        lowest = last + 1 - self.awake_at(epoch - self.first_epoch)
        self.model.optimizer.set_groups(
            Group(tuple(layers), self.factor ** (place - last) if place >= lowest else 0.0)
            for place, layers in enumerate(self._divided)
        )


def _are_lists_of_layers(given: Any) -> bool:
    return isinstance(given, Sequence) and all(
        isinstance(group, Sequence) and all(isinstance(one, Layer) for one in group)
        for group in given
    )
