"""What of an optimizer must survive a crash: all that its next update depends on, to the bit."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch

from latih.errors import InputError
from latih.optimizers.flat import FlatParameters
from latih.registry import constructor_arguments


class RunState:
    """The part of an optimizer that gives its state to a snapshot and takes it back.

    Files of Keras hold the learning rate in single precision and no settings, which is enough to
    train on from; to go on as if nothing had happened takes the numbers as they are.
    """

    flat: FlatParameters | None
    slots: dict[str, torch.Tensor]
    scalars: dict[str, float]
    _micro_steps: int
    _rate: Any

    def state_dict(self) -> dict[str, Any]:
        """Return the calls done, the rate, the settings, and what is remembered of the weights.

        Returns:
            JSON values and tensors. The tensors are the optimizer's own, which change with the
            next update: copy what shall stay.
        """
        return {
            "micro_steps": self._micro_steps,
            "rate": self._rate if isinstance(self._rate, float) else None,
            "settings": self._settings(),
            "slots": dict(self.slots),
            "scalars": dict(self.scalars),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`state_dict` gave.

        Args:
            state: of an optimizer of the same class, with the same weights.

        Raises:
            InputError: it is another one's: nothing is changed.
        """
        self._take_slots(state["slots"])
        self._micro_steps = state["micro_steps"]
        if state["rate"] is not None:
            self._rate = state["rate"]
        for name in self._settings().keys() & state["settings"].keys():
            setattr(self, name, state["settings"][name])
        self.scalars = dict(state["scalars"])

    def _take_slots(self, slots: Mapping[str, torch.Tensor]) -> None:
        sizes = {name: tuple(slot.shape) for name, slot in self.slots.items()}
        given = {name: tuple(slot.shape) for name, slot in slots.items()}
        # One that never moved anything remembers nothing: its slots are what they start as.
        if given and given != sizes:
            raise InputError(
                f"the state does not fit {type(self).__name__}",
                expected=f"{sizes}",
                got=f"{given}",
                fix="Compile with the optimizer of the run, and leave the same weights trainable.",
            )
        for name, slot in slots.items():
            self.slots[name].copy_(slot)

    def _settings(self) -> dict[str, Any]:
        # A callback may change them in a run: OneCycle the momentum, for example.
        values = {name: getattr(self, name, None) for name in _names_of_settings(type(self))}
        return {
            name: value
            for name, value in values.items()
            if value is None or isinstance(value, bool | int | float)
        }


@cache  # training waits for a snapshot's state, and to inspect a constructor takes 0.2 ms
def _names_of_settings(kind: type) -> list[str]:
    return sorted(set(constructor_arguments(kind)) - {"learning_rate", "name", "unknown"})
