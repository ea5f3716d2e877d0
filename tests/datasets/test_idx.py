"""The IDX reader against bytes built by hand, and against files that lie."""

import gzip
import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from latih.datasets.idx import idx_header, parse_idx, read_idx, read_idx_directory, write_idx
from latih.errors import DataUnavailableError, FileFormatError, InputError

TWO_IMAGES = bytes.fromhex("00000803 00000002 00000001 00000003") + bytes([1, 2, 3, 253, 254, 255])
FOUR_LABELS = bytes.fromhex("00000801 00000004") + bytes([9, 0, 7, 3])
LITTLE = 8 << 20


def put(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    return path


def refusal(path: Path, *, dimensions: int, **limits: int) -> str:
    """The error's sentence, after checking that no more than a little memory was taken."""
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError) as caught:
            read_idx(path, dimensions=dimensions, **limits)
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_reads_images_built_by_hand(tmp_path: Path) -> None:
    images = read_idx(put(tmp_path, gzip.compress(TWO_IMAGES)), dimensions=3)
    assert images.dtype == np.uint8
    assert images.tolist() == [[[1, 2, 3]], [[253, 254, 255]]]
    images[0, 0, 0] = 9  # Keras's arrays can be written to; so can these.


def test_reads_labels_built_by_hand(tmp_path: Path) -> None:
    labels = read_idx(put(tmp_path, gzip.compress(FOUR_LABELS)), dimensions=1)
    assert labels.tolist() == [9, 0, 7, 3]


def test_reads_a_plain_file(tmp_path: Path) -> None:
    images = read_idx(put(tmp_path, TWO_IMAGES), dimensions=3)
    assert images.tolist() == [[[1, 2, 3]], [[253, 254, 255]]]
    images[0, 0, 0] = 9


@pytest.mark.parametrize("sign", "-.")
def test_reads_a_directory_as_mnist_comes(sign: str, tmp_path: Path) -> None:
    for part, content in (("images{}idx3", TWO_IMAGES), ("labels{}idx1", FOUR_LABELS)):
        (tmp_path / f"train-{part.format(sign)}-ubyte").write_bytes(content)
        (tmp_path / f"t10k-{part.format(sign)}-ubyte.gz").write_bytes(gzip.compress(content))
    found = read_idx_directory(tmp_path)
    assert {name: array.shape for name, array in found.items()} == {
        **{"x": (2, 1, 3), "y": (4,), "x_test": (2, 1, 3), "y_test": (4,)}
    }
    (tmp_path / f"train-labels{sign}idx1-ubyte").unlink()
    with pytest.raises(DataUnavailableError, match="no training labels"):
        read_idx_directory(tmp_path)


def test_reads_an_array_of_more_than_one_chunk(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (3, 1 << 20), dtype=np.uint8)
    content = bytes.fromhex("00000802 00000003 00100000") + values.tobytes()
    path = put(tmp_path, gzip.compress(content, compresslevel=1))
    assert np.array_equal(read_idx(path, dimensions=2), values)


def test_reads_an_array_of_nothing(tmp_path: Path) -> None:
    empty = gzip.compress(bytes.fromhex("00000803 00000000 0000001c 0000001c"))
    assert read_idx(put(tmp_path, empty), dimensions=3).shape == (0, 28, 28)


def test_writes_the_bytes_built_by_hand(tmp_path: Path) -> None:
    images = np.array([[[1, 2, 3]], [[253, 254, 255]]], dtype=np.uint8)
    path = tmp_path / "images.gz"
    write_idx(path, images)
    assert gzip.decompress(path.read_bytes()) == TWO_IMAGES
    # A view whose values do not lie in memory in their order is written in their order.
    write_idx(path, np.asfortranarray(images))
    assert gzip.decompress(path.read_bytes()) == TWO_IMAGES


def test_writes_neither_time_nor_name(tmp_path: Path) -> None:
    labels = np.arange(10, dtype=np.uint8)
    write_idx(tmp_path / "one.gz", labels)
    write_idx(tmp_path / "another.gz", labels)
    one = (tmp_path / "one.gz").read_bytes()
    assert one == (tmp_path / "another.gz").read_bytes()
    # RFC 1952: byte 3 holds the flags (8 says that a name follows), bytes 4 to 7 the time.
    assert one[3] == 0
    assert one[4:8] == bytes(4)


