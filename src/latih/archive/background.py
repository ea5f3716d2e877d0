"""One write at a time, beside training."""

import threading
import time
from collections.abc import Callable
from typing import Any

LETS_GO = 0.001
"""Seconds for which a new thread lets go of the interpreter's lock, so that who started it goes on
at once, and not when the lock is free again: up to 5 ms later, while the item is encoded."""


class BackgroundWriter:
    """Hands items to a thread that writes them, one after the other.

    The thread is a daemon: who leaves in a hurry does not wait for it, and what it then leaves half
    done must be no harm.

    Args:
        write: what is called with each item, in the thread.

    Example:
        >>> written = []
        >>> writer = BackgroundWriter(written.append)
        >>> writer.start("a state")
        >>> writer.wait()
        >>> written, writer.busy, writer.failure()
        (['a state'], False, None)
    """

    def __init__(self, write: Callable[[Any], object]) -> None:
        self._write = write
        # Not Thread.join() and is_alive(): Ctrl-C in a join makes Python 3.11 forget a live thread.
        self._idle = threading.Event()
        self._idle.set()
        self._failure: Exception | None = None

    def start(self, item: Any) -> None:
        """Begin to write an item, and return at once.

        Args:
            item: it must not change until it is written.

        Raises:
            RuntimeError: a write is under way; ask :attr:`busy` first.
        """
        if self.busy:
            raise RuntimeError("a write is under way: wait for it, or leave this one out")
        self._idle.clear()
        try:
            threading.Thread(target=self._run, args=(item,), daemon=True).start()
        except RuntimeError as error:  # no thread is to be had
            self._failure = error
            self._idle.set()

    @property
    def busy(self) -> bool:
        """Whether a write is under way."""
        return not self._idle.is_set()

    def wait(self) -> None:
        """Return when no write is under way; Ctrl-C breaks the waiting, not the writing."""
        # In slices, since on some systems waiting without an end does not hear Ctrl-C.
        while not self._idle.wait(0.1):
            pass

    def failure(self) -> Exception | None:
        """Return why a finished write failed, once; None if none did since it was last asked."""
        if self.busy:
            return None
        failure, self._failure = self._failure, None
        return failure

    def _run(self, item: Any) -> None:
        try:
            time.sleep(LETS_GO)
            self._write(item)
        except Exception as error:
            self._failure = error
        finally:
            self._idle.set()
