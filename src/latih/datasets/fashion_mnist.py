"""Fashion-MNIST: 70,000 grey images of clothes, 28 by 28, in ten classes.

Reference: Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
Learning Algorithms", https://arxiv.org/abs/1708.07747. The images are Zalando SE's, under the MIT
licence.
"""

import hashlib
import io
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latih.datasets.idx import idx_header, parse_idx, read_idx
from latih.downloads import NOT_TO_BE_HAD, download
from latih.errors import DataUnavailableError, FileFormatError
from latih.files import cache_directory, write_atomically

Part = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Images of shape (count, 28, 28) in 0..255, and labels of shape (count,) in 0..9."""

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

# The SHA-256 of what each file holds once uncompressed, in the order in which they are fetched: the
# small ones first, so that a closed network shows itself soon. The compressed bytes will not do:
# Debian takes the name and the time out of the gzip headers, so its files are not upstream's byte
# for byte. (Putting the name and the time back, 2017-08-31 10:50:06 for the training files and
# 10:50:27 UTC for the others, gives the MD5s that upstream publishes: the contents are the same.)
# MNIST's files bear the same names and shapes, so what lies in the cache is checked each time too.
_CONTENT_SHA256 = {
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    "train-labels-idx1-ubyte.gz": (
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
    ),
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "train-images-idx3-ubyte.gz": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
    ),
}
_LARGEST_ARRAY_BYTES = 60_000 * 28 * 28
_LARGEST_DOWNLOAD_BYTES = 32 << 20

_BASE_ADDRESS = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"
_FOLDER_NAME = "fashion-mnist"
_DEBIAN_PLACE = Path("/usr/share/datasets/fashion-mnist")
_EMBEDDED_PLACE = Path(__file__).parent / "embedded"


def load_data() -> tuple[Part, Part]:
    """Load the whole of Fashion-MNIST, as ``keras.datasets.fashion_mnist.load_data`` does.

    Read from the first of these places that has all four files, so that a machine without a network
    can train: ``$LATIH_DATA/fashion-mnist`` or ``$LATIH_DATA`` itself; the user's cache
    (``$XDG_CACHE_HOME`` or ``~/.cache``, then ``latih/fashion-mnist``); the directory of Debian's
    package ``dataset-fashion-mnist``. Otherwise the files are downloaded (30 MB) into the cache.
    What stands under ``LATIH_DATA`` is the user's own choice and is taken as it is, a piece of the
    whole set for example; what the other places hold must be Fashion-MNIST to the bit.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, uint8 arrays of 60,000 and 10,000 images.

    Raises:
        DataUnavailableError: no place has the files and the network does not either.
        FileFormatError: a file is damaged, or is not Fashion-MNIST's.
        UnwritableError: the cache cannot be written.

    Example:
        Where the files or a network are::

            (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
    """
    place = where() or _download()
    return _read_part(place, "train"), _read_part(place, "t10k")


def load_embedded() -> tuple[Part, Part]:
    """Load the class-balanced piece of Fashion-MNIST that the package carries.

    It needs neither a network nor an installed data set, and trains in seconds: for first steps,
    tests and documentation. Made by ``benchmarks/make_embedded_subset.py`` of the repository.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, uint8 arrays of 5,000 and 1,000 images.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_embedded()
        >>> x_train.shape, x_test.shape
        ((5000, 28, 28), (1000, 28, 28))
        >>> np.bincount(y_test)
        array([100, 100, 100, 100, 100, 100, 100, 100, 100, 100])
    """
    parts = [
        (
            read_idx(_EMBEDDED_PLACE / f"{part}-images-idx3-ubyte.gz", dimensions=3),
            read_idx(_EMBEDDED_PLACE / f"{part}-labels-idx1-ubyte.gz", dimensions=1),
        )
        for part in ("train", "t10k")
    ]
    return parts[0], parts[1]


def where() -> Path | None:
    """Tell the directory that `load_data` would read, without reading it.

    Returns:
        The directory, or None if `load_data` would download.
    """
    places = [*_chosen_places(), _cache_place(), _DEBIAN_PLACE]
    return next((place for place in places if not _missing_files(place)), None)


def where_embedded() -> Path | None:
    """Tell the directory that `load_embedded` would read.

    Returns:
        The directory inside the package, or None if the installation lost its files.
    """
    return None if _missing_files(_EMBEDDED_PLACE) else _EMBEDDED_PLACE


def _chosen_places() -> list[Path]:
    # An empty variable counts as unset, as shells and the XDG specification have it.
    chosen = os.environ.get("LATIH_DATA")
    if not chosen:
        return []
    directory = Path(os.path.expanduser(chosen))
    return [directory / _FOLDER_NAME, directory]


def _cache_place() -> Path:
    return cache_directory() / _FOLDER_NAME


def _missing_files(place: Path) -> list[str]:
    # Unlike Path.is_file, this takes a directory that may not be entered for one without the file.
    return [name for name in _CONTENT_SHA256 if not os.path.isfile(place / name)]


def _read_part(place: Path, part: str) -> Part:
    return _read(place, f"{part}-images-idx3-ubyte.gz"), _read(
        place, f"{part}-labels-idx1-ubyte.gz"
    )


def _read(place: Path, name: str) -> NDArray[np.uint8]:
    array = read_idx(place / name, dimensions=_dimensions(name), largest_bytes=_LARGEST_ARRAY_BYTES)
    if place not in _chosen_places():
        _require_fashion_mnist(array, name=name, source=str(place / name))
    return array


def _dimensions(name: str) -> int:
    return 3 if "images" in name else 1


def _require_fashion_mnist(array: NDArray[np.uint8], *, name: str, source: str) -> None:
    digest = hashlib.sha256(idx_header(array))
    digest.update(array.data)
    if digest.hexdigest() != _CONTENT_SHA256[name]:
        raise FileFormatError(
            f"{source!r} is not Fashion-MNIST's",
            expected=f"contents of SHA-256 {_CONTENT_SHA256[name]}",
            got=f"{digest.hexdigest()}, an array of shape {array.shape}",
            fix="MNIST's files bear the same names: see that these are not they, or delete the "
            "file and fetch it again.",
        )


def _download() -> Path:
    cache = _cache_place()
    for name in _missing_files(cache):
        compressed = _fetch(_BASE_ADDRESS + name)
        array = parse_idx(
            io.BytesIO(compressed),
            name=_BASE_ADDRESS + name,
            dimensions=_dimensions(name),
            largest_bytes=_LARGEST_ARRAY_BYTES,
        )
        _require_fashion_mnist(array, name=name, source=_BASE_ADDRESS + name)
        with write_atomically(cache / name) as file:
            file.write(compressed)
    return cache


def _fetch(address: str) -> bytes:
    try:
        return download(address, _LARGEST_DOWNLOAD_BYTES)
    except NOT_TO_BE_HAD as error:
        raise DataUnavailableError(
            "Fashion-MNIST is neither on this machine nor to be had from the network",
            expected=f"its four files in {str(_cache_place())!r} or {str(_DEBIAN_PLACE)!r}, or an "
            f"answer from {address}",
            got=f"{type(error).__name__}: {error}",
            fix="Install them with `apt-get install dataset-fashion-mnist`, or put them into a "
            "directory and name it in LATIH_DATA; `latih train` without an argument needs neither, "
            "as it uses the images that the package carries.",
        ) from error
