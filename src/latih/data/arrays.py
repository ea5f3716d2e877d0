"""Arrays as they are given, made tensors that training can use, or refused with a sentence."""

from typing import Any

import numpy as np
import torch

from latih.errors import InputError
from latih.tensors import as_tensor


def as_array(value: Any, argument: str) -> torch.Tensor:
    """Return the examples as a tensor, float64 as float32, without a copy where that can be.

    Args:
        value: a NumPy array, a tensor, a list of numbers, or a data frame.
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
    tensor = value.detach() if isinstance(value, torch.Tensor) else _from_numpy(value, argument)
    if tensor.dtype == torch.float64:
        tensor = tensor.to(torch.float32)
    if tensor.layout != torch.strided:
        raise InputError(
            f"`{argument}` is a sparse tensor",
            expected="a dense one",
            got=str(tensor.layout),
            fix="Give it as .to_dense().",
        )
    if tensor.is_complex():
        raise InputError(
            f"`{argument}` holds complex numbers",
            expected="real numbers",
            got=str(tensor.dtype),
            fix="Give real and imaginary parts as two columns.",
        )
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
    _refuse_non_finite(tensor, argument)
    return tensor


def require_same_length(**arrays: torch.Tensor | None) -> None:
    """Refuse arrays that hold different numbers of examples.

    Args:
        arrays: each under the name that the user knows; None is passed over.

    Raises:
        InputError: two lengths differ.
    """
    lengths = {name: len(array) for name, array in arrays.items() if array is not None}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{length} in `{name}`" for name, length in lengths.items())
        names = " and ".join(f"`{name}`" for name in lengths)
        raise InputError(
            f"{names} differ in length",
            expected="as many examples in each",
            got=told,
            fix="Check that they were split and filtered alike.",
        )


def _from_numpy(value: Any, argument: str) -> torch.Tensor:
    text = _first_text_column(value)
    if text is not None:
        name, example = text
        raise InputError(
            f"`{argument}` holds text in the column {name!r}",
            expected="numbers",
            got=repr(example),
            fix="Encode it as numbers first, or leave the column out.",
        )
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(
            f"`{argument}` is ragged",
            expected="examples of one shape",
            got=str(error),
            fix="Pad or crop the examples to one length.",
        ) from error
    if array.dtype.kind in "USOMm":
        raise InputError(
            f"`{argument}` holds text or objects",
            expected="numbers",
            got=f"{array.dtype} such as {array.reshape(-1)[0]!r}"
            if array.size
            else str(array.dtype),
            fix="Encode text as numbers first.",
        )
    if array.dtype.kind == "u" and array.dtype.itemsize > 1:
        array = array.astype(np.int64)  # torch has no arithmetic on these
    elif array.dtype.kind == "f" and array.dtype.itemsize > 4:
        array = array.astype(np.float32)
    return as_tensor(array)


def _first_text_column(value: Any) -> tuple[Any, Any] | None:
    columns = getattr(value, "columns", None)
    if columns is None or not hasattr(value, "to_numpy"):
        return None
    for name in columns:
        column = np.asarray(value[name])
        if column.dtype.kind in "USO" and len(column):
            return name, column[0]
    return None


def _refuse_non_finite(tensor: torch.Tensor, argument: str) -> None:
    if not tensor.is_floating_point() or tensor.numel() == 0:
        return
    # The extremes carry NaN and infinity, and asking for them makes no second array.
    lowest, highest = torch.aminmax(tensor)
    if torch.isfinite(lowest) and torch.isfinite(highest):
        return
    flaws = (~torch.isfinite(tensor)).nonzero()
    first = tuple(flaws[0].tolist())
    raise InputError(
        f"`{argument}` holds NaN or infinity",
        expected="finite numbers",
        got=f"{len(flaws)} of {tensor.numel()}, the first {tensor[first].item()} at index {first}",
        fix="Fill or drop these examples first.",
    )
