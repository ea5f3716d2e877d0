"""Memory whose numbers nobody can read any more, while a step is being recorded.

A record holds every tensor of a step, by which it knows who writes what others read. What the step
itself has dropped has no readers left: its address must stay, and its pages need not. Else to
record a step would take several times the memory of doing it.
"""

import contextlib
import ctypes
import mmap
import sys
from collections.abc import Callable

import torch

from latih.engine.capture.dataflow import is_constant
from latih.engine.capture.recorder import Operation, memories, memory_of

LEAST = 1 << 20
"""Bytes: smaller memories are not worth a call to the system."""

MOST_HELD = 1 << 29
"""Bytes that may be held: to be given a page again takes time, and this much everybody has."""

FRESH = 1 << 26
"""Bytes that are made before it is looked for again what was dropped."""

DONT_NEED = 4
"""Linux's MADV_DONTNEED: the pages are the system's again, and zeros when they are next touched."""


def _of_system() -> Callable[[int, int, int], int] | None:
    if sys.platform != "linux":
        return None
    with contextlib.suppress(OSError, AttributeError):
        found = ctypes.CDLL(None).madvise
        found.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        return found
    return None


_let_go = _of_system()

_references: Callable[[int], int] | None = getattr(
    torch._C,  # pyright: ignore[reportPrivateUsage]
    "_storage_Use_Count",
    None,
)
"""What counts the tensors and storages that look at a memory; nothing is given back without."""


class Unread:
    """Gives back the pages of large results that a step under record has dropped.

    What is the same in each step is kept, since a replay does not make it again.

    Attributes:
        given_back: how many bytes.
    """

    def __init__(self) -> None:
        self.given_back = 0
        self._storages: dict[int, tuple[torch.UntypedStorage, int]] = {}
        self._held: dict[int, int] = {}
        self._constant: set[int] = set()
        self._bytes = self._fresh = 0

    def add(self, operation: Operation) -> None:
        """Take note of one more operation, whose tensors the record holds."""
        read = memories(operation.read)
        if is_constant(operation, self._constant):
            self._constant |= memories(operation.results) - read
        for tensor in (*operation.read, *operation.results):
            memory = memory_of(tensor)
            if memory in self._held:
                self._held[memory] += 1
        for result in operation.results:
            memory, storage = memory_of(result), result.untyped_storage()
            if memory in self._held or memory in read or memory in self._constant:
                continue
            if storage.nbytes() >= LEAST and result.device.type == "cpu":
                self._storages[memory] = storage, storage.nbytes()
                self._held[memory] = sum(memory_of(one) == memory for one in operation.results)
                self._bytes += storage.nbytes()
                self._fresh += storage.nbytes()
        if self._bytes > MOST_HELD and self._fresh >= FRESH:
            self._fresh = 0
            self._look()

    def _look(self) -> None:
        if _let_go is None or _references is None:
            return
        for memory, (storage, counted) in list(self._storages.items()):
            known = self._held[memory] + 1  # the record's tensors, and this storage
            if _references(storage._cdata) <= known:  # pyright: ignore[reportPrivateUsage]
                del self._storages[memory]
                self._bytes -= counted  # and not what it holds since: it may have been resized
                if storage.data_ptr() != memory:
                    continue  # it lies elsewhere
                start = -(-memory // mmap.PAGESIZE) * mmap.PAGESIZE
                size = (memory + storage.nbytes() - start) // mmap.PAGESIZE * mmap.PAGESIZE
                if size > 0 and not _let_go(start, size, DONT_NEED):
                    self.given_back += size
