"""Memory maps: which tensors lie in one, and how their pages leave the process's memory."""

import mmap
import warnings
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch

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


def give_back(tensor: torch.Tensor) -> None:
    """Let the pages of a tensor that lies in a map leave the process's memory.

    They stay in the system's cache, and what was written to them is not lost. Without this a pass
    over a map of 20 GB would make the process as large.
    """
    _advise(tensor, "MADV_DONTNEED")


def ask_for(tensor: torch.Tensor) -> None:
    """Let the system begin to read the pages of a tensor that lies in a map, and do not wait."""
    _advise(tensor, "MADV_WILLNEED")


def _advise(tensor: torch.Tensor, advice: str) -> None:
    under = map_of(tensor)
    option = getattr(mmap, advice, None)
    if under is None or option is None or tensor.numel() == 0:
        return
    # Strides are never negative in torch: the first element is the lowest.
    last = sum((n - 1) * step for n, step in zip(tensor.shape, tensor.stride(), strict=True))
    start = tensor.data_ptr() - np.frombuffer(under, np.uint8).ctypes.data
    end = start + (last + 1) * tensor.element_size()
    start -= start % mmap.PAGESIZE
    under.madvise(option, start, min(end, len(under)) - start)
