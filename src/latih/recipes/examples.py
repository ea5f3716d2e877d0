"""Examples to train, validate and test on, from a known data set or from files."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latih import random
from latih.data import as_array, label_shift
from latih.data.arrays import require_same_length
from latih.data.mapped import is_large
from latih.data.strata import stratified_split
from latih.errors import InputError, LatihWarning
from latih.recipes.files import find_dataset, read_data
from latih.recipes.image_folder import read_picture_classes

VALIDATION_FRACTION = 0.1
TEST_FRACTION = 0.1
MOST_CLASSES = 1000


@dataclass(frozen=True)
class Examples:
    """A data set in three parts.

    Args:
        name: what it is called on the page.
        training: inputs and targets to learn from.
        validation: those to choose the best epoch by.
        test: those to judge by, once.
        class_names: what each label means; empty for a regression.
    """

    name: str
    training: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    class_names: tuple[str, ...]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return tuple(self.training[0].shape[1:])


def load_examples(
    source: str | os.PathLike[str], seed: int, *, picture_size: int | None = None
) -> Examples:
    """Load examples, and hold some back.

    Args:
        source: the name of a known data set; or what :func:`~latih.recipes.files.read_data` reads:
            an ``.npz`` file, a directory with ``x.npy`` and ``y.npy`` or with IDX files, a
            ``.parquet`` file, or a directory with a folder of images for each class. Whole numbers
            in ``y`` are classes, others are a quantity.
        seed: what the split follows from.
        picture_size: the height and width that pictures are stretched to, and that in three
            colours, as a fine-tuned net takes them; None for small ones, as a dense net does.

    Returns:
        The examples in three parts; classes are spread over them in their proportions.

    Raises:
        UnknownNameError: neither a data set nor a file of that name.
        FileFormatError: the file holds something else.
        InputError: there are too few examples to hold any back.
    """
    path = Path(source)
    if picture_size is not None:
        found = read_picture_classes(path, picture_size)
        arrays = {"x": found.pictures.x, "y": found.labels}
        return _in_three(path.name, arrays, found.class_names, seed)
    if path.suffix in (".npz", ".parquet") or path.exists():
        return _in_three(path.name, *read_data(path), seed)
    dataset = find_dataset(source)
    training, test = dataset.load()
    kept, held = _split(*training, VALIDATION_FRACTION, seed, stratify=True)
    return Examples(dataset.name, kept, held, test, tuple(dataset.class_names))


def _in_three(
    name: str, arrays: dict[str, np.ndarray], class_names: Sequence[str] | None, seed: int
) -> Examples:
    x, y = _pair(arrays, "x", "y")
    classes = _classes(y)
    if {"x_test", "y_test"} <= set(arrays):
        test = _pair(arrays, "x_test", "y_test")
        _require_alike(x, classes, *test)
    else:
        (x, y), test = _split(x, y, TEST_FRACTION, random.mix(seed, 1), stratify=classes > 0)
    kept, held = _split(x, y, VALIDATION_FRACTION, seed, stratify=classes > 0)
    names = tuple(class_names or map(str, range(classes)))
    return Examples(name, kept, held, test, names)


def _pair(arrays: dict[str, np.ndarray], x: str, y: str) -> tuple[np.ndarray, np.ndarray]:
    # The checks that fit() makes too, made on all before some are held back.
    require_same_length(**{name: as_array(arrays[name], name) for name in (x, y)})
    targets = arrays[y]
    return arrays[x], targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets


def _require_alike(x: np.ndarray, classes: int, x_test: np.ndarray, y_test: np.ndarray) -> None:
    if x_test.shape[1:] != x.shape[1:]:
        raise InputError(
            "`x_test` holds examples of another shape than `x`",
            expected=str(x.shape[1:]),
            got=str(x_test.shape[1:]),
        )
    if _classes(y_test) > classes:
        raise InputError(
            "`y_test` holds classes that `y` does not",
            expected=f"0..{classes - 1}",
            got=f"up to {_classes(y_test) - 1}",
        )


def _classes(y: np.ndarray) -> int:
    # Whole numbers are classes; how many, the largest says. Zero means a quantity.
    if y.dtype.kind not in "iub" or y.ndim != 1 or not len(y):
        return 0
    lowest, highest = int(y.min()), int(y.max())
    if lowest < 0 or highest >= MOST_CLASSES:
        raise InputError(
            "`y` holds whole numbers that cannot be classes",
            expected=f"class numbers from 0 to at most {MOST_CLASSES - 1}",
            got=f"{lowest} to {highest}",
            fix="Number the classes from 0, or give a quantity as floats.",
        )
    return highest + 1


def _split(
    x: np.ndarray, y: np.ndarray, fraction: float, seed: int, *, stratify: bool
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    if is_large(x):
        return _split_last(x, y, fraction)
    classes = y if stratify else np.zeros(len(y), np.int64)
    first, last = stratified_split(classes, fraction, seed)
    if not len(last):
        raise InputError(
            "there are too few examples to hold any back",
            expected="at least two of some class",
            got=f"{len(y)} in all",
            fix="Give more examples.",
        )
    return (x[first], y[first]), (x[last], y[last])


def _split_last(
    x: np.ndarray, y: np.ndarray, fraction: float
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    # Rows chosen from a large map would be copied into memory.
    at = len(x) - round(fraction * len(x))
    told = label_shift(as_array(y[:at], "y"), as_array(y[at:], "y"))
    if told:
        warnings.warn(told.replace("validation_split", "the recipe"), LatihWarning, stacklevel=4)
    return (x[:at], y[:at]), (x[at:], y[at:])
