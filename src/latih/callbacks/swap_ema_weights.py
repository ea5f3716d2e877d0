"""Judging the moving average of the weights, while the weights go on."""

from typing import Any

import torch

from latih.callbacks.memory import Remembering
from latih.engine.events import LogNames
from latih.errors import InputError
from latih.optimizers.base import AVERAGE


class SwapEMAWeights(Remembering):
    """Put the optimizer's averages in the weights' place during every evaluation.

    For an optimizer with ``use_ema=True``, whose averages generalise better than the weights that
    move: without this callback, ``val_loss`` judges the latter. Keras exchanges the two in place;
    here the weights are kept aside, so that the averages are right whenever the run ends.

    Args:
        swap_on_epoch: whether the averages also stand there from an epoch's end to the next one's
            begin, for a ModelCheckpoint that comes later in the list.

    Raises:
        InputError: before the first step, when the optimizer keeps no averages.

    Example:
        >>> SwapEMAWeights(swap_on_epoch=True).swap_on_epoch
        True

    Reference:
        Polyak & Juditsky 1992, section 2: the mean of the path is better than its end.
    """

    remembers = ("aside",)

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self.forget()

    def forget(self) -> None:
        """Begin with the weights where they belong."""
        self.aside: list[torch.Tensor] | None = None

    def check(self, log_names: LogNames) -> None:
        """Refuse an optimizer that keeps no averages."""
        self._require_averages()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Put the weights back that go on moving."""
        self._put_back()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Show the averages to the callbacks that follow, if asked."""
        if self.swap_on_epoch:
            self._show_averages()

    def on_test_begin(self, logs: Any = None) -> None:
        """Evaluate the averages."""
        self._require_averages()
        self._show_averages()

    def on_test_end(self, logs: Any = None) -> None:
        """Put the weights back."""
        self._put_back()

    def on_predict_begin(self, logs: Any = None) -> None:
        """Predict by the averages."""
        self._require_averages()
        self._show_averages()

    def on_predict_end(self, logs: Any = None) -> None:
        """Put the weights back."""
        self._put_back()

    def on_train_end(self, logs: Any = None) -> None:
        """Leave the averages that a whole run ends with, and the weights of one that broke off."""
        if self.model.completed:
            self.aside = None
        self._put_back()

    def _show_averages(self) -> None:
        optimizer = self.model.optimizer
        # Before the first update there is nothing to average.
        if self.aside is not None or optimizer.flat is None or not optimizer.updates:
            return
        weights = optimizer.flat.parameters
        self.aside = [weight.detach().clone() for weight in weights]
        averages = optimizer.flat.views(optimizer.slots[AVERAGE])
        with torch.no_grad():
            for weight, average in zip(weights, averages, strict=True):
                weight.copy_(average)

    def _put_back(self) -> None:
        if self.aside is None:
            return
        with torch.no_grad():
            for weight, own in zip(self.model.optimizer.flat.parameters, self.aside, strict=True):
                weight.copy_(own)
        self.aside = None

    def _require_averages(self) -> None:
        if not getattr(self.model.optimizer, "use_ema", False):
            raise InputError(
                "SwapEMAWeights has no averages to put in the weights' place",
                expected="an optimizer with use_ema=True",
                got=f"{type(self.model.optimizer).__name__} without",
                fix="Compile the model with an optimizer that has use_ema=True.",
            )
