"""What tells one array from another: its shape, its type and a hash of its bytes."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from latih.data.maps import give_back

MOST_BYTES = 64 * 2**20
"""Up to here every byte is hashed: half a second on a slow machine."""

BLOCKS = 1024
"""At how many places of what is larger it is read; a disk must go to each of them."""

PARTS = frozenset(("shape", "dtype", "rows", "sha256"))
"""The keys of a fingerprint."""


def fingerprint(array: torch.Tensor) -> dict[str, Any]:
    """Return what tells an array from another, as data that JSON can hold.

    An array of at most :data:`MOST_BYTES` is hashed whole. Of a larger one, which may be a memory
    map and larger than the memory, so many bytes are read, in blocks of neighbouring rows that lie
    evenly over it, the first row and the last among them. So another data set or another order of
    the rows shows, and one value changed in a large array may not.

    Args:
        array: numbers, wherever they are.

    Shapes:
        array: any.

    Returns:
        ``shape``, ``dtype``, ``rows`` (how many were hashed) and ``sha256``.

    Example:
        >>> told = fingerprint(torch.zeros(3, 2))
        >>> told["shape"], told["dtype"], told["rows"], told["sha256"][:8]
        ([3, 2], 'float32', 3, '9d908ecf')
    """
    rows = array.detach().reshape(1) if array.ndim == 0 else array.detach()
    digest = hashlib.sha256()
    hashed = 0
    for block in sample(len(rows), rows.numel() * rows.element_size()):
        digest.update(_bytes(rows[block]))
        hashed += block.stop - block.start
    give_back(rows)
    return {
        "shape": list(array.shape),
        "dtype": str(array.dtype).removeprefix("torch."),
        "rows": hashed,
        "sha256": digest.hexdigest(),
    }


def is_fingerprint(data: Any) -> bool:
    """Say whether data are what :func:`fingerprint` returned.

    Example:
        >>> is_fingerprint(fingerprint(torch.zeros(1))), is_fingerprint({"shape": [1]})
        (True, False)
    """
    return isinstance(data, Mapping) and set(data) == PARTS


def sample(rows: int, size: int) -> Iterator[slice]:
    """Yield slices of rows: all of them, or :data:`MOST_BYTES` in blocks that lie evenly over them.

    Args:
        rows: how many there are.
        size: how many bytes they have together.

    Example:
        >>> list(sample(3, 12))
        [slice(0, 3, None)]
    """
    if size <= MOST_BYTES or rows < 2:
        yield slice(0, rows)
        return
    of_a_row = size // rows
    # At least the first and the last row; else as many blocks as fit, and as long as fits.
    count = min(max(2, MOST_BYTES // of_a_row), BLOCKS, rows)
    length = max(1, MOST_BYTES // (of_a_row * count))
    for number in range(count):
        start = number * (rows - length) // (count - 1)
        yield slice(start, start + length)


def _bytes(rows: torch.Tensor) -> memoryview:
    # NumPy has no bfloat16: the bytes are seen as such by torch. Rows of a memory map stay where
    # they are, and only what is not contiguous, or on another device, is copied.
    flat = rows.cpu().contiguous().reshape(-1).view(torch.uint8)
    return flat.numpy().data
