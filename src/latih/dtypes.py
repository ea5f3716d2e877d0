"""The names of number types: Keras's strings on one side, torch's objects on the other."""

from typing import Any

import numpy as np
import torch

from latih.config import floatx
from latih.errors import InputError

TORCH_TYPES: dict[str, torch.dtype] = {
    name: getattr(torch, name)
    for name in (
        *("bool", "uint8", "uint16", "uint32", "int8", "int16", "int32", "int64"),
        *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
    )
}
"""Keras's names, and what torch calls the same."""

NAMES = {dtype: name for name, dtype in TORCH_TYPES.items()}

# Whole numbers of Python become 32 bits wide in Keras, whatever the machine's own width is.
PYTHON_TYPES: dict[type, str] = {bool: "bool", int: "int32"}


def standardize_dtype(dtype: Any) -> str:
    """Return Keras's name of a number type.

    Args:
        dtype: a name, a type of Python, NumPy or torch; None for the type of weights.

    Raises:
        InputError: it is no type that Keras has.

    Example:
        >>> standardize_dtype(torch.int64), standardize_dtype(float), standardize_dtype(None)
        ('int64', 'float32', 'float32')
    """
    if dtype is None or dtype is float:
        return floatx()
    if isinstance(dtype, torch.dtype):
        name = NAMES.get(dtype, str(dtype))
    elif isinstance(dtype, type) and dtype in PYTHON_TYPES:
        name = PYTHON_TYPES[dtype]
    elif isinstance(dtype, str):
        name = "int32" if dtype == "int" else dtype
    else:
        name = _numpy_name(dtype)
    if name not in TORCH_TYPES:
        raise InputError(
            "unknown type of numbers", expected=f"one of {', '.join(TORCH_TYPES)}", got=repr(dtype)
        )
    return name


def _numpy_name(dtype: Any) -> str:
    try:
        return np.dtype(dtype).name
    except TypeError:
        return repr(dtype)


def torch_dtype(dtype: Any) -> torch.dtype:
    """Return torch's object for a number type under any of its names.

    Example:
        >>> torch_dtype("int")
        torch.int32
    """
    return TORCH_TYPES[standardize_dtype(dtype)]


def is_float_dtype(dtype: Any) -> bool:
    """Say whether numbers of a type have a fraction.

    Example:
        >>> is_float_dtype("float32"), is_float_dtype("int8")
        (True, False)
    """
    return "float" in standardize_dtype(dtype)


def is_int_dtype(dtype: Any) -> bool:
    """Say whether a type is one of whole numbers; truths are none.

    Example:
        >>> is_int_dtype("uint8"), is_int_dtype("bool")
        (True, False)
    """
    return "int" in standardize_dtype(dtype)


def result_type(*dtypes: Any) -> str:
    """Return the type of what an operation on values of these types gives.

    Python's ``bool``, ``int`` and ``float`` are weak: they change the kind of a number, never its
    width.

    Args:
        dtypes: names or types; none at all mean the type of weights.

    Example:
        >>> result_type("int64", "float32"), result_type("int8", int), result_type("int8", float)
        ('float32', 'int8', 'float32')

    Reference:
        JAX's "Type promotion semantics", in the 32-bit mode that Keras follows.
    """
    # By identity: NumPy's types are equal to those of Python that they stand for.
    weak_types = [d for d in dtypes if any(d is kind for kind in (bool, int, float))]
    strong = [torch_dtype(d) for d in dtypes if not any(d is kind for kind in (bool, int, float))]
    found = torch.zeros(0, dtype=strong[0]) if strong else None
    for dtype in strong[1:]:
        assert found is not None
        found = torch.zeros(0, dtype=torch.promote_types(found.dtype, dtype))
    for dtype in weak_types:
        # A tensor without axes is weak to torch as a number of Python is to Keras.
        value = torch.zeros((), dtype=torch_dtype(dtype))
        kind = value.dtype if found is None else torch.result_type(found, value)
        found = torch.zeros((), dtype=kind) if found is None or not strong else found.to(kind)
    return floatx() if found is None else NAMES[found.dtype]
