"""A nested state as JSON and tensors: all that a run knows, in two forms that hold no code.

What JSON has no word for stands in it as ``{"@": kind, "of": what}``: a tensor by its name, a tuple
by its values, a float that is no number by its bits. A user's dict with the key ``"@"`` is itself
written so, as pairs, and is therefore never taken for one of these.
"""

import math
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np
import torch

from latih.archive.safetensors_file import MOST_AXES, NAME_OF
from latih.errors import FileFormatError, InputError

MARK, CONTENT = "@", "of"

DEEPEST_STATE = 60
"""A dict with keys that are no text takes three levels of JSON, of which the guard allows 200."""

DEEPEST_JSON = 200

LONG = 256
"""From so many numbers on a list is stored as a tensor: faster, and the JSON stays readable."""

LEAST, MOST = -(2**63), 2**63 - 1
"""The whole numbers that 64 bits hold."""

_UNCHANGING = frozenset({float, int, str, bool, type(None)})

_ZEROS = {struct.pack(">d", 0.0), struct.pack(">d", -0.0)}


def copied(state: Any) -> Any:
    """Return a copy that shares nothing that changes, with all tensors on the CPU.

    The only part of a snapshot for which training waits: one copy of every tensor and array.

    Args:
        state: dicts, lists, tuples, str, int, float, bool, None, tensors, arrays, NumPy's numbers.

    Raises:
        InputError: something else is in it; the sentence says where.

    Example:
        >>> weights = torch.zeros(2)
        >>> copy = copied({"weights": weights, "epoch": 3})
        >>> _ = weights.fill_(1.0)
        >>> copy
        {'weights': tensor([0., 0.]), 'epoch': 3}
    """
    return _copied(state, "", 0)


def encode(state: Any) -> tuple[Any, dict[str, torch.Tensor]]:
    """Split a state into what JSON can hold and the tensors, named by their place.

    Nothing is copied: what is encoded must not change until it is written.

    Args:
        state: as for :func:`copied`.

    Returns:
        The JSON value, and the tensors by name.

    Raises:
        InputError: something cannot be stored; the sentence says where it is and what.

    Example:
        >>> encode({"epoch": 3, "slots": {"momentum": torch.zeros(2)}})
        ({'epoch': 3, 'slots': {'momentum': {'@': 'tensor', 'of': 'slots/momentum'}}},
         {'slots/momentum': tensor([0., 0.])})
    """
    tensors: dict[str, torch.Tensor] = {}
    return _encoded(state, "", 0, tensors), tensors