@pytest.mark.parametrize(
    "array",
    [np.zeros(3, dtype=np.float32), np.zeros((), dtype=np.uint8), np.zeros(3, dtype=np.int8)],
)
def test_refuses_to_write_what_idx_bytes_cannot_hold(array: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected dtype uint8.*got dtype"):
        write_idx(tmp_path / "file.gz", array)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", [0.05, 0.5, 0.9, 0.999])
def test_refuses_a_truncated_file(kept: float, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (50, 28, 28), dtype=np.uint8)
    whole = gzip.compress(idx_header(noise) + noise.tobytes())
    path = put(tmp_path, whole[: int(len(whole) * kept)])
    assert "cannot be uncompressed" in refusal(path, dimensions=3)


def test_refuses_a_flipped_bit_by_the_checksum_of_gzip(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (50, 28, 28), dtype=np.uint8)
    # Level 0 stores the bytes as they are, so that only the checksum can tell.
    damaged = bytearray(gzip.compress(idx_header(noise) + noise.tobytes(), compresslevel=0))
    damaged[5_000] ^= 1
    assert "CRC check failed" in refusal(put(tmp_path, bytes(damaged)), dimensions=3)


NOT_SUCH_FILES = {
    "nothing": (b"", "an empty file"),
    "a login page": (b"<html>Log in to this network</html>", "cannot be uncompressed"),
    "too few, plain": (TWO_IMAGES[:-1], "6 bytes for shape (2, 1, 3), got 5 bytes"),
    "too many, plain": (TWO_IMAGES + b"\x00", "6 bytes for shape (2, 1, 3), got more"),
    "floats, plain": (b"\x00\x00\x0d\x03" + TWO_IMAGES[4:], "got 0x00000d03"),
    "half a shape, plain": (TWO_IMAGES[:10], "expected 12 bytes of them, got 6 bytes"),
    "nothing in gzip": (gzip.compress(b""), "an empty file"),
    "half a magic number": (gzip.compress(bytes(2)), "got 0x0000"),
    "labels": (gzip.compress(FOUR_LABELS), "expected the magic number 0x00000803, got 0x00000801"),
    "floats": (gzip.compress(b"\x00\x00\x0d\x03" + TWO_IMAGES[4:]), "got 0x00000d03"),
    "no leading zeros": (gzip.compress(b"\x01\x00\x08\x03" + TWO_IMAGES[4:]), "got 0x01000803"),
    "half a shape": (gzip.compress(TWO_IMAGES[:10]), "expected 12 bytes of them, got 6 bytes"),
    "too few": (gzip.compress(TWO_IMAGES[:-1]), "6 bytes for shape (2, 1, 3), got 5 bytes"),
    "too many": (gzip.compress(TWO_IMAGES + b"\x00"), "6 bytes for shape (2, 1, 3), got more"),
    "rubbish after gzip": (gzip.compress(TWO_IMAGES) + b"rubbish", "cannot be uncompressed"),
    "a second gzip member": (gzip.compress(TWO_IMAGES) + gzip.compress(b"again"), "got more"),
}


@pytest.mark.parametrize("kind", NOT_SUCH_FILES)
def test_refuses_what_is_not_such_a_file(kind: str, tmp_path: Path) -> None:
    content, told = NOT_SUCH_FILES[kind]
    assert told in refusal(put(tmp_path, content), dimensions=3)


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ("ffffffff ffffffff ffffffff", "declares too large an array"),
        # Just below the limit, so that only counting what really comes helps.
        ("00100000 00000010 00000020", "got 6 bytes"),
    ],
)
def test_a_huge_declared_count_takes_no_memory(sizes: str, told: str, tmp_path: Path) -> None:
    content = bytes.fromhex("00000803" + sizes) + bytes(6)
    assert told in refusal(put(tmp_path, gzip.compress(content)), dimensions=3)


def test_a_bomb_behind_a_small_count_takes_no_memory(tmp_path: Path) -> None:
    bomb = gzip.compress(TWO_IMAGES + bytes(64 << 20), compresslevel=1)
    assert "got more" in refusal(put(tmp_path, bomb), dimensions=3)


def test_an_honest_bomb_is_stopped_by_the_limit(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes.fromhex("00000801 04000000") + bytes(64 << 20), compresslevel=1)
    path = put(tmp_path, bomb)
    told = refusal(path, dimensions=1, largest_bytes=32 << 20)
    assert "expected at most 33554432 bytes" in told


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataUnavailableError, match=r"cannot read .*FileNotFoundError"):
        read_idx(tmp_path / "none.gz", dimensions=1)
    with pytest.raises(DataUnavailableError, match=r"cannot read .*IsADirectoryError"):
        read_idx(tmp_path, dimensions=1)


def test_parses_an_open_file_under_the_name_given() -> None:
    labels = parse_idx(io.BytesIO(gzip.compress(FOUR_LABELS)), name="somewhere", dimensions=1)
    assert labels.tolist() == [9, 0, 7, 3]
    with pytest.raises(FileFormatError, match="'somewhere' cannot be uncompressed"):
        parse_idx(io.BytesIO(b"no"), name="somewhere", dimensions=1)
