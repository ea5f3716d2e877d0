"""Folders of images as batches: Keras's ``image_dataset_from_directory``."""

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latih.arguments import number, one_of, whole
from latih.data.batches import order
from latih.data.file_datasets import FileDataset
from latih.data.image_files import (
    CHANNELS,
    FILTERS,
    Decoding,
    class_folders,
    find_images,
    pillow_image,
)
from latih.errors import InputError

OWNER = "image_dataset_from_directory()"
_BATCHES_AHEAD = 2
_MOST_THREADS = 8


class ImageDataset(FileDataset):
    """Batches of images, decoded by a few threads ahead of the step that needs them.

    Args:
        file_paths: where the images are.
        labels: the class of each; None for images alone.
        class_names: what the classes are called; None without labels.
        label_mode: ``"int"``, ``"binary"`` or ``"categorical"``.
        decoding: how a file becomes an array.
        batch_size: how many images a batch has.
        shuffle: whether each pass has an order of its own.
        seed: what these orders follow from; None for the seed of ``fit()``.
    """

    def __init__(
        self,
        file_paths: Sequence[str],
        labels: np.ndarray | None,
        class_names: list[str] | None,
        label_mode: str,
        decoding: Decoding,
        *,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
    ) -> None:
        super().__init__(len(file_paths), batch_size, shuffle, seed)
        self.file_paths, self._size = list(file_paths), int(batch_size)
        self.class_names = class_names
        self.labels, self.label_mode, self.decoding = labels, label_mode, decoding
        self._targets = None if labels is None else _encoded(labels, class_names or [], label_mode)

    def fingerprint(self) -> dict[str, Any]:
        """Return a hash of the files' names, sizes and labels, and how they are decoded."""
        digest = hashlib.sha256()
        for path in self.file_paths:
            told = (*Path(path).parts[-2:], os.path.getsize(path))
            digest.update(repr(told).encode())
        digest.update(b"" if self.labels is None else self.labels.tobytes())
        return {"files": digest.hexdigest(), "decoding": repr(self.decoding)}

    def _read(self, seed: int, epoch: int, first: int) -> Iterator[Any]:
        rows = order(len(self.file_paths), self.shuffle, seed, epoch)[first * self._size :]
        threads = min(_MOST_THREADS, os.cpu_count() or 1)
        waiting: deque[tuple[Any, list[Future[None]]]] = deque()
        # Leaving the block waits for the images in work: no thread outlives the pass.
        with ThreadPoolExecutor(threads, "latih-images") as pool:
            try:
                for chosen in rows.split(self._size) if len(rows) else ():
                    images = np.empty((len(chosen), *self.decoding.shape), np.float32)
                    jobs = [
                        pool.submit(self._decode_into, images, place, row)
                        for place, row in enumerate(chosen.tolist())
                    ]
                    waiting.append((self._item(images, chosen), jobs))
                    if len(waiting) > _BATCHES_AHEAD:
                        yield _finished(*waiting.popleft())
                while waiting:
                    yield _finished(*waiting.popleft())
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _decode_into(self, images: np.ndarray, place: int, row: int) -> None:
        images[place] = self.decoding.decode(self.file_paths[row])

    def _item(self, images: np.ndarray, rows: torch.Tensor) -> Any:
        inputs = torch.from_numpy(images)
        return inputs if self._targets is None else (inputs, self._targets[rows])


