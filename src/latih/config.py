"""Settings that hold for the whole process: the fuzz factor, the float type, threads, bits."""

import os
import sys
import warnings
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Literal

import torch
import torch.utils.deterministic

from latih.dtype_policies.dtype_policy import dtype_policy as dtype_policy
from latih.dtype_policies.dtype_policy import dtype_policy_was_set as dtype_policy_was_set
from latih.dtype_policies.dtype_policy import set_dtype_policy as set_dtype_policy
from latih.errors import InputError, LatihWarning

# Adam's moments of a unit that has stopped learning decay into denormal numbers, on which a CPU is
# an order of magnitude slower (2,096 against 532 µs for one update of 266k parameters). The flag is
# inherited by threads when they start, so it must be set before torch starts its pool: at import.
torch.set_flush_denormal(True)

_epsilon = 1e-7

_torch_threads = torch.get_num_threads()
# It changes nothing but one thing: from the first call on MKL takes the number by its word, and
# does not choose a smaller one as it sees fit. That must not begin in the middle of a run.
torch.set_num_threads(_torch_threads)
_threads: int | Literal["auto"] | None = None


def epsilon() -> float:
    """Return the fuzz factor that keeps divisions and logarithms finite (Keras's 1e-7).

    Example:
        >>> epsilon()
        1e-07
    """
    return _epsilon


def set_epsilon(value: float) -> None:
    """Set the fuzz factor.

    Args:
        value: a positive number, used by losses, metrics and constraints from now on.

    Raises:
        InputError: it is not positive.
    """
    global _epsilon
    if not value > 0:
        raise InputError("`value` of set_epsilon is out of range", expected="> 0", got=repr(value))
    _epsilon = float(value)


def floatx() -> str:
    """Return the type in which weights and floating inputs are kept.

    Example:
        >>> floatx()
        'float32'
    """
    return "float32"


def set_floatx(value: str) -> None:
    """Set the type in which weights and floating inputs are kept; there is one to choose.

    Args:
        value: ``"float32"``.

    Raises:
        InputError: it is another type.
    """
    if value != "float32":
        raise InputError(
            "`value` of set_floatx is not to be had",
            expected="'float32', the only type that weights have in this release",
            got=repr(value),
            fix="Leave the call out.",
        )


def has_fast_bfloat16(device: torch.device | str | None = None) -> bool:
    """Say whether a device multiplies matrices in bfloat16 faster than in float32.

    Where it does, ``set_dtype_policy("mixed_bfloat16")`` trains large nets several times as fast;
    elsewhere bfloat16 is calculated by way of float32, and only costs.

    A CPU does if it has AMX or AVX512 for bfloat16, or on ARM the extensions of that name, and if
    PyTorch was built with oneDNN, which makes use of them; a CUDA device from compute capability
    8.0 on.

    Args:
        device: the device that is asked about; None for PyTorch's default.

    Example:
        >>> has_fast_bfloat16("meta")
        False
    """
    asked = torch.get_default_device() if device is None else torch.device(device)
    if asked.type == "cuda":
        with torch.cuda.device(asked):
            return torch.cuda.is_bf16_supported(including_emulation=False)
    if asked.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    return multiplies_bfloat16(_cpu_features())


def multiplies_bfloat16(features: Collection[str]) -> bool:
    """Say whether a CPU of these features has instructions that multiply matrices of bfloat16.

    Args:
        features: their names as Linux lists them in ``/proc/cpuinfo``.

    Example:
        >>> multiplies_bfloat16({"avx2", "avx512_bf16"}), multiplies_bfloat16({"avx2", "avx512f"})
        (True, False)
    """
    return not FOR_BFLOAT16.isdisjoint(features)


FOR_BFLOAT16 = frozenset(("amx_bf16", "avx512_bf16", "bf16", "svebf16", "sve_bf16"))


@cache
def _cpu_features() -> frozenset[str]:
    told = getattr(torch.cpu, "get_capabilities", None)
    if told is not None:  # newer releases of PyTorch ask the CPU itself, on any system
        return frozenset(name for name, has in told().items() if has is True)
    if not sys.platform.startswith("linux"):
        return frozenset()
    return features_of(Path("/proc/cpuinfo").read_text(errors="replace"))


def features_of(told: str) -> frozenset[str]:
    r"""Return the features that Linux tells of the first processor.

    Args:
        told: the text of ``/proc/cpuinfo``; x86 has its features after "flags", ARM after
            "Features".

    Example:
        >>> sorted(features_of("processor : 0\nflags\t: avx2 amx_bf16\n"))
        ['amx_bf16', 'avx2']
    """
    for line in told.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()


