"""What happens in a run, and who listens.

The vocabulary stands below the loop that speaks it and below the callbacks that hear it, so that
neither needs to know the other.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LogNames:
    """What the logs of an epoch will hold.

    Args:
        names: the names that the engine itself and Latih's callbacks write.
        complete: False when a callback of the user's may add more.
    """

    names: tuple[str, ...]
    complete: bool = True


class Callback:
    """The base of callbacks: define the hooks that you need.

    ``self.model`` is the model and ``self.params`` says ``epochs``, ``steps`` and ``verbose``. Set
    ``self.model.stop_training = True`` to end the run after this epoch. A callback that defines no
    batch hook costs nothing a step.

    What must survive a crash is in :meth:`state_dict`: JSON values, and tensors. A run that goes on
    calls :meth:`load_state_dict`, then ``on_train_begin`` and, within an epoch, ``on_epoch_begin``;
    what these changed of the state is put back by a second :meth:`load_state_dict`. So a hook may
    set a counter to 0 as ever.

    Example:
        >>> class Counter(Callback):
        ...     steps = 0
        ...     def on_train_batch_end(self, batch, logs=None):
        ...         self.steps += 1
        ...     def state_dict(self):
        ...         return {"steps": self.steps}
        ...     def load_state_dict(self, state):
        ...         self.steps = state["steps"]
    """

    def __init__(self) -> None:
        self.model: Any = None
        self.params: dict[str, Any] = {}

    def set_model(self, model: Any) -> None:
        """Take the model that is trained."""
        self.model = model

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Take the run's ``epochs``, ``steps`` and ``verbose``."""
        self.params = dict(params)

    def check(self, log_names: LogNames) -> None:
        """Refuse, before the first step, what would fail later."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Hear that training begins."""

    def on_train_end(self, logs: Any = None) -> None:
        """Hear that training ends, however it ends."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Hear that an epoch begins; the first is 0."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Hear that an epoch ends, with its losses and metrics."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Hear that a step begins."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Hear that a step ends, with the epoch's means so far."""

    def on_test_begin(self, logs: Any = None) -> None:
        """Hear that an evaluation begins."""

    def on_test_end(self, logs: Any = None) -> None:
        """Hear that an evaluation ends, with its losses and metrics."""

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Hear that a batch of an evaluation begins."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Hear that a batch of an evaluation ends."""

    def on_predict_begin(self, logs: Any = None) -> None:
        """Hear that a prediction begins."""

    def on_predict_end(self, logs: Any = None) -> None:
        """Hear that a prediction ends."""

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Hear that a batch of a prediction begins."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Hear that a batch of a prediction ends, with its outputs."""

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Hear that a step begins: Keras's older name of ``on_train_batch_begin``."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Hear that a step ends: Keras's older name of ``on_train_batch_end``."""

    def state_dict(self) -> dict[str, Any]:
        """Return what must survive a crash.

        It is asked at steps' and epochs' ends, and for the first time after ``on_train_begin``,
        before any epoch.

        Returns:
            Data that JSON can hold, in which tensors may stand, alone or in a list: the best
            weights for example.
        """
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`state_dict` gave, before ``on_train_begin``; the next run goes on."""

    def put_back(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`state_dict` gave, within a run whose hooks have changed it."""
        self.load_state_dict(state)


class Witness(Callback):
    """A callback that looks at the training itself: its data, its step, its optimizer.

    The hooks of Keras show a callback the model and what is logged, and reading the logs of a step
    waits for the device. A witness is handed the training once, before the first step, and after
    each step it is told that one more was done, before anybody keeps the training.
    """

    def before_training(self, training: Any) -> None:
        """Hear that the first step comes next; one that now asks to stop is heeded before it."""

    def after_step(self, training: Any) -> None:
        """Hear that a step was done."""


class Keeper(Callback):
    """A callback that keeps a whole training, so that another process can go on with it.

    Where other callbacks hear what happens, it is handed the training itself, after everybody else
    has heard: what it keeps is what the next step begins with.
    """

    def restore(self, training: Any) -> Mapping[str, Any] | None:
        """Return the state that the training shall go on from; None to begin."""

    def begin_keeping(self, training: Any) -> None:
        """Hear that the first step comes next."""

    def after_step(self, training: Any) -> None:
        """Hear that a step was done."""

    def after_epoch(self, training: Any) -> None:
        """Hear that an epoch was done."""

    def before_evaluation(self, training: Any) -> None:
        """Hear that the steps of an epoch are done and an evaluation comes, maybe a long one."""

    def keep(self, training: Any) -> None:
        """Keep the training as it is now: it ends or breaks off."""

    def finish_keeping(self, training: Any) -> None:
        """Hear that no step comes any more; what is under way is to be ended."""

    def let_go(self, training: Any) -> None:
        """Hear that the run is over, after everybody else has heard; or was refused."""


class LazyLogs(MutableMapping[str, Any]):
    """The logs of a step, worked out when somebody reads them.

    Reading a metric waits for the device, so a callback that only counts batches must not pay it.

    Args:
        compute: gives the losses and metrics so far.
    """

    def __init__(self, compute: Callable[[], dict[str, Any]]) -> None:
        self._compute = compute
        self._values: dict[str, Any] | None = None

    def _read(self) -> dict[str, Any]:
        if self._values is None:
            self._values = self._compute()
        return self._values

    def __getitem__(self, name: str) -> Any:
        return self._read()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._read()[name] = value

    def __delitem__(self, name: str) -> None:
        del self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return repr(self._read())


class CallbackList:
    """Callbacks, called in their order.

    Args:
        callbacks: the callbacks; each is told its model and the run's parameters.
        model: the model that is trained.
        params: ``epochs``, ``steps``, ``verbose``.
    """

    def __init__(
        self, callbacks: Sequence[Callback], model: Any, params: Mapping[str, Any]
    ) -> None:
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            callback.set_model(model)
            callback.set_params(params)
        self.keepers = [one for one in self.callbacks if isinstance(one, Keeper)]
        self.witnesses = [one for one in self.callbacks if isinstance(one, Witness)]
        # Hooks that nobody has defined are not called: a step must not pay for them.
        self._listeners: dict[str, list[Callable[..., None]]] = {
            hook: [getattr(c, hook) for c in self.callbacks if _defines(c, hook)]
            for hook in vars(Callback)
            if hook.startswith("on_")
        }
        # The older names of the batch hooks are heard where the newer ones are not defined.
        for older in ("on_batch_begin", "on_batch_end"):
            newer = older.replace("on_batch", "on_train_batch")
            self._listeners[newer] = [
                getattr(c, newer if _defines(c, newer) else older)
                for c in self.callbacks
                if _defines(c, newer) or _defines(c, older)
            ]

    def hears(self, *hooks: str) -> bool:
        """Say whether anybody has defined one of these hooks."""
        return any(self._listeners[hook] for hook in hooks)

    def strangers_hear(self, *hooks: str) -> bool:
        """Say whether code that is not Latih's hears one of these hooks."""
        listeners = [one for hook in hooks for one in self._listeners[hook]]
        owners = [getattr(one, "__self__", one) for one in listeners]
        return any(
            not type(owner).__module__.startswith("latih.")
            or getattr(owner, "runs_user_code", False)
            for owner in owners
        )

    def check(self, names: Sequence[str], complete: bool = True) -> None:
        """Let every callback refuse what would fail later.

        Args:
            names: what the logs will hold.
            complete: whether these are all; a step of the user's own may log what it will.
        """
        known = list(names)
        for callback in self.callbacks:
            known += getattr(callback, "adds_to_logs", ())
            if not type(callback).__module__.startswith("latih."):
                complete &= not (
                    _defines(callback, "on_epoch_end") or _defines(callback, "on_test_end")
                )
            complete &= not getattr(callback, "runs_user_code", False)
        for callback in self.callbacks:
            callback.check(LogNames(tuple(known), complete))

    def call(self, hook: str, *arguments: Any) -> None:
        """Call a hook of every callback that has defined it."""
        for listener in self._listeners[hook]:
            listener(*arguments)

    def call_all(self, hook: str, *arguments: Any) -> None:
        """Call a hook of every callback, whatever one of them raises; the first error goes on."""
        with ExitStack() as pending:
            # The stack calls the last entry first, and the rest even if one raises.
            for listener in reversed(self._listeners[hook]):
                pending.callback(listener, *arguments)


def _defines(callback: Any, hook: str) -> bool:
    own = getattr(callback, hook, None)
    return own is not None and getattr(own, "__func__", own) is not getattr(Callback, hook)