def decode(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    """Put a state together again.

    Args:
        value: the JSON value that :func:`encode` returned.
        tensors: the tensors that it returned.

    Raises:
        FileFormatError: it is none that :func:`encode` makes.

    Example:
        >>> decode({"slot": {"@": "tensor", "of": "slot"}}, {"slot": torch.zeros(2)})
        {'slot': tensor([0., 0.])}
    """
    return _decoded(value, tensors, 0)


def _copied(value: Any, path: str, depth: int) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, np.ndarray):
        _require_plain(value, path)
        return np.array(value)
    if isinstance(value, dict):
        _require_shallow(depth, path)
        # Training waits: what never changes, which is most of it, and long lists cost no calls.
        return {
            key: inner if type(inner) in _UNCHANGING else _copied(inner, f"{path}/{key}", depth + 1)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        _require_shallow(depth, path)
        inner = (
            value
            if _UNCHANGING.issuperset(map(type, value))
            else (_copied(one, f"{path}/{place}", depth + 1) for place, one in enumerate(value))
        )
        return list(inner) if isinstance(value, list) else tuple(inner)
    return _plain(value, path)


def _plain(value: Any, path: str) -> bool | int | float | str | None:
    """Return a value that never changes, NumPy's numbers as Python's."""
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        value = value.item()
    if value is None or isinstance(value, str | int | float):
        return value
    _refuse(path, f"a value of type {type(value).__name__}")


def _encoded(value: Any, path: str, depth: int, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        return _stored("tensor", value, path, tensors)
    if isinstance(value, np.ndarray):
        return _stored("array", _as_tensor(value, path), path, tensors)
    if isinstance(value, dict):
        _require_shallow(depth, path)
        items = [
            (key, _encoded(inner, f"{path}/{key}", depth + 1, tensors))
            for key, inner in value.items()
        ]
        if MARK not in value and all(isinstance(key, str) for key in value):
            return dict(items)
        return _marked("dict", [[_key(key, path, depth), inner] for key, inner in items])
    if isinstance(value, list | tuple):
        _require_shallow(depth, path)
        kind = _kind_of_long(value)
        if kind is not None:
            numbers = torch.tensor(value, dtype=_LISTS[kind])
            return _stored(kind, numbers, path, tensors)
        inner = [
            _encoded(one, f"{path}/{place}", depth + 1, tensors) for place, one in enumerate(value)
        ]
        return inner if isinstance(value, list) else _marked("tuple", inner)
    return _scalar(_plain(value, path))


def _scalar(value: bool | int | float | str | None) -> Any:
    # Where torch flushes denormal numbers, Python writes them as zero too, and finds them equal.
    if isinstance(value, float) and not sys.float_info.min <= abs(value) < math.inf:
        bits = struct.pack(">d", value)
        return value if bits in _ZEROS else _marked("float", bits.hex())
    # Python refuses to read whole numbers of thousands of digits, unless they are hexadecimal.
    if isinstance(value, int) and not LEAST <= value <= MOST:
        return _marked("int", format(value, "x"))
    return value


def _key(key: Any, path: str, depth: int) -> Any:
    if isinstance(key, tuple):
        _require_shallow(depth, path)
        return _marked("tuple", [_key(part, path, depth + 1) for part in key])
    return _scalar(_plain(key, f"{path}/{key}"))


def _marked(kind: str, content: Any) -> dict[str, Any]:
    return {MARK: kind, CONTENT: content}


_LISTS = {"floats": torch.float64, "ints": torch.int64}


def _kind_of_long(value: list[Any] | tuple[Any, ...]) -> str | None:
    if not isinstance(value, list) or len(value) < LONG:
        return None
    kinds = set(map(type, value))
    if kinds == {float}:
        return "floats"
    if kinds == {int} and min(value) >= LEAST and max(value) <= MOST:
        return "ints"
    return None


def _stored(
    kind: str, tensor: torch.Tensor, path: str, tensors: dict[str, torch.Tensor]
) -> dict[str, Any]:
    """Put a tensor under a name of its own, and return what stands for it in the JSON."""
    tensor = tensor.detach()
    if tensor.is_complex() and tensor.dtype in (torch.complex64, torch.complex128):
        kind, tensor = f"complex {kind}", torch.view_as_real(tensor.resolve_conj())
    whole = tensor.layout is torch.strided and tensor.device.type != "meta"
    if not whole or tensor.dtype not in NAME_OF or tensor.ndim > MOST_AXES:
        _refuse(path, f"a tensor of {tensor.dtype}, {tensor.layout}, {tensor.ndim} axes")
    # Half of a pair of surrogates can stand in text, but in no file's UTF-8.
    plain = path.lstrip("/").encode("utf-8", "backslashreplace").decode()
    # The empty name is the whole state's; the other one has a meaning in a safetensors file.
    name, number = plain, 1
    while name in tensors or name in ("", "__metadata__"):
        number += 1
        name = f"{plain}~{number}"
    tensors[name] = tensor
    return _marked(kind, name)


def _as_tensor(array: np.ndarray, path: str) -> torch.Tensor:
    _require_plain(array, path)
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    try:
        # torch shares the memory only of what may be written and runs forwards.
        return torch.from_numpy(np.require(native, requirements=["C", "W"]))
    except TypeError:
        _refuse(path, f"an array of {array.dtype}")


def _require_plain(array: np.ndarray, path: str) -> None:
    # Others than of numbers hold Python's objects; a mask would be lost.
    if array.dtype.kind not in "biufc" or isinstance(array, np.ma.MaskedArray):
        _refuse(path, f"a {type(array).__name__} of {array.dtype}")


def _require_shallow(depth: int, path: str) -> None:
    if depth >= DEEPEST_STATE:
        _refuse(f"{path[:60]}...", f"a state nested deeper than {DEEPEST_STATE} levels")


def _refuse(path: str, got: str) -> NoReturn:
    raise InputError(
        f"the state at {path.lstrip('/')!r} cannot be stored",
        expected="a dict, list, tuple, str, number, bool, None, array or tensor",
        got=got,
        fix="Give JSON values, arrays and tensors in state_dict().",
    )


def _decoded(value: Any, tensors: Mapping[str, torch.Tensor], depth: int) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if depth > DEEPEST_JSON:
        raise _damaged(f"a state nested deeper than {DEEPEST_JSON} levels")
    if isinstance(value, list):
        return [_decoded(inner, tensors, depth + 1) for inner in value]
    if not isinstance(value, dict):
        raise _damaged(f"a {type(value).__name__}")
    if MARK not in value:
        return {key: _decoded(inner, tensors, depth + 1) for key, inner in value.items()}
    kind, content = value[MARK], value.get(CONTENT)
    if set(value) != {MARK, CONTENT} or not isinstance(kind, str):
        raise _damaged(f"the mark {MARK!r} with {sorted(map(str, value))}")
    if kind in _OF_TENSORS:
        if not isinstance(content, str) or content not in tensors:
            raise _damaged(f"a tensor called {content!r}, which is not there")
        return _OF_TENSORS[kind](tensors[content])
    if kind in _OF_TEXT:
        if not isinstance(content, str):
            raise _damaged(f"{content!r} for a {kind}")
        return _OF_TEXT[kind](content)
    if kind not in ("tuple", "dict") or not isinstance(content, list):
        raise _damaged(f"the unknown kind {kind!r}")
    inner = [_decoded(one, tensors, depth + 1) for one in content]
    return tuple(inner) if kind == "tuple" else _dict_of(inner)


def _dict_of(pairs: list[Any]) -> dict[Any, Any]:
    if any(not isinstance(pair, list) or len(pair) != 2 for pair in pairs):
        raise _damaged("a dict that is not given in pairs")
    if any(not _is_key(key) for key, _ in pairs):
        raise _damaged("a dict whose keys are no text, numbers or tuples")
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _damaged("a dict with one key twice")
    return made


def _is_key(key: Any) -> bool:
    if isinstance(key, tuple):
        return all(map(_is_key, key))
    return key is None or isinstance(key, str | int | float)


def _array(tensor: torch.Tensor) -> np.ndarray:
    try:
        return tensor.numpy()
    except TypeError as error:
        raise _damaged(f"an array of {tensor.dtype}, which NumPy has not") from error


def _complex(tensor: torch.Tensor) -> torch.Tensor:
    pairs = tensor.ndim > 0 and tensor.shape[-1] == 2
    if not pairs or tensor.dtype not in (torch.float32, torch.float64):
        raise _damaged(f"complex numbers from {tensor.dtype} of shape {tuple(tensor.shape)}")
    return torch.view_as_complex(tensor.contiguous())


def _list(kind: str) -> Callable[[torch.Tensor], list[Any]]:
    def numbers(tensor: torch.Tensor) -> list[Any]:
        if tensor.dtype is not _LISTS[kind] or tensor.ndim != 1:
            raise _damaged(f"a list of {kind} from {tensor.dtype} with {tensor.ndim} axes")
        return tensor.tolist()

    return numbers


def _float(text: str) -> float:
    try:
        return struct.unpack(">d", bytes.fromhex(text))[0]
    except (ValueError, struct.error) as error:
        raise _damaged(f"the float {text[:40]!r}") from error


def _int(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError as error:
        raise _damaged(f"the whole number {text[:40]!r}") from error


_OF_TENSORS: dict[str, Callable[[torch.Tensor], Any]] = {
    "tensor": lambda tensor: tensor,
    "array": _array,
    "complex tensor": _complex,
    "complex array": lambda tensor: _complex(tensor).numpy(),
    "floats": _list("floats"),
    "ints": _list("ints"),
}

_OF_TEXT: dict[str, Callable[[str], Any]] = {"float": _float, "int": _int}


def _damaged(got: str) -> FileFormatError:
    return FileFormatError(
        "the state cannot be read",
        expected="JSON values and the names of the tensors that stand beside them",
        got=got,
    )
