"""What all models have in common that learn from examples alone."""

import math
from typing import Any

import numpy as np
import torch

from latih.callbacks import History
from latih.data import is_stream
from latih.errors import InputError
from latih.models import Model
from latih.optimizers import Adam, Optimizer


class Unlabelled(Model):
    """A model whose loss follows from the examples: there is nothing to compare them with.

    A subclass adds its loss by ``add_loss`` in ``call``, so that ``fit`` does its steps as those of
    any model: recorded, with snapshots, callbacks and a run directory. After ``fit``, ``encoder``
    is what is worth keeping: the half that goes below a net for another task.

    Args:
        kwargs: arguments of :class:`~latih.layers.Layer`.
    """

    encoder: Any
    """The half that turns examples into features: a model of its own, trained with this one."""

    def default_optimizer(self, values: int | None = None) -> Optimizer:
        """Return what trains it where ``compile()`` was given nothing.

        Args:
            values: how many numbers an example has; None if that is not known.
        """
        del values
        return Adam()

    def take_loss(self, loss: Any) -> None:
        """Take the loss that ``compile()`` was given, where there is a choice.

        Raises:
            InputError: there is none.
        """
        raise InputError(
            f"{type(self).__name__} takes no loss",
            expected="compile(optimizer)",
            got=f"loss={loss!r}",
            fix="Its loss follows from the examples: leave out `loss`.",
        )

    def check_examples(self, x: Any, called: str) -> None:
        """Refuse examples that the model cannot learn from; by default none are refused.

        Args:
            x: an array or a tensor.
            called: what the user calls it.
        """

    def compile(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, optimizer: Any = None, loss: Any = None, **kwargs: Any
    ) -> None:
        """Say how the model is trained; ``fit`` does it by itself if nobody did.

        Args:
            optimizer: a name or an object; None for what suits the model.
            loss: how outputs are compared with the examples, where the model leaves a choice.
            kwargs: what :meth:`latih.Model.compile` takes beside these.

        Raises:
            InputError: the model leaves no choice, or metrics are given, which compare with
                targets.
        """
        for argument in ("loss_weights", "metrics", "weighted_metrics"):
            if kwargs.pop(argument, None):
                raise InputError(
                    f"{type(self).__name__} takes no `{argument}`",
                    expected="compile(optimizer)",
                    fix="There are no targets to reckon them with: leave it out.",
                )
        if loss is not None:
            self.take_loss(loss)
        super().compile(self.default_optimizer() if optimizer is None else optimizer, **kwargs)

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> History:
        """Learn from examples without labels; all else as in :meth:`latih.Model.fit`.

        Args:
            x: the examples, or data that are iterated; of ``(x, y)`` the y is left.
            y: nothing; the same array once more is taken for nothing, as scripts for Keras give it.
            args: as in ``Model.fit``: ``batch_size`` and so on.
            kwargs: the same; ``validation_data`` may be an array of examples.

        Returns:
            The record of the run.

        Raises:
            InputError: targets are given, or the examples do not fit the model.
        """
        if y is not None and y is not x:
            raise InputError(
                f"fit() of {type(self).__name__} takes no targets",
                expected="fit(x, ...)",
                got="fit(x, y, ...)",
                fix="It learns from the examples alone: leave out y.",
            )
        if self.objective is None:
            self.compile(self.default_optimizer(_values_of(x)))
        if not is_stream(x):
            self.check_examples(x, "x")
        validation = _alone(kwargs.pop("validation_data", None))
        if validation is not None and not is_stream(validation):
            self.check_examples(validation[0], "validation x")
        return super().fit(x, None, *args, validation_data=validation, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Return the loss on examples, without training; all else as in ``Model.evaluate``.

        Args:
            x: the examples.
            y: nothing, or the same array once more.
            args: as in :meth:`latih.Model.evaluate`.
            kwargs: the same.
        """
        if self.objective is None:
            self.compile(self.default_optimizer(_values_of(x)))
        if not is_stream(x):
            self.check_examples(x, "x")
        return super().evaluate(x, None if y is x else y, *args, **kwargs)


def _values_of(x: Any) -> int | None:
    return None if is_stream(x) else math.prod(np.shape(x)[1:])


def _alone(data: Any) -> Any:
    """Return validation data as ``(x,)``, or as they come if they are iterated."""
    if data is None or is_stream(data):
        return data
    return (data[0],) if isinstance(data, tuple) else (data,)


def require_between(x: Any, low: float, high: float, called: str, owner: str) -> None:
    """Refuse values outside a range.

    Args:
        x: an array or a tensor.
        low: the smallest allowed.
        high: the largest allowed.
        called: what the user calls x.
        owner: who asks for it.

    Raises:
        InputError: there are such values, or some that are no numbers.

    Example:
        >>> require_between([0.5, 2.0], 0, 1, "x", "RBM")
        Traceback (most recent call last):
        ...
        latih.errors.InputError: `x` of RBM lies outside its range: expected values of 0..1, got
        0.5..2. Divide the bytes of images by 255.
    """
    values = torch.as_tensor(x)
    if not values.numel():
        return
    lowest, highest = (float(value) for value in values.aminmax())
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        raise _not_finite(values, low, high, called, owner)
    if not low <= lowest <= highest <= high:
        raise InputError(
            f"`{called}` of {owner} lies outside its range",
            expected=f"values of {low:g}..{high:g}",
            got=f"{lowest:g}..{highest:g}",
            fix="Divide the bytes of images by 255."
            if lowest >= low
            else "Scale each column by its lowest and highest value, or take "
            'visible="gaussian", for standardised values.',
        )


def _not_finite(
    values: torch.Tensor, low: float, high: float, called: str, owner: str
) -> InputError:
    is_missing = bool(values.isnan().any())
    wrong = values.isnan() if is_missing else values.isinf()
    first = [int(place) for place in wrong.nonzero()[0]]
    kind = "NaN" if is_missing else "Inf"
    return InputError(
        f"`{called}` of {owner} holds {kind}",
        expected=f"values of {low:g}..{high:g}",
        got=f"{kind} {int(wrong.sum())} times, first at {first}",
        fix="Look where it comes from; fill in what is missing, or take these rows out.",
    )
