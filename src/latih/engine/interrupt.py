"""Ctrl-C and SIGTERM, heard between two steps and not inside one."""

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

from latih.errors import Terminated

Item = TypeVar("Item")

# Who has put in a handler of their own shall keep it: only these are replaced.
DEFAULT_HANDLERS: dict[int, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
CTRL_C = (signal.SIGINT,)
CTRL_C_AND_SIGTERM = (signal.SIGINT, signal.SIGTERM)


class InterruptibleSteps:
    """While the block runs, a signal waits for the end of the step; a second one does not.

    Set ``ending`` once what is left is to put things in their place: then one more waits, and only
    the next does not. One that was heard and not told of is raised when the block ends, so that
    none is lost.

    An update that is cut in half leaves weights that no run has ever had. Outside the main thread,
    where Python lets nobody take signals, it does nothing.

    Args:
        signals: those that wait: :data:`CTRL_C`, or :data:`CTRL_C_AND_SIGTERM` where there is
            something to be put in order before the program ends.

    Example:
        >>> with InterruptibleSteps(CTRL_C_AND_SIGTERM) as steps:
        ...     steps.raise_if_interrupted()
        >>> steps.interrupted, steps.at_boundary
        (False, False)
    """

    def __init__(self, signals: Iterable[int] = CTRL_C) -> None:
        self.signals = tuple(signals)
        self.ending = False
        self.at_boundary = False
        """Whether the signal was raised between two steps, where the state is whole."""
        self._told_to_wait = False
        self._heard: int | None = None
        self._raised: int | None = None
        self._before: dict[int, Any] = {}

    @property
    def interrupted(self) -> bool:
        """Whether a signal came since the block began."""
        return self._heard is not None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in self.signals:
                if signal.getsignal(number) is DEFAULT_HANDLERS[number]:
                    self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._heard != self._raised:
            self._raise()

    def raise_if_interrupted(self) -> None:
        """Raise what the signal means, if one came since the block began.

        Raises:
            KeyboardInterrupt: Ctrl-C came.
            Terminated: SIGTERM came.
        """
        if self._heard is not None:
            self.at_boundary = True
            self._raise()

    def reading(self, stream: Iterable[Item]) -> Iterator[Item]:
        """Yield what a stream gives between the steps; its error after a signal is the signal's.

        ``timeout``, systemd and SLURM send SIGTERM to the whole group of processes: those that read
        for a ``DataLoader`` die of it, and the loader complains of their death.
        """
        items = iter(stream)
        while True:
            try:
                item = next(items)
            except StopIteration:
                return
            except Exception:
                self.raise_if_interrupted()
                raise
            yield item

    def _hear(self, number: int, frame: FrameType | None) -> None:
        del frame
        is_second = self.interrupted
        if self.ending:
            is_second, self._told_to_wait = self._told_to_wait, True
        # Who asked for the end of the program is not content with the end of the call.
        if self._heard != signal.SIGTERM:
            self._heard = number
        if is_second:
            self._raise()
        if number == signal.SIGTERM:
            self._let_children_die()

    def _let_children_die(self) -> None:
        # torch's handler raises an error, wherever the step is, when a loader's process dies.
        child = getattr(signal, "SIGCHLD", None)
        if child is not None and callable(signal.getsignal(child)) and child not in self._before:
            self._before[child] = signal.signal(child, _do_nothing)

    def _raise(self) -> None:
        self._raised = self._heard
        raise Terminated if self._heard == signal.SIGTERM else KeyboardInterrupt


def _do_nothing(number: int, frame: FrameType | None) -> None:
    del number, frame


class _Forking(threading.local):
    mask: set[int] | None = None


_forking = _Forking()


def _before_fork() -> None:
    # Until the child has put the default back, what is sent to it must wait: Python forgets what
    # a child hears before.
    if isinstance(getattr(signal.getsignal(signal.SIGTERM), "__self__", None), InterruptibleSteps):
        _forking.mask = set(signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}))


def _after_fork() -> None:
    if _forking.mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)
        _forking.mask = None


def _after_fork_in_child() -> None:
    # A child inherits the handler and not the loop: SIGTERM ends it, as it ends any process. Ctrl-C
    # stays with the parent, whose step may need what the child reads.
    if _forking.mask is not None:
        signal.signal(signal.SIGTERM, DEFAULT_HANDLERS[signal.SIGTERM])
    _after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork,
        after_in_child=_after_fork_in_child,
    )
