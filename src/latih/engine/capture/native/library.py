"""The compiled kernels, if there are any."""

import ctypes
import hashlib
import importlib
import os
from pathlib import Path
from typing import Any

import torch

SHARED = ("GOMP_parallel", "omp_get_max_threads", "omp_get_thread_num", "omp_get_num_threads")
"""Functions of the OpenMP runtime that PyTorch has loaded, through which its threads are shared."""


class Library:
    """The extension module, or why it is not used.

    Attributes:
        kernels: the module; None where it is not used.
        obstacle: why it is not used; None where it is.
    """

    def __init__(self) -> None:
        self.kernels: Any = None
        self.obstacle: str | None = None
        if os.environ.get("LATIH_NATIVE", "1") == "0":
            self.obstacle = "LATIH_NATIVE=0 is set in the environment"
            return
        try:
            # By its name: where it was not built, there is nothing to import.
            self.kernels = importlib.import_module("latih.engine.capture.native._kernels")
        except ImportError as error:
            self.obstacle = f"the kernels were not built when Latih was installed ({error})"
            return
        if self.kernels.sources != _sources():
            self.obstacle = "the C files are others than those built: install Latih again"
            self.kernels = None
            return
        self._share_threads()

    def _share_threads(self) -> None:
        # A second OpenMP runtime would fight PyTorch's for the cores; without its own, the kernels
        # run on one thread. A function that is not there raises.
        try:
            of_process = ctypes.CDLL(None)
            found = [getattr(of_process, name) for name in SHARED]
        except (AttributeError, OSError, TypeError):
            return
        if torch.backends.openmp.is_available():
            self.kernels.share_threads(*(ctypes.cast(one, ctypes.c_void_p).value for one in found))


def _sources() -> str:
    """Return what tells the C files beside this one from others; hatch_build.py asks the same."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.[ch]")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


_library = Library()


def available() -> bool:
    """Tell whether recorded steps use the native kernels.

    Example:
        >>> available() == (why_not() is None)
        True
    """
    return _library.obstacle is None


def why_not() -> str | None:
    """Return why recorded steps do not use the native kernels; None if they do."""
    return _library.obstacle


def bind(name: str, elements: int, arguments: list[Any]) -> Any:
    """Return a function without arguments that runs a kernel.

    Args:
        name: the kernel.
        elements: how many numbers it works on: where they are many, other Python threads may run.
        arguments: tensors, whole numbers and numbers, as the kernel wants them; None for no tensor.
    """
    plain = [one.data_ptr() if isinstance(one, torch.Tensor) else one for one in arguments]
    return _library.kernels.bind(name, elements, tuple(plain))
