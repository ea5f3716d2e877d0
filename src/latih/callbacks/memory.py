"""What a callback remembers from epoch to epoch, and when it forgets."""

from collections.abc import Mapping
from typing import Any

from latih.engine.events import Callback
from latih.errors import InputError


class Remembering(Callback):
    """The base of callbacks that remember: name what in ``remembers``, and define :meth:`forget`.

    A run begins with nothing remembered, unless a state was loaded before: then it goes on.

    Example:
        >>> class Counter(Remembering):
        ...     remembers = ("epochs",)
        ...     def forget(self):
        ...         self.epochs = 0
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         self.epochs += 1
        >>> counter = Counter()
        >>> counter.load_state_dict({"epochs": 3})
        >>> counter.on_train_begin()
        >>> counter.on_epoch_end(3)
        >>> counter.state_dict()
        {'epochs': 4}
    """

    remembers: tuple[str, ...] = ()
    """The attributes that are the state: JSON values and tensors."""

    def __init__(self) -> None:
        super().__init__()
        self._goes_on = False

    def forget(self) -> None:
        """Begin with nothing seen."""
        raise NotImplementedError(f"{type(self).__name__} must define forget()")

    def on_train_begin(self, logs: Any = None) -> None:
        """Forget, unless a state was loaded."""
        if not self._goes_on:
            self.forget()
        self._goes_on = False

    def state_dict(self) -> dict[str, Any]:
        """Return what must survive a crash."""
        return {name: getattr(self, name) for name in self.remembers}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`state_dict` gave; the next run goes on from it.

        Raises:
            InputError: it is another callback's.
        """
        if set(state) != set(self.remembers):
            raise InputError(
                f"the state is not one of {type(self).__name__}",
                expected=", ".join(self.remembers),
                got=", ".join(map(str, state)) or "nothing",
            )
        for name in self.remembers:
            setattr(self, name, state[name])
        self._goes_on = True

    def put_back(self, state: Mapping[str, Any]) -> None:
        """Take a state within a run: the run after it forgets."""
        self.load_state_dict(state)
        self._goes_on = False
