"""Ctrl-C, heard between two steps and not inside one."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class InterruptibleSteps:
    """While the block runs, Ctrl-C waits for the end of the step; a second one does not.

    Set ``ending`` once what is left is to put things in their place: then every one waits.

    An update that is cut in half leaves weights that no run has ever had. Outside the main thread,
    where Python lets nobody take signals, it does nothing.

    Example:
        >>> with InterruptibleSteps() as steps:
        ...     steps.raise_if_interrupted()
    """

    def __init__(self) -> None:
        self.interrupted = False
        self.ending = False
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.getsignal(signal.SIGINT)
            # Who has put in a handler of their own shall keep it.
            if self._before is signal.default_int_handler:
                signal.signal(signal.SIGINT, self._hear)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._before is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._before)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self.interrupted and not self.ending:
            raise KeyboardInterrupt
        self.interrupted = True

    def raise_if_interrupted(self) -> None:
        """Raise ``KeyboardInterrupt`` if Ctrl-C came since the block began."""
        if self.interrupted:
            raise KeyboardInterrupt
