"""Memory maps: which tensors lie in one, and how their pages leave the process's memory."""

import ctypes
import mmap
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch

MADV_POPULATE_READ = 22
"""Linux's number for reading pages at once; Python does not know its name."""

try:
    _madvise = getattr(ctypes.CDLL(None), "madvise", None) if os.name == "posix" else None
except OSError:  # an unusual C library
    _madvise = None
if _madvise is not None:
    _madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)

PROCESS_MADVISE = 440
"""The number of Linux's system call that takes many places at once, on every machine."""

_PLACES_A_CALL = 1024  # Linux's IOV_MAX

_syscall = ctypes.CDLL(None).syscall if sys.platform == "linux" else None
if _syscall is not None:
    _syscall.argtypes = (
        ctypes.c_long,
        ctypes.c_long,
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_long,
        ctypes.c_long,
    )
    _syscall.restype = ctypes.c_long

Bounds = tuple[int, int]
"""Rows from one to before another."""

# By the address at which the memory of a tensor begins. A view of a tensor has the same memory, so
# a map is found through slices and reshapes; while a map is here, nothing else can be there.
_MAPS: WeakValueDictionary[int, mmap.mmap] = WeakValueDictionary()


def map_under(value: Any) -> np.memmap | None:
    """Return the memory map in which a NumPy array lies, a view of one too; None if in none.

    Example:
        >>> map_under(np.zeros(3)) is None
        True
    """
    found = None
    while isinstance(value, np.ndarray):
        found = value if isinstance(value, np.memmap) else found
        value = value.base
    return found if isinstance(value, mmap.mmap) else None


def tensor_over(array: np.ndarray, under: np.memmap) -> torch.Tensor:
    """Return an array that lies in a map as a tensor that lies there too.

    Args:
        array: of a type that torch knows, in the machine's order of bytes.
        under: what :func:`map_under` found.
    """
    with warnings.catch_warnings():
        # torch warns that writing through the tensor is undefined: nothing here does.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        tensor = torch.from_numpy(array)
    # What was written to a map of mode "c" is in memory alone: its pages cannot be given back.
    if isinstance(under.base, mmap.mmap) and under.mode != "c":
        _MAPS[tensor.untyped_storage().data_ptr()] = under.base
    return tensor


def map_of(tensor: torch.Tensor) -> mmap.mmap | None:
    """Return the map in which a tensor of :func:`tensor_over`, or a view of one, lies.

    Example:
        >>> map_of(torch.zeros(3)) is None
        True
    """
    return _MAPS.get(tensor.untyped_storage().data_ptr()) if tensor.device.type == "cpu" else None


class MappedRows:
    """Rows of a tensor that lies in a map, as pages that come into memory and leave it.

    The system is asked by calls that let other threads of Python run: a page that is touched from
    Python, which does not, would hold up the thread that trains.

    Args:
        tensor: what :func:`map_of` finds a map for.
    """

    def __init__(self, tensor: torch.Tensor) -> None:
        self._tensor = tensor
        self._start = tensor.data_ptr()
        self._each = tensor.stride(0) * tensor.element_size()
        # Strides are never negative in torch: the first element is the lowest.
        sizes = zip(tensor.shape[1:], tensor.stride()[1:], strict=True)
        self._row = (sum((n - 1) * step for n, step in sizes) + 1) * tensor.element_size()

        self._are_apart = self._row <= self._each
        """Whether each row has memory of its own; of an array in Fortran's order none has."""

    def ask_for(self, places: Sequence[Bounds]) -> None:
        """Let the system begin to read the rows of some places, and do not wait."""
        if self._are_apart:
            self._advise(places, getattr(mmap, "MADV_WILLNEED", None))

    def bring(self, places: Sequence[Bounds]) -> None:
        """Wait until the pages of some rows are in the process's memory, where rows lie apart."""
        # A system that does not know it (Linux before 5.14, and others) reads when it must.
        if self._are_apart:
            known = sys.platform == "linux"
            self._advise(places, MADV_POPULATE_READ if known else None)

    def give_back(self, first: int, last: int) -> None:
        """Let the pages of some rows leave the process's memory.

        They stay in the system's cache, and what was written to them is not lost. Without this a
        pass over a map of 20 GB would make the process as large.
        """
        self._advise([(first, last)], getattr(mmap, "MADV_DONTNEED", None))

    def _advise(self, places: Sequence[Bounds], advice: int | None) -> None:
        if advice is None or _madvise is None or not places:
            return
        rows = np.asarray(places, np.int64)
        rows = rows[rows[:, 1] > rows[:, 0]]
        start = self._start + rows[:, 0] * self._each
        end = self._start + (rows[:, 1] - 1) * self._each + self._row
        start -= start % mmap.PAGESIZE
        ranges = np.ascontiguousarray(np.stack([start, end - start], 1).astype(np.uintp))
        advised = 0 if len(ranges) == 1 else _advise_at_once(ranges, advice)
        for address, length in ranges[advised:].tolist():
            _madvise(address, length, advice)


def _advise_at_once(ranges: np.ndarray, advice: int) -> int:
    """Advise many ranges of addresses in few calls, and return how many of them were taken.

    A call for each would let Python's lock go and take it back as often: the thread that trains
    waits for it each time. Systems that do not know the call, or not for oneself (Linux before
    6.13), take none.
    """
    if _syscall is None:
        return 0
    taken = 0
    try:
        process = os.pidfd_open(os.getpid())
    except (AttributeError, OSError):  # an old system, or a container that forbids it
        return 0
    try:
        for part in np.split(ranges, range(_PLACES_A_CALL, len(ranges), _PLACES_A_CALL)):
            arguments = process, part.ctypes.data, len(part), advice, 0
            if _syscall(PROCESS_MADVISE, *arguments) != int(part[:, 1].sum()):
                break
            taken += len(part)
    finally:
        os.close(process)
    return taken


def give_back(tensor: torch.Tensor) -> None:
    """Let the pages of a tensor leave the process's memory, if it lies in a map."""
    if map_of(tensor) is not None and tensor.numel():
        rows = tensor if tensor.ndim else tensor.reshape(1)
        MappedRows(rows).give_back(0, len(rows))
