"""What an HDF5 file of weights may say: plain arrays in plain groups, all in this one file.

The format can do much more: arrays kept in other files, put together out of other files, packed,
linked from elsewhere. Keras's files use none of it, and every bit of it has been abused.
"""

from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np

from latih.errors import FileFormatError, LatihError

ANOTHER_MODELS = "The weights are another model's: build the model as it was when they were saved."
PLAIN_LAYOUTS = (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS)


def read_array(group: h5py.Group, name: str, shape: Sequence[int], what: str) -> np.ndarray:
    """Read one array of a weights file: of this shape, stored in this file, as plain numbers.

    Args:
        group: where it stands.
        name: what it is called there.
        shape: the shape that the model expects.
        what: what it is to the user, for the error's sentence.

    Raises:
        FileFormatError: it is missing, or a link, or stored elsewhere, or of another shape or kind.
    """
    dataset = _plain_child(group, name, what)
    if not isinstance(dataset, h5py.Dataset):
        raise FileFormatError(f"{what} is missing", expected="an array", got="a group")
    if dataset.external is not None or dataset.is_virtual:
        raise FileFormatError(f"{what} is stored in another file, which is not opened")
    if dataset.shape is None or tuple(dataset.shape) != tuple(shape):
        raise FileFormatError(
            f"{what} does not fit the model",
            expected=f"shape {tuple(shape)}",
            got="nothing" if dataset.shape is None else f"shape {tuple(dataset.shape)}",
            fix=ANOTHER_MODELS,
        )
    if dataset.dtype.kind not in "fiu" or dataset.dtype.itemsize > 8:
        raise FileFormatError(f"{what} holds no numbers", got=str(dataset.dtype))
    if dataset.id.get_create_plist().get_layout() not in PLAIN_LAYOUTS:
        # A piece may be declared, or unpack itself, to be much larger than the array.
        raise FileFormatError(
            f"{what} is stored in pieces, or packed",
            expected="an array stored as it is",
            fix="Undo it with `h5repack -l CONTI in.h5 out.h5`, or save the weights again.",
        )
    held = dataset.id.get_storage_size()
    if held < dataset.nbytes:
        raise FileFormatError(
            f"{what} says more than it holds", expected=f"{dataset.nbytes} bytes", got=str(held)
        )
    return np.asarray(dataset[()])


def plain_group(group: h5py.Group, path: str, what: str) -> h5py.Group | None:
    """Walk to a group, refusing links on the way; None when it is not there."""
    here: Any = group
    for part in path.split("/"):
        if part not in here:
            return None
        here = _plain_child(here, part, what)
        if not isinstance(here, h5py.Group):
            raise FileFormatError(f"{what} cannot be read", expected="a group", got="an array")
    return here


def refuse_surplus(file: h5py.Group, known: Collection[str], apart: Collection[str]) -> None:
    """Refuse a file that holds arrays, or links, that the model has no place for.

    Args:
        file: the file.
        known: the paths of the arrays that were read.
        apart: groups at the top that hold something else, and are not looked into.

    Raises:
        FileFormatError: there is one; or more groups than such a model can have.
    """
    # Groups can be their own children, and be many: so the steps are counted.
    steps, most = 0, 1000 + 16 * len(known)
    left: list[tuple[str, Any, str]] = [
        (str(name), file, str(name)) for name in file if name not in apart
    ]
    while left:
        path, group, name = left.pop()
        steps += 1
        if steps > most:
            raise FileFormatError("the file holds more groups than the model has layers")
        child = _plain_child(group, name, f"{path!r}")
        if isinstance(child, h5py.Group):
            inside = len(child)
            if steps + len(left) + inside > most:
                raise FileFormatError(f"the file holds {inside} things in the group {path!r}")
            left += [(f"{path}/{inner}", child, str(inner)) for inner in child]
        elif path not in known:
            raise FileFormatError(
                f"the file holds {path!r}, for which the model has no place",
                expected="the model's own weights",
                got="a surplus array",
                fix=ANOTHER_MODELS,
            )


@contextmanager
def damage_told(named: str) -> Generator[None]:
    """Turn what HDF5's library raises at damaged bytes into one sentence.

    Args:
        named: the file, as the user knows it.
    """
    try:
        yield
    except LatihError:
        raise
    except (
        OSError,
        RuntimeError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        MemoryError,
        OverflowError,
        NotImplementedError,
        UnicodeError,
    ) as error:
        raise FileFormatError(
            f"{named!r} holds weights that are damaged",
            expected="HDF5",
            got=f"{type(error).__name__}: {error}",
            fix="Take another copy of the file, or save the model again.",
        ) from error


def _plain_child(group: h5py.Group, name: str, what: str) -> Any:
    link = group.get(name, getlink=True)
    if link is None:
        raise FileFormatError(
            f"{what} is missing",
            expected="every weight of the model",
            got="a file without it",
            fix=ANOTHER_MODELS,
        )
    if not isinstance(link, h5py.HardLink):
        raise FileFormatError(f"{what} is a link to another place, which is not followed")
    return group[name]
