"""Settings that hold for the whole process: the fuzz factor, the float type, denormals."""

import torch

from latih.dtype_policies.dtype_policy import dtype_policy as dtype_policy
from latih.dtype_policies.dtype_policy import set_dtype_policy as set_dtype_policy
from latih.errors import InputError

# Adam's moments of a unit that has stopped learning decay into denormal numbers, on which a CPU is
# an order of magnitude slower (2,096 against 532 µs for one update of 266k parameters). The flag is
# inherited by threads when they start, so it must be set before torch starts its pool: at import.
torch.set_flush_denormal(True)

_epsilon = 1e-7


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
