"""What is asked of a training: how long, and on which terms a kept one is gone on with."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from latih.arguments import whole


@dataclass(frozen=True)
class Plan:
    """How long to train.

    Args:
        epochs: the number of the last epoch, counted from 1; not how many when one starts later.
        initial_epoch: the number of epochs done before.
        steps_per_epoch: after how many steps an epoch ends; None for all the data.
        validation_freq: every how many epochs to evaluate, or after which, counted from 1.
        validation_steps: after how many steps an evaluation ends; None for all the data.
    """

    epochs: int
    initial_epoch: int = 0
    steps_per_epoch: int | None = None
    validation_freq: int | Collection[int] = 1
    validation_steps: int | None = None

    def __post_init__(self) -> None:
        whole(self.epochs, "epochs", "fit()", least=0)
        whole(self.initial_epoch, "initial_epoch", "fit()", least=0)
        for one in (
            self.validation_freq
            if isinstance(self.validation_freq, Collection)
            and not isinstance(self.validation_freq, str)
            else [self.validation_freq]
        ):
            whole(one, "validation_freq", "fit()", least=1)
        for name in ("steps_per_epoch", "validation_steps"):
            if getattr(self, name) is not None:
                whole(getattr(self, name), name, "fit()", least=1)

    def validates(self, epoch: int) -> bool:
        """Say whether an epoch, counted from 0, is followed by an evaluation."""
        if isinstance(self.validation_freq, Collection):
            return epoch + 1 in self.validation_freq
        return (epoch + 1) % self.validation_freq == 0


@dataclass(frozen=True)
class Terms:
    """On which terms a training that was kept is gone on with.

    Args:
        asked: what decides its course, in JSON values: if something else was asked when it began,
            it is another one.
        circumstances: what decides the bits alone, such as torch's release.
        resume: ``"auto"`` for where there is one; ``"force"`` for in spite of differences; True for
            certainly; False for never.
    """

    asked: Mapping[str, Any] = field(default_factory=dict[str, Any])
    circumstances: Mapping[str, Any] = field(default_factory=dict[str, Any])
    resume: str | bool = "auto"
