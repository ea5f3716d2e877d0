"""One write at a time, beside training."""

import threading
import time
from collections.abc import Callable
from typing import Any


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
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None
        self._seconds = 0.0

    def start(self, item: Any) -> None:
        """Begin to write an item, and return at once.

        Args:
            item: it must not change until it is written.

        Raises:
            RuntimeError: a write is under way; ask :attr:`busy` first.
        """
        if self.busy:
            raise RuntimeError("a write is under way: wait for it, or leave this one out")
        self._thread = threading.Thread(target=self._run, args=(item,), daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether a write is under way."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def seconds(self) -> float:
        """How long the last finished write took."""
        return self._seconds

    def wait(self) -> None:
        """Return when no write is under way; Ctrl-C breaks the waiting, not the writing."""
        while self._thread is not None and self._thread.is_alive():
            # In slices, since on some systems a join without an end does not hear Ctrl-C.
            self._thread.join(0.1)

    def failure(self) -> Exception | None:
        """Return why a finished write failed, once; None if none did since it was last asked."""
        if self.busy:
            return None
        failure, self._failure = self._failure, None
        return failure

    def _run(self, item: Any) -> None:
        begun = time.monotonic()
        try:
            self._write(item)
        except Exception as error:
            self._failure = error
        self._seconds = time.monotonic() - begun
