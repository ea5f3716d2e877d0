"""A training program: everything that ``compile`` and ``fit`` need, by a name and a seed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from data import Data

import latih as keras

Maker = Callable[[], Any]


@dataclass(frozen=True)
class Program:
    """A program that can be run as often as one likes.

    Args:
        name: what the tables call it.
        make_data: gives the data for a seed.
        make_model: gives a new model for the data.
        make_optimizer: gives a new optimizer.
        make_loss: gives the loss.
        batch_size: examples a step.
        epochs: planned.
        fit: further arguments of ``fit``, such as ``shuffle``.
        codes: what is wrong with it, in the doctor's words; none if it is healthy.
        labels: what its author calls that, each with the codes that would name it.
        origin: whose program it is.
        confidence: how sure its author is of the labels.
        enough: the accuracy, or share of variance explained, on the rows held back that a healthy
            run reaches; None if nobody says.
        sick_below: a run that reaches this much is not sick, by its author's own words; None if
            every run is.
        remarks: what about it is not as its author had it.
    """

    name: str
    make_data: Callable[[int], Data]
    make_model: Callable[[Data], Any]
    make_optimizer: Maker
    make_loss: Maker
    batch_size: int = 32
    epochs: int = 1
    fit: Mapping[str, Any] = field(default_factory=dict[str, Any])
    codes: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    origin: str = "own"
    confidence: str = "high"
    enough: float | None = None
    sick_below: float | None = None
    remarks: tuple[str, ...] = ()

    @property
    def is_sick(self) -> bool:
        """Whether there is something to find."""
        return bool(self.codes)

    def but(self, **changes: Any) -> "Program":
        """Return it with some things changed."""
        return replace(self, **changes)

    def prepared(self, seed: int) -> tuple[Any, Data]:
        """Return the compiled model and its data; the same for the same seed."""
        data = self.make_data(seed)
        keras.utils.set_random_seed(seed)
        model = self.make_model(data)
        model.compile(self.make_optimizer(), loss=self.make_loss(), metrics=["accuracy"])
        return model, data

    def arguments(self, data: Data) -> dict[str, Any]:
        """Return the arguments of ``fit`` beside the callbacks."""
        return {
            "x": data.x,
            "y": data.y,
            "validation_data": data.validation,
            "batch_size": self.batch_size,
            "epochs": self.epochs,
            "verbose": 0,
            **self.fit,
        }
