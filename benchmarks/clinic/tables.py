"""Real tables, read out of packages that are not installed; None where a package is not there."""

import csv
import gzip
import io
import zipfile
from collections.abc import Sequence
from functools import cache

import numpy as np
from data import Array
from places import file_of, folder

try:
    import pyreadr
except ImportError:  # it reads letters only, and nothing else asks for it
    pyreadr = None

SKLEARN, PLOTNINE, FAIRNESS = "scikit_learn-*.whl", "plotnine-*.whl", "fairness-*"
LETTERS = "**/mlbench/data/LetterRecognition.rda"

Table = tuple[Array, Array]
"""Features, a row an example, and class numbers or values."""


def _member(package: str, name: str) -> str | None:
    found = file_of(package)
    if found is None:
        return None
    with zipfile.ZipFile(found) as archive:
        content = archive.read(name)
    return (gzip.decompress(content) if name.endswith(".gz") else content).decode()


def _rows(text: str, separator: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text), delimiter=separator))


def _numbers(name: str, separator: str | None = ",", skip: int = 0) -> Array | None:
    text = _member(SKLEARN, f"sklearn/datasets/data/{name}")
    if text is None:
        return None
    return np.loadtxt(io.StringIO(text), delimiter=separator, skiprows=skip, dtype=np.float64)


def _last_is_class(name: str, skip: int) -> Table | None:
    numbers = _numbers(name, skip=skip)
    return None if numbers is None else (numbers[:, :-1], numbers[:, -1].astype(np.int64))


@cache
def breast_cancer() -> Table | None:
    """569 tumours, 30 measures, malignant or benign."""
    return _last_is_class("breast_cancer.csv", 1)


@cache
def wine() -> Table | None:
    """178 wines, 13 measures, three growers."""
    return _last_is_class("wine_data.csv", 1)


@cache
def iris() -> Table | None:
    """150 flowers, 4 measures, three kinds."""
    return _last_is_class("iris.csv", 1)


@cache
def digits() -> Table | None:
    """1,797 digits of 8 by 8 dots, 0..16."""
    return _last_is_class("digits.csv.gz", 0)


@cache
def diabetes() -> Table | None:
    """442 patients, 10 measures, how far the illness has gone a year later."""
    x = _numbers("diabetes_data_raw.csv.gz", None)
    y = _numbers("diabetes_target.csv.gz", None)
    return None if x is None or y is None else (x, y)


@cache
def diamonds() -> Table | None:
    """53,940 diamonds, 23 columns with the grades one-hot, the logarithm of the price."""
    text = _member(PLOTNINE, "plotnine/data/diamonds.csv")
    if text is None:
        return None
    header, *rows = _rows(text)
    return _columns(header, rows, words=("cut", "color", "clarity"), target="price")


@cache
def adult() -> Table | None:
    """32,561 Americans, whether each earns more than 50,000 dollars a year."""
    text = _member(FAIRNESS, "fairness/data/raw/adult.csv")
    if text is None:
        return None
    header, *rows = _rows(text)
    target = header[-1]
    words = [name for i, name in enumerate(header[:-1]) if not _is_number(rows[0][i])]
    rows = [row for row in rows if len(row) == len(header)]
    x, _ = _columns(header, rows, words=words, target=None)
    return x, np.array([">50K" in row[header.index(target)] for row in rows], dtype=np.int64)


@cache
def letters() -> Table | None:
    """20,000 letters of many founts, 16 measures, A to Z."""
    found = sorted(folder().glob(LETTERS)) if folder().is_dir() else []
    if not found or pyreadr is None:
        return None
    frame = pyreadr.read_r(str(found[-1]))["LetterRecognition"]
    kinds = sorted(set(frame["lettr"]))
    y = np.array([kinds.index(letter) for letter in frame["lettr"]], dtype=np.int64)
    return frame.drop(columns="lettr").to_numpy(dtype=np.float64), y


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _columns(
    header: Sequence[str], rows: list[list[str]], words: Sequence[str], target: str | None
) -> Table:
    """Return numbers as they are and words one-hot; the target by its logarithm."""
    columns = []
    for i, name in enumerate(header):
        values = [row[i].strip() for row in rows]
        if name in words:
            kinds = sorted(set(values))
            columns += [np.array([value == kind for value in values]) for kind in kinds]
        elif name != target and _is_number(values[0]):
            columns.append(np.array(values, dtype=np.float64))
    y = np.zeros(len(rows))
    if target is not None:
        y = np.log(np.array([row[header.index(target)] for row in rows], dtype=np.float64))
    return np.stack(columns, axis=1).astype(np.float64), y