def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int = 32,
    image_size: int | tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Read a directory with a folder of images for each class, batch by batch.

    The images stay on the disk: threads decode those of the next batches while one is trained on.
    Files and labels are Keras's, those of a split too. Pixels are pillow's, which smooths when it
    shrinks an image, as ``load_img`` does.

    Args:
        directory: with one folder a class, or with images if labels are given or None.
        labels: ``"inferred"`` from the folders; a whole number for each file, sorted by path; or
            None for images alone.
        label_mode: ``"int"``; ``"binary"`` for 0.0 and 1.0 of two classes; ``"categorical"`` for
            one-hot rows; None for images alone.
        class_names: the folders, in the order of their labels; by default all, sorted.
        color_mode: ``"grayscale"``, ``"rgb"`` or ``"rgba"``.
        batch_size: how many images a batch has, >= 1.
        image_size: height and width in pixels, or one number for both.
        shuffle: whether each pass has an order of its own; else the files are sorted by path.
        seed: what the split and the orders follow from; None for the seed of ``fit()``.
        validation_split: the fraction to hold back, between 0 and 1; ``subset`` says which part.
        subset: ``"training"``, ``"validation"``, or ``"both"`` for a list of the two.
        interpolation: ``"bilinear"``, ``"nearest"``, ``"bicubic"``, ``"area"`` or ``"lanczos3"``.
        follow_links: whether folders are entered by symbolic links.
        crop_to_aspect_ratio: whether the edges are cut off where the proportions differ.
        pad_to_aspect_ratio: whether black is added there.
        data_format: ``"channels_last"``.
        format: nothing: Keras's choice between two packages, neither of which is needed.
        verbose: whether to say how many files were found.

    Shapes:
        a batch: images ``(n, height, width, channels)``, float32 from 0 to 255; labels ``(n,)``
        int32, ``(n, 1)`` or ``(n, classes)`` float32.

    Returns:
        What ``fit``, ``evaluate`` and ``predict`` take and what can be iterated, with
        ``class_names`` and ``file_paths``; a list of two for ``subset="both"``.

    Raises:
        InputError: an argument cannot be used, or there are no images.
        MissingExtraError: the package pillow is not installed.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     for name in ("cat", "dog"):
        ...         (Path(directory) / name).mkdir()
        ...         Image.new("RGB", (8, 6)).save(Path(directory) / name / "1.png")
        ...     data = image_dataset_from_directory(directory, image_size=(4, 4))
        ...     images, labels = next(iter(data))
        Found 2 files belonging to 2 classes.
        >>> data.class_names, tuple(images.shape), sorted(labels.tolist())
        (['cat', 'dog'], (2, 4, 4, 3), [0, 1])
    """
    pillow_image()
    one_of(data_format, "data_format", OWNER, [None, "channels_last"])
    one_of(format, "format", OWNER, ["tf", "grain"])
    mode = one_of(label_mode, "label_mode", OWNER, ["int", "categorical", "binary", None])
    decoding = Decoding(
        _size(image_size),
        one_of(color_mode, "color_mode", OWNER, list(CHANNELS)),
        one_of(interpolation, "interpolation", OWNER, list(FILTERS)),
        "pad" if pad_to_aspect_ratio else "crop" if crop_to_aspect_ratio else "stretch",
    )
    _check_split(validation_split, subset, shuffle, seed)
    if labels is None or mode is None:
        labels = mode = None
    paths, numbers, names = _listed(Path(directory), labels, class_names, follow_links)
    if mode == "binary" and len(names or ()) != 2:
        raise InputError(
            '`label_mode="binary"` needs two classes', expected="two", got=str(len(names or ()))
        )
    if verbose:
        told = "" if names is None else f" belonging to {len(names)} classes"
        print(f"Found {len(paths)} files{told}.")
    if shuffle and seed is not None:  # Keras's order, and so its split
        chosen = np.arange(len(paths))
        np.random.RandomState(seed).shuffle(chosen)
        paths = [paths[row] for row in chosen]
        numbers = None if numbers is None else numbers[chosen]

    def dataset(part: slice, shuffled: bool) -> ImageDataset:
        return ImageDataset(
            _some(paths[part], directory),
            None if numbers is None else numbers[part],
            names,
            mode or "int",
            decoding,
            batch_size=batch_size,
            shuffle=shuffled,
            seed=seed,
        )

    if not validation_split:
        return dataset(slice(None), shuffle)
    held = int(validation_split * len(paths))
    training, validation = slice(0, len(paths) - held), slice(len(paths) - held, None)
    if subset == "both":
        return [dataset(training, shuffle), dataset(validation, False)]
    return dataset(training if subset == "training" else validation, shuffle)


def _listed(
    directory: Path, labels: Any, class_names: Sequence[str] | None, follow_links: bool
) -> tuple[list[str], np.ndarray | None, list[str] | None]:
    """Return the files, their labels and the names of the classes."""
    folders = class_folders(directory)
    if isinstance(labels, str):
        one_of(labels, "labels", OWNER, ["inferred"])
        if class_names is not None and not set(class_names) <= set(folders):
            raise InputError(
                "`class_names` are not the folders of the directory",
                expected=", ".join(map(repr, folders)),
                got=", ".join(map(repr, class_names)),
            )
        names = folders if class_names is None else list(class_names)
        files = find_images(directory, names, follow_links)
        numbers = np.repeat(np.arange(len(names), dtype=np.int32), [len(part) for part in files])
        return [path for part in files for path in part], numbers, names
    if class_names is not None:
        raise InputError(
            "`class_names` cannot be given where labels are not inferred from folders",
            expected='labels="inferred"',
            got=f"labels of {type(labels).__name__}",
        )
    (paths,) = find_images(directory, [""], follow_links)
    if labels is None:
        return paths, None, None
    if len(labels) != len(paths):
        raise InputError(
            "`labels` do not fit the files",
            expected=f"{len(paths)}, one for each image",
            got=str(len(labels)),
        )
    given = [whole(label, "labels", OWNER, least=0) for label in labels]
    return paths, np.array(given, np.int32), [str(label) for label in sorted(set(given))]


def _encoded(labels: np.ndarray, names: list[str], mode: str) -> torch.Tensor:
    numbers = torch.from_numpy(labels)
    if mode == "binary":
        return numbers.float()[:, None]
    if mode == "categorical":
        return torch.nn.functional.one_hot(numbers.long(), len(names)).float()
    return numbers


def _size(image_size: Any) -> tuple[int, int]:
    sizes = image_size if isinstance(image_size, list | tuple) else (image_size, image_size)
    if len(sizes) != 2:
        raise InputError(
            f"`image_size` of {OWNER} cannot be used",
            expected="(height, width)",
            got=repr(image_size),
        )
    height, width = (whole(size, "image_size", OWNER, least=1) for size in sizes)
    return height, width


def _check_split(split: Any, subset: Any, shuffle: bool, seed: int | None) -> None:
    one_of(subset, "subset", OWNER, ["training", "validation", "both", None])
    if split:
        number(split, "validation_split", OWNER, above=0, below=1)
    if bool(split) != (subset is not None):
        raise InputError(
            "`validation_split` and `subset` need each other",
            expected="both, or neither",
            got=f"validation_split={split!r}, subset={subset!r}",
        )
    if split and shuffle and seed is None:
        raise InputError(
            "`validation_split` of shuffled files needs a seed, or the two parts may overlap",
            expected="seed=, the same for both parts",
            got="None",
        )


def _some(paths: list[str], directory: Any) -> list[str]:
    if not paths:
        raise InputError(
            f"there are no images in {os.fspath(directory)!r} for this part",
            expected="at least one BMP, GIF, JPEG or PNG file",
            got="none",
        )
    return paths


def _finished(item: Any, jobs: list[Future[None]]) -> Any:
    for job in jobs:
        job.result()
    return item