def set_image_data_format(data_format: str) -> None:
    """Set where images carry their channels, when a layer is not told: last is what there is.

    Args:
        data_format: ``"channels_last"``.

    Raises:
        InputError: it is another one.
    """
    if data_format != "channels_last":
        raise InputError(
            "`data_format` of set_image_data_format is not to be had",
            expected="'channels_last', the only default of this release",
            got=repr(data_format),
            fix="Give data_format='channels_first' to the layers that have it.",
        )


def backend() -> str:
    """Return what calculates: always PyTorch.

    Example:
        >>> backend()
        'torch'
    """
    return "torch"


def image_data_format() -> str:
    """Return where images carry their channels: last, as Keras's default has it.

    Example:
        >>> image_data_format()
        'channels_last'
    """
    return "channels_last"


def threads() -> int | Literal["auto"]:
    """Return how many threads ``fit``, ``evaluate`` and ``predict`` take on a CPU.

    Returns:
        What :func:`set_threads` was given. Else what the user told torch, by ``OMP_NUM_THREADS``,
        ``MKL_NUM_THREADS`` or ``torch.set_num_threads()`` with another number than torch's own.
        Else ``"auto"``.

    Example:
        >>> threads() == "auto" or threads() >= 1
        True
    """
    if _threads is not None:
        return _threads
    told = os.environ.get("OMP_NUM_THREADS") or os.environ.get("MKL_NUM_THREADS")
    now = torch.get_num_threads()
    return now if told or now != _torch_threads else "auto"


def set_threads(number: int | Literal["auto"]) -> None:
    """Set how many threads ``fit``, ``evaluate`` and ``predict`` take on a CPU.

    A thread helps a large product of matrices, and hinders a small one: to hand out the parts takes
    longer than to do them. How sums are parted depends on the number, and so do their last bits.
    Outside of these calls torch keeps the number that it has.

    Args:
        number: at least 1; or ``"auto"`` to try, when the step of a net is first recorded, one
            thread, torch's number and powers of two between, and to take the fastest. What came of
            it is remembered in the user's cache, so that the same script takes the same number; a
            run that is gone on with takes that of its snapshot. What is not recorded
            (:meth:`~latih.models.Model.explain_step` says why) takes torch's number.

    Raises:
        InputError: it is no such number.

    Example:
        >>> set_threads(2)  # doctest: +SKIP
        >>> threads()  # doctest: +SKIP
        2
    """
    global _threads
    whole = isinstance(number, int) and not isinstance(number, bool) and number >= 1
    if not whole and number != "auto":
        raise InputError(
            "`number` of set_threads() cannot be used",
            expected="a whole number of at least 1, or 'auto'",
            got=repr(number),
        )
    _threads = number


def enable_determinism() -> None:
    """Make the same seed give the same bits on a CUDA device too.

    On a CPU nothing needs it: Latih's runs are the same bits there with one seed, as long as the
    number of threads is the same. On CUDA several kernels add numbers in the order in which their
    threads happen to come, and sums of floats depend on their order. After this call torch takes
    kernels with one order.

    It costs time on CUDA: slower kernels for convolutions and their gradients, and for what
    scatters or adds by index (the gradients of embeddings, pooling and upsampling among them);
    cuDNN no longer tries which of its convolutions is the fastest; cuBLAS keeps up to 8 buffers of
    4 MiB. How much depends on the net. An operation for which torch has no such kernel raises
    ``RuntimeError`` and says which it is. Two devices, two releases of torch or two sizes of batch
    still give different bits. What Latih does on CUDA has not been tested by us with this on: what
    is said of it here is torch's word.

    Call it at the top of the script: cuBLAS reads ``CUBLAS_WORKSPACE_CONFIG``, which this sets if
    it is not set, when CUDA is first used. A process that is started from this one inherits the
    variable and not the rest.

    Warns:
        LatihWarning: CUDA is in use already, and the variable was not set before.

    Example:
        >>> enable_determinism()  # doctest: +SKIP
        >>> torch.are_deterministic_algorithms_enabled()  # doctest: +SKIP
        True

    Reference:
        PyTorch's documentation, "Reproducibility" (notes/randomness); NVIDIA's cuBLAS library user
        guide, section 2.1.4, "Results reproducibility".
    """
    if "CUBLAS_WORKSPACE_CONFIG" not in os.environ:
        if torch.cuda.is_initialized():
            warnings.warn(
                "CUDA is in use already, so that cuBLAS may have begun without "
                "CUBLAS_WORKSPACE_CONFIG. Call enable_determinism() at the top of the script.",
                LatihWarning,
                stacklevel=2,
            )
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    # It would fill new memory with NaN, to make bits equal that nobody reads.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
