"""Arrays as they are given, made tensors that training can use, or refused with a sentence."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from latih import structures
from latih.data import maps, tables
from latih.data.fingerprint import sample
from latih.errors import InputError
from latih.tensors import as_tensor


def as_array(value: Any, argument: str) -> torch.Tensor:
    """Return the examples as a tensor, float64 as float32, without a copy where that can be.

    Args:
        value: a NumPy array, a tensor, a list of numbers, or a frame or series of pandas or
            polars. A memory map stays on the disk, and one of float64 stays so: its batches are
            made float32. A data set of an HDF5 file is read into memory, once.
        argument: how the user calls it, for the error's sentence: ``"x"``, ``"y"``.

    Returns:
        A tensor whose first axis is the examples'. Whole numbers stay whole, so that images in
        bytes take a quarter of the memory; the model casts each batch.

    Raises:
        InputError: it holds text, is ragged or empty, has no axis, or holds NaN or infinities.

    Example:
        >>> as_array([[1, 2], [3, 4]], "x").shape
        torch.Size([2, 2])
    """
    tensor = convert(value, argument)
    require_finite(tensor, argument)
    return tensor


def as_arrays(
    value: Any, argument: str, read: Callable[[Any, str], torch.Tensor] = as_array
) -> Any:
    """Return one array as a tensor; a dict or a list of arrays as a dict or a list of tensors.

    A list is one of arrays if what it holds are arrays of at least one axis; a list of numbers, or
    of lists of numbers, is one array.

    Args:
        value: what :func:`as_array` takes, or a dict (named inputs) or list of that.
        argument: how the user calls it.
        read: what makes each a tensor: :func:`as_array`, or :func:`convert`, which does not look
            at every number.

    Raises:
        InputError: as :func:`as_array` does; the sentence names the one that is meant.

    Example:
        >>> arrays = as_arrays({"age": [1.0, 2.0], "sex": [0, 1]}, "x")
        >>> arrays["sex"].tolist()
        [0, 1]
    """
    if isinstance(value, dict):
        return {key: as_arrays(part, f"{argument}[{key!r}]", read) for key, part in value.items()}
    if is_list_of_arrays(value):
        return [as_arrays(part, f"{argument}[{number}]", read) for number, part in enumerate(value)]
    return read(value, argument)


def is_list_of_arrays(value: Any) -> bool:
    """Say whether a list or tuple holds arrays of at least one axis, and not numbers.

    Example:
        >>> is_list_of_arrays([np.zeros(2), np.zeros(3)]), is_list_of_arrays([[1, 2], [3, 4]])
        (True, False)
    """
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(part, dict) or len(getattr(part, "shape", ())) > 0 for part in value)
    )


def convert(value: Any, argument: str) -> torch.Tensor:
    """Return what :func:`as_array` returns, without looking at every number.

    Raises:
        InputError: as :func:`as_array` does, less NaN and infinities.
    """
    tensor = value.detach() if isinstance(value, torch.Tensor) else _from_numpy(value, argument)
    # A memory map of float64 may be larger than the memory: it is cast batch by batch.
    if tensor.dtype == torch.float64 and maps.map_under(value) is None:
        tensor = tensor.to(torch.float32)
    if tensor.layout != torch.strided:
        raise _sparse(argument, str(tensor.layout), ".to_dense()")
    if tensor.is_complex():
        raise _complex(argument, str(tensor.dtype))
    if tensor.ndim == 0:
        raise InputError(
            f"`{argument}` is a single number",
            expected="an array whose first axis is the examples'",
            got=repr(tensor.item()),
        )
    if tensor.shape[0] == 0:
        raise InputError(
            f"`{argument}` is empty",
            expected="at least one example",
            got=f"shape {tuple(tensor.shape)}",
            fix="Check how the data were read, sliced or filtered.",
        )
    return tensor


def require_same_length(**arrays: Any) -> None:
    """Refuse arrays that hold different numbers of examples.

    Args:
        arrays: each, or a structure of them, under the name that the user knows; None is passed
            over.

    Raises:
        InputError: two lengths differ.
    """
    leaves = [
        leaf for name, array in arrays.items() for leaf in structures.named_leaves(array, name)
    ]
    lengths = {name: len(array) for name, array in leaves if array is not None}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{length} in `{name}`" for name, length in lengths.items())
        names = " and ".join(f"`{name}`" for name in lengths)
        raise InputError(
            f"{names} differ in length",
            expected="as many examples in each",
            got=told,
            fix="Check that they were split and filtered alike.",
        )


def require_finite(tensor: torch.Tensor, argument: str) -> None:
    """Refuse NaN and infinities.

    Of a memory map, which may be larger than memory, what :func:`~latih.data.fingerprint.sample`
    takes is looked at: all of it would be a pass over the disk before the first step.

    Raises:
        InputError: there are some; the sentence says how many and where the first is.
    """
    if not tensor.is_floating_point() or tensor.numel() == 0:
        return
    if maps.map_of(tensor) is None:
        _require_finite_rows(tensor, argument, 0)
        return
    for rows in sample(len(tensor), tensor.numel() * tensor.element_size()):
        _require_finite_rows(tensor[rows], argument, rows.start)
    maps.give_back(tensor)


def _require_finite_rows(tensor: torch.Tensor, argument: str, before: int) -> None:
    # The sum carries NaN and infinity, is read as fast as memory goes, and makes no second array.
    if torch.isfinite(tensor.sum()):
        return
    # That of finite numbers may be too large for their type, which their extremes are not.
    lowest, highest = torch.aminmax(tensor)
    if torch.isfinite(lowest) and torch.isfinite(highest):
        return
    flaws = (~torch.isfinite(tensor)).nonzero()
    first = tuple(flaws[0].tolist())
    place = (first[0] + before, *first[1:])
    raise InputError(
        f"`{argument}` holds NaN or infinity",
        expected="finite numbers",
        got=f"{len(flaws)} of {tensor.numel()}, the first {tensor[first].item()} at index {place}",
        fix="Fill or drop these examples first.",
    )


def _from_numpy(value: Any, argument: str) -> torch.Tensor:
    if tables.is_table(value):
        return as_tensor(tables.as_numbers(value, argument))
    if hasattr(value, "tocoo"):
        raise _sparse(argument, type(value).__name__, ".toarray()")
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        # Only lists can be ragged; an array that fails here is, say, of a file that is closed.
        ragged = isinstance(value, list | tuple)
        raise InputError(
            f"`{argument}` is ragged" if ragged else f"`{argument}` cannot be read",
            expected="examples of one shape" if ragged else "an array of numbers",
            got=str(error),
            fix="Pad or crop the examples to one length." if ragged else "",
        ) from error
    if array.dtype.kind not in "biufc":
        raise InputError(
            f"`{argument}` holds text or objects",
            expected="numbers",
            got=f"{array.dtype} such as {array.reshape(-1)[0]!r}"
            if array.size
            else str(array.dtype),
            fix="Encode text as numbers first.",
        )
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise InputError(
            f"`{argument}` holds masked values",
            expected="a number for each",
            got=f"{int(np.ma.count_masked(value))} masked of {value.size}",
            fix="Fill them, as by .filled(0), or drop these examples.",
        )
    under = maps.map_under(value)
    if under is not None and _stays_mapped(array):
        return maps.tensor_over(array, under)
    return as_tensor(_known_to_torch(array, argument))


def _stays_mapped(array: np.ndarray) -> bool:
    known = array.dtype.kind in "bif" or array.dtype == np.uint8
    return (
        known
        and array.dtype.isnative
        and array.dtype.itemsize <= 8
        and array.size > 0
        and min(array.strides, default=0) >= 0
    )


def _known_to_torch(array: np.ndarray, argument: str) -> np.ndarray:
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == "c":
        raise _complex(argument, str(array.dtype))
    if kind == "u" and size > 1:  # torch has no arithmetic on these
        if size == 8 and array.size and array.max() > np.iinfo(np.int64).max:
            raise InputError(
                f"`{argument}` holds whole numbers that are too large",
                expected="numbers below 2**63",
                got=str(array.max()),
                fix="Give them as float32.",
            )
        return array.astype(np.int32 if size == 2 else np.int64)
    return array.astype(np.float32) if kind == "f" and size > 8 else array


def _complex(argument: str, got: str) -> InputError:
    return InputError(
        f"`{argument}` holds complex numbers",
        expected="real numbers",
        got=got,
        fix="Give real and imaginary parts as two columns.",
    )


def _sparse(argument: str, got: str, method: str) -> InputError:
    return InputError(
        f"`{argument}` is sparse",
        expected="a dense array",
        got=got,
        fix=f"Give it as {method}.",
    )
