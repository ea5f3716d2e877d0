"""Weights in a safetensors file: names, shapes and bytes, and nothing that could do anything.

The form is Hugging Face's: eight bytes that say how long the header is, a header in JSON, and the
numbers one after the other. Weights are called by the place of their layer in Keras's files and
their own name, such as ``dense_1/kernel``: what the user calls a layer does not matter, so that
the same net built again in another process finds its weights.
"""

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from latih.archive import guard
from latih.archive.weights import located
from latih.errors import FileFormatError, InputError
from latih.files import write_atomically
from latih.layers import Layer
from latih.version import __version__

LARGEST_HEADER = 16 * 2**20
BYTES_OF_LENGTH = 8

MOST_AXES = 32
CHUNK = 16 * 2**20

NAME_OF = {
    **{torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"},
    **{torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2", torch.bool: "BOOL"},
    **{torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8"},
    **{torch.uint64: "U64", torch.uint32: "U32", torch.uint16: "U16", torch.uint8: "U8"},
}
"""The types that are read and written, under the names that the files give them."""

BYTES_OF = {name: kind.itemsize for kind, name in NAME_OF.items()}
"""How many bytes a number of each type takes."""


def write_safetensors(model: Layer, path: str | os.PathLike[str]) -> None:
    """Write a model's weights, whole or not at all.

    Args:
        model: a built model.
        path: where; ends in ``.safetensors``.

    Raises:
        UnwritableError: the place cannot be written.
    """
    tensors = {
        name: weight.detach().cpu().contiguous().clone()
        for name, weight in named_weights(model).items()
    }
    content = save(tensors, metadata={"format": "latih", "latih_version": __version__})
    with write_atomically(path) as target:
        target.write(content)


def read_safetensors(model: Layer, path: str | os.PathLike[str]) -> None:
    """Read a model's weights; all of them, or none is changed.

    Args:
        model: a built model.
        path: a file of :func:`write_safetensors`.

    Raises:
        FileFormatError: it is none, or holds another model's weights: the sentence has the names of
            those that are missing, surplus, or of another shape.
    """
    own = named_weights(model)
    header = read_header(path)
    _refuse_another_models(path, own, {name: tuple(x["shape"]) for name, x in header.items()})
    stored = read_tensors(path, header)
    with torch.no_grad():
        for name, weight in own.items():
            weight.copy_(stored[name])
    for _, layer in located(model):
        layer.is_read = True


def named_weights(model: Layer) -> dict[str, torch.Tensor]:
    """Return a model's weights under names that are the same wherever it is built.

    Example:
        >>> from latih.layers import Dense
        >>> layer = Dense(3)
        >>> layer.build((None, 2))
        >>> list(named_weights(layer))
        ['kernel', 'bias']
    """
    whole = {
        f"{path}/{weight.attribute}" if path else weight.attribute: getattr(layer, weight.attribute)
        for path, layer in located(model)
        for weight in layer.own_weights()
    }
    short = {
        "/".join(part for part in name.split("/") if part != "layers"): weight
        for name, weight in whole.items()
    }
    return short if len(short) == len(whole) else whole


def as_chunks(tensors: Mapping[str, torch.Tensor]) -> Iterator[bytes | memoryview]:
    """Yield the bytes of a safetensors file, without a second copy of the numbers.

    Args:
        tensors: by name; each of a type in :data:`NAME_OF`.

    Raises:
        InputError: they are so many that no reader would take the header.

    Example:
        >>> from safetensors.torch import load
        >>> load(b"".join(as_chunks({"weight": torch.ones(2)})))
        {'weight': tensor([1., 1.])}
    """
    # The widest first: so each begins at a multiple of its width, without which none can be mapped.
    in_order = sorted(tensors.items(), key=lambda item: -item[1].element_size())
    header: dict[str, Any] = {}
    place = 0
    for name, tensor in in_order:
        end = place + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": NAME_OF[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [place, end],
        }
        place = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % BYTES_OF_LENGTH)
    if len(text) > LARGEST_HEADER or guard.count_values(text) > guard.MOST_VALUES:
        raise InputError(
            f"{len(tensors)} tensors are too many for one file",
            expected=f"names and shapes of at most {LARGEST_HEADER} bytes",
            got=f"{len(text)} bytes",
            fix="Keep numbers in a few larger tensors.",
        )
    yield len(text).to_bytes(BYTES_OF_LENGTH, "little")
    yield text
    for _, tensor in in_order:
        dense = tensor.detach().cpu().resolve_neg().contiguous()
        # Not reshape(-1): it leaves a single number the stride that it had in a larger tensor.
        flat = dense.as_strided((dense.numel(),), (1,))
        numbers = flat.view(torch.uint8).numpy().data
        for begin in range(0, len(numbers), CHUNK):
            yield numbers[begin : begin + CHUNK]


def read_header(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a safetensors file says of its arrays, after it was found to be true.

    Returns:
        For each name ``{"dtype": ..., "shape": [...], "data_offsets": [begin, end]}``, in the order
        of the bytes.

    Raises:
        FileFormatError: a size lies, arrays overlap or leave gaps, or a type is not known.
    """
    file = Path(path)
    guard.require_file(file, "a .safetensors file")
    size = file.stat().st_size
    with open(file, "rb") as opened:
        length = int.from_bytes(opened.read(BYTES_OF_LENGTH), "little")
        if length > min(LARGEST_HEADER, size - BYTES_OF_LENGTH):
            raise _damaged(path, f"a header of {length} bytes in a file of {size}")
        content = opened.read(length)
    try:
        header = guard.parse_json(content)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"a header that is no JSON: {error}") from error
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or any(not isinstance(v, str) for v in metadata.values()):
        raise _damaged(path, "metadata that is not text")
    for name, entry in header.items():
        _check_entry(path, name, entry)
    in_order = sorted(header.items(), key=lambda item: item[1]["data_offsets"])
    place = 0
    for name, entry in in_order:
        begin, end = entry["data_offsets"]
        if begin != place:
            raise _damaged(path, f"{name!r} at byte {begin}, where byte {place} is the next")
        place = end
    if place != size - BYTES_OF_LENGTH - length:
        raise _damaged(path, f"{place} bytes of numbers said, and others held")
    return dict(in_order)


def read_tensors(
    path: str | os.PathLike[str], header: Mapping[str, Any]
) -> dict[str, torch.Tensor]:
    """Read the arrays of a file whose header was checked.

    Raises:
        FileFormatError: the file is damaged all the same.
    """
    try:
        with safe_open(os.fspath(path), framework="pt", device="cpu") as opened:
            return {name: opened.get_tensor(name) for name in header}
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise _damaged(path, str(error)) from error


def _check_entry(path: str | os.PathLike[str], name: str, entry: Any) -> None:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _damaged(path, f"{name!r} is not described by dtype, shape and data_offsets")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in BYTES_OF:
        raise _damaged(path, f"{name!r} of type {kind!r}")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise _damaged(path, f"{name!r} of shape {shape!r} at {offsets!r}")
    if offsets[1] - offsets[0] != math.prod(shape) * BYTES_OF[kind]:
        raise _damaged(path, f"{name!r} of shape {shape!r} in {offsets[1] - offsets[0]} bytes")


def _are_sizes(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MOST_AXES
        and all(isinstance(size, int) and not isinstance(size, bool) for size in value)
        and all(0 <= size < 2**62 for size in value)
    )


def _refuse_another_models(
    path: str | os.PathLike[str],
    own: Mapping[str, torch.Tensor],
    stored: Mapping[str, tuple[int, ...]],
) -> None:
    expected = {name: tuple(weight.shape) for name, weight in own.items()}
    wrong = [
        *(f"{name!r} is missing" for name in expected if name not in stored),
        *(f"{name!r} is surplus" for name in stored if name not in expected),
        *(
            f"{name!r} of shape {stored[name]}, not {shape}"
            for name, shape in expected.items()
            if name in stored and stored[name] != shape
        ),
    ]
    if wrong:
        raise FileFormatError(
            f"the weights in {os.fspath(path)!r} do not fit the model",
            expected=f"the model's {len(expected)} weights",
            got="; ".join(wrong[:10]) + (f"; and {len(wrong) - 10} more" if wrong[10:] else ""),
            fix="Build the model as it was when the weights were saved.",
        )


def _damaged(path: str | os.PathLike[str], got: str) -> FileFormatError:
    return FileFormatError(
        f"{os.fspath(path)!r} is not a safetensors file that can be read",
        expected="a header whose sizes are true, and numbers that follow each other",
        got=got,
        fix="Take another copy of the file, or save the weights again.",
    )
