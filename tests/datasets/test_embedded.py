"""The piece that the package carries: balanced, small, and out of the whole set."""

import gzip
import hashlib
import os
import runpy
import struct
from pathlib import Path

import numpy as np
import pytest

from latih.datasets import fashion_mnist

PLACE = Path(fashion_mnist.__file__).parent / "embedded"
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "make_embedded_subset.py"

# The MD5s that upstream's README publishes, and the times in the headers of its files.
PUBLISHED = {
    "train-images-idx3-ubyte.gz": ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 1504176606),
    "train-labels-idx1-ubyte.gz": ("25c81989df183df01b3e8a0aad5dffbe", 1504176606),
    "t10k-images-idx3-ubyte.gz": ("bef4ecab320f06d8554ea6380940ec79", 1504176627),
    "t10k-labels-idx1-ubyte.gz": ("bb300cfdad3c16e7a12a480ee83cd310", 1504176627),
}


def upstream_bytes(path: Path) -> bytes:
    """The file as upstream published it: Debian's lacks the name and the time in the header."""
    file = path.read_bytes()
    if file[3] & 8:
        return file
    name = path.name.removesuffix(".gz").encode() + b"\0"
    time = struct.pack("<I", PUBLISHED[path.name][1])
    return file[:3] + b"\x08" + time + file[8:10] + name + file[10:]


def test_is_balanced_and_of_the_form_of_the_whole() -> None:
    for (images, labels), per_class in zip(fashion_mnist.load_embedded(), (500, 100), strict=True):
        assert images.dtype == labels.dtype == np.uint8
        assert images.shape == (10 * per_class, 28, 28)
        assert labels.shape == (10 * per_class,)
        assert np.bincount(labels).tolist() == [per_class] * 10


def test_is_in_a_shuffled_order() -> None:
    for _, labels in fashion_mnist.load_embedded():
        # Of neighbours drawn at random, one pair in ten is of one class; sorted, nearly all are.
        assert 0.05 < np.mean(labels[1:] == labels[:-1]) < 0.15
        # Each tenth of the order has every class, so that a split off the end is usable.
        assert all(len(np.unique(tenth)) == 10 for tenth in np.split(labels, 10))


def test_no_image_is_there_twice() -> None:
    images = np.concatenate([images for images, _ in fashion_mnist.load_embedded()])
    assert len({image.tobytes() for image in images}) == 6_000


def test_takes_no_more_than_3_mb_and_brings_its_licence() -> None:
    assert sorted(path.name for path in PLACE.iterdir()) == sorted([*PUBLISHED, "LICENSE"])
    assert sum(path.stat().st_size for path in PLACE.iterdir()) <= 3_000_000
    licence = (PLACE / "LICENSE").read_text()
    assert "The MIT License" in licence
    assert "Copyright (c) 2017 Zalando SE" in licence


def test_the_choice_is_balanced_shuffled_and_repeatable() -> None:
    choose = runpy.run_path(str(SCRIPT))["choose"]
    labels = np.repeat(np.arange(10, dtype=np.uint8), 50)
    chosen = choose(labels, 20, 7)
    assert len(np.unique(chosen)) == 200
    assert np.bincount(labels[chosen]).tolist() == [20] * 10
    assert np.mean(np.diff(chosen) > 0) < 0.7
    assert np.array_equal(chosen, choose(labels, 20, 7))
    assert not np.array_equal(chosen, choose(labels, 20, 8))


def test_is_a_piece_of_the_whole_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = fashion_mnist.where()
    if place is None:
        pytest.skip("the whole set is not on this machine: apt-get install dataset-fashion-mnist")

    for name, (md5, _) in PUBLISHED.items():
        assert hashlib.md5(upstream_bytes(place / name)).hexdigest() == md5

    whole = fashion_mnist.load_data()
    assert [images.shape for images, _ in whole] == [(60_000, 28, 28), (10_000, 28, 28)]
    for part, embedded in zip(("train", "t10k"), fashion_mnist.load_embedded(), strict=True):
        # The whole set is read as Keras's loader reads it, without the code under test.
        labels = gzip.decompress((place / f"{part}-labels-idx1-ubyte.gz").read_bytes())[8:]
        pixels = gzip.decompress((place / f"{part}-images-idx3-ubyte.gz").read_bytes())[16:]
        known = {
            (pixels[784 * position : 784 * (position + 1)], label)
            for position, label in enumerate(labels)
        }
        assert all(
            (image.tobytes(), label) in known
            for image, label in zip(embedded[0], embedded[1].tolist(), strict=True)
        )

    # Making it again gives the same arrays. (The same bytes too, unless zlib changes.)
    monkeypatch.setattr("sys.argv", [os.fspath(SCRIPT), "--into", os.fspath(tmp_path)])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    for name in PUBLISHED:
        made = gzip.decompress((tmp_path / name).read_bytes())
        assert made == gzip.decompress((PLACE / name).read_bytes())
